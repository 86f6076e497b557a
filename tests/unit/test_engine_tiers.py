"""Tiers: who is due when, what wakes the bench, and who should be watched how often."""

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from builders import AT, MINUTE, SECOND, a_book, an_event
from hypothesis import given
from hypothesis import strategies as st

from app.engine.tiers import Due, changed, due, interval, propose, realised_volatility, woken

BOOK = a_book()
A, B, BENCH = BOOK.universe.tier_a, BOOK.universe.tier_b, BOOK.universe.bench


@pytest.mark.parametrize(
    ("at", "interest", "expected"),
    [
        (AT, (), Due(A, B)),
        (AT + 30 * SECOND, (), Due(A, ())),
        (AT + 60 * SECOND, (), Due(A, B)),
        (AT + 30 * SECOND, ("SOXS", "AMD"), Due(A, ("AMD", "SOXS"))),
        (AT + 30 * SECOND, ("AAPL", "META"), Due(A, ("META",))),
        (AT + 10 * SECOND, ("AAPL",), Due((), ("AAPL",))),
        (AT + 10 * SECOND, (), Due((), ())),
    ],
)
def test_b2_who_is_due(at: object, interest: tuple[str, ...], expected: Due) -> None:
    assert due(BOOK, at, interest) == expected  # type: ignore[arg-type]


def test_how_often_each_is_quoted() -> None:
    assert [interval(BOOK, s) for s in ("NVDA", "SQQQ", "AMD")] == [
        30 * SECOND,
        60 * SECOND,
        30 * SECOND,
    ]


def test_b2_the_bench_wakes_on_its_own_events_for_the_window() -> None:
    oldest = AT - 15 * MINUTE
    events = [
        an_event("AMD", at=oldest),
        an_event("SOXS", at=oldest - SECOND),
        an_event("AVGO", at=AT - timedelta(days=1)),
        an_event("NFLX", at=oldest, first_seen_at=AT + SECOND),
        an_event("AAPL"),
        an_event(None),
    ]
    assert woken(BOOK, events, AT) == {"AMD"}


def test_realised_volatility_is_that_of_the_days_and_not_of_the_nights() -> None:
    one = [100.0, 101.0, 100.0]
    variance = math.log(1.01) ** 2 * 2
    assert realised_volatility([one]) == pytest.approx(math.sqrt(variance))
    far = [price * 5 for price in one]
    assert realised_volatility([one, far, [7.0], []]) == pytest.approx(math.sqrt(variance))
    assert math.isnan(realised_volatility([[], [3.0]]))


def test_it_estimates_the_volatility_that_drew_the_walk() -> None:
    draw = np.random.default_rng(3)
    days = [list(100 * np.exp(np.cumsum(draw.normal(0, 0.001, 390)))) for _ in range(20)]
    assert realised_volatility(days) == pytest.approx(0.001 * math.sqrt(389), rel=0.05)


def test_the_liveliest_are_watched_most_often() -> None:
    lively = dict.fromkeys(BOOK.universe.symbols, 0.01) | {"NFLX": 0.05, "AAPL": 0.001}
    tier_a, tier_b, bench = propose(BOOK, lively)
    assert tier_a == ("NVDA", "MSFT", "TSLA", "NFLX")
    assert tier_b == ("AMZN", "GOOGL", "META", "SQQQ")
    assert bench == ("AAPL", "AMD", "AVGO", "SOXS")
    assert changed(BOOK.universe, (tier_a, tier_b, bench))


def test_without_figures_everybody_stays() -> None:
    today = (A, B, BENCH)
    assert propose(BOOK, {}) == today
    assert propose(BOOK, {"NFLX": math.nan}) == today
    assert not changed(BOOK.universe, today)


volatilities = st.dictionaries(
    st.sampled_from(BOOK.universe.symbols), st.floats(0, 1) | st.just(math.nan)
)


@given(volatilities)
def test_b2_sizes_inverse_etfs_and_their_share_stay(volatility: dict[str, float]) -> None:
    proposed = propose(BOOK, volatility)
    assert [len(tier) for tier in proposed] == [len(A), len(B), len(BENCH)]
    assert sorted(s for tier in proposed for s in tier) == sorted(BOOK.universe.symbols)
    assert "SQQQ" in proposed[1]
    assert "SOXS" in proposed[2]
    after = replace(BOOK, universe=replace(BOOK.universe, tier_a=proposed[0], tier_b=proposed[1]))
    inverse = set(after.universe.symbols) & set(after.universe.inverse)
    assert len(inverse) <= 0.17 * 12
    assert propose(BOOK, dict(reversed(volatility.items()))) == proposed


@given(st.integers(0, 100_000))
def test_every_second_belongs_to_the_tiers_that_it_divides(second: int) -> None:
    found = due(BOOK, AT + timedelta(seconds=second))
    assert bool(found.tier_a) == (second % 30 == 0)
    assert bool(found.others) == (second % 60 == 0)
