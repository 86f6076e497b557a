"""Key figures of an hour, each by its definition (I5)."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from builders import AT
from hypothesis import given
from hypothesis import strategies as st

from app.engine.experiments import Reading
from app.engine.kpis import (
    Hour,
    Range,
    Score,
    excursions,
    figures,
    flip_flops,
    held_in,
)
from app.engine.trades import Trade

D = Decimal
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
EMPTY = Hour(AT, AT + HOUR, (), {}, (), 0, D(0))
TRADE = Trade("AAPL", AT, None, D(100), D(10), D(0))


def figures_of(**changes: Any) -> dict[str, Any]:
    return figures(replace(EMPTY, **changes), lambda at: 0.12)


def scores(*each: tuple[float, float], symbol: str = "AAPL") -> list[Score]:
    """Signals of a symbol by (minutes from the hour's beginning, score)."""
    return [Score(symbol, AT + minutes * MINUTE, score) for minutes, score in each]


def test_of_nothing_there_is_no_share() -> None:
    told = figures_of()
    nothing = ("strong_rate", "mae_median", "mfe_median", "tokens")
    assert [told[name] for name in nothing] == [None] * 4
    assert (told["generated"], told["flip_flops"], told["model_usd"]) == (0, 0, "0")


def test_i5_generated_against_suppressed() -> None:
    told = figures_of(
        scores=scores((-1, 0.2), (0, 0.2), (59.9, 0.2), (60, 0.2)),
        refused={"passed": 99, "cooldown": 3, "direction_lock": 2},
    )
    assert told["generated"] == 2
    assert told["suppressed"] == {"cooldown": 3, "direction_lock": 2}
    assert told["direction_locks"] == 2


@pytest.mark.parametrize(("score", "strong"), [(0.32, 1), (-0.32, 1), (0.3199, 0), (-0.3199, 0)])
def test_i5_strong_is_the_cutoff_and_two_tenths(score: float, strong: int) -> None:
    told = figures_of(scores=scores((1, score), (2, 0.13)))
    assert (told["strong"], told["strong_rate"]) == (strong, strong / 2)


def test_i5_the_cutoff_is_that_of_the_signals_time() -> None:
    hour = replace(EMPTY, scores=scores((1, 0.29), (31, 0.29)))
    told = figures(hour, lambda at: 0.12 - 0.03 if at < AT + 30 * MINUTE else 0.12)
    assert told["strong"] == 1


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([(0, 0.2), (5, -0.2)], 1),
        ([(0, 0.2), (10, -0.2)], 1),
        ([(0, 0.2), (10.01, -0.2)], 0),
        ([(0, 0.2), (5, 0.2)], 0),
        ([(0, 0.2), (3, -0.2), (6, 0.2)], 2),
        ([(-9, 0.2), (1, -0.2)], 1),  # turned around what the hour before said
        ([(-9, 0.2), (-1, -0.2)], 0),  # that one belongs to the hour before
        ([(0, 0.2), (4, 0.2), (12, -0.2)], 1),  # the last signal counts
        ([(0, 0.2), (5, 0.0), (6, -0.2)], 0),
    ],
)
def test_i5_flip_flops_in_ten_minutes(seen: list[tuple[float, float]], expected: int) -> None:
    assert flip_flops(scores(*seen), AT) == expected


def test_i5_another_symbols_signal_turns_nothing_around() -> None:
    seen = sorted([*scores((0, 0.2)), *scores((1, -0.2), symbol="MSFT")], key=lambda s: s.at)
    assert flip_flops(seen, AT) == 0


@given(st.lists(st.tuples(st.floats(0, 60), st.floats(-1, 1)), max_size=30))
def test_there_are_fewer_flip_flops_than_signals(seen: list[tuple[float, float]]) -> None:
    made = scores(*sorted(seen))
    assert 0 <= flip_flops(made, AT) <= max(len(made) - 1, 0)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (Range(98, 103), (D("0.02"), D("0.03"))),
        (Range(101, 103), (D(0), D("0.03"))),
        (Range(95, 99), (D("0.05"), D(0))),
        (Range(float("nan"), 103), None),
        (Range(98, float("inf")), None),
    ],
)
def test_i5_excursions_are_shares_of_the_entry(
    seen: Range, expected: tuple[Decimal, Decimal] | None
) -> None:
    assert excursions(TRADE, seen) == expected


def test_i5_medians_are_over_the_positions_with_prices() -> None:
    held = [(TRADE, Range(98, 103)), (TRADE, Range(96, 101)), (TRADE, None)]
    told = figures_of(held=held)
    assert (told["mae_median"], told["mfe_median"]) == ("0.03", "0.02")
    assert told["positions"] == 3


@pytest.mark.parametrize(
    ("opened", "closed", "held"),
    [
        (-5, 0, False),
        (-5, 1, True),
        (-5, None, True),
        (59, None, True),
        (60, None, False),
        (-5, 90, True),
    ],
)
def test_held_in_the_hour(opened: int, closed: int | None, held: bool) -> None:
    ends = None if closed is None else AT + closed * MINUTE
    trade = replace(TRADE, opened_at=AT + opened * MINUTE, closed_at=ends)
    assert bool(held_in([trade], AT, AT + HOUR)) is held


def counters(*each: tuple[str, int, int]) -> dict[str, Reading]:
    return {name: Reading(AT, yes, no) for name, yes, no in each}


def test_i5_overflow_by_bucket_and_what_is_not_known_is_null() -> None:
    before = counters(("quotes.tier_a", 100, 10), ("broker", 5, 0))
    now = counters(("quotes.tier_a", 117, 13), ("broker", 5, 0), ("new", 1, 1))
    told = figures_of(before=before, now=now)["tokens"]
    assert told == {
        "quotes.tier_a": {"granted": 17, "refused": 3, "overflow": 0.15},
        "broker": {"granted": 0, "refused": 0, "overflow": None},
    }
    for pair in ((None, now), (before, None), (None, None)):
        assert figures_of(before=pair[0], now=pair[1])["tokens"] is None
