"""The mixer: formula, bounds for any inputs, decay, order, and nothing from the future."""

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from builders import AT, MINUTE, a_book, a_mix_policy, an_event
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.events import Event, EventKind
from app.engine.mixer import HALF_LIVES, Evidence, lasts, mix
from app.engine.opinions import Opinion
from app.engine.score import Scores

BOOK = a_book()
SYMBOLS = ("AAPL", "SQQQ")


def technical(*scores: float) -> Scores:
    """Technical scores of AAPL and SQQQ, made of a trend and a volume that add up to them."""
    whole = np.array(scores or (0.2, 0.2))
    return Scores(SYMBOLS, whole, {"trend": 1.5 * whole, "volume": -0.5 * whole})


def an_opinion(event: Event, **changes: Any) -> Opinion:
    opinion = Opinion(event.id, "AAPL", AT, stance=1.0, confidence=1.0, call=1)
    return replace(opinion, **changes)


def mixed(own: Scores, *events: Event, opinions: tuple[Opinion, ...] = ()) -> Scores:
    return mix(BOOK, own, Evidence(AT, events, opinions))


def aapl(*events: Event, opinions: tuple[Opinion, ...] = ()) -> float:
    return float(mixed(technical(), *events, opinions=opinions).score[0])


def test_without_texts_the_technical_score_stands_alone() -> None:
    assert aapl() == 0.2
    assert aapl(an_event(symbol="MSFT")) == 0.2
    assert aapl(an_event(kind=EventKind.VOL_SPIKE, tone=None)) == 0.2


def test_the_formula() -> None:
    news = an_event(tone=0.5, relevance=0.8, at=AT - 15 * MINUTE)
    filing = an_event(id="f", kind=EventKind.EDGAR, tone=-0.1, relevance=1.0, at=AT - 60 * MINUTE)
    drawn, filed = 0.2 * 0.4, 0.1 * 0.5
    expected = (0.6 * 0.2 + drawn * 0.5 + filed * -0.1) / (0.6 + drawn + filed)
    assert aapl(news, filing) == pytest.approx(expected)


def test_several_texts_are_weighed_by_relevance_and_age() -> None:
    texts = (
        an_event(id="a", tone=0.8, relevance=1.0, at=AT - 15 * MINUTE),
        an_event(id="b", tone=-0.4, relevance=0.5),
    )
    value, fresh = (0.5 * 0.8 - 0.5 * 0.4) / 1.0, 0.5
    expected = (0.6 * 0.2 + 0.2 * fresh * value) / (0.6 + 0.2 * fresh)
    assert aapl(*texts) == pytest.approx(expected)


def test_c5_news_of_the_market_are_reversed_for_inverse_etfs() -> None:
    stock, inverse = mixed(technical(), an_event(symbol=None, tone=1.0)).score
    assert stock > 0.2 > inverse
    alone = mixed(technical(), an_event(symbol="SQQQ", tone=1.0)).score
    assert alone[1] > 0.2


def test_d4_the_model_moves_a_score_by_its_bound_and_no_more() -> None:
    event = an_event(tone=None)
    loud = replace(BOOK, mixer=a_mix_policy(model_bound=0.05))
    against = (an_opinion(event, stance=-1.0),)
    score = mix(loud, technical(), Evidence(AT, (event,), against)).score[0]
    assert score == pytest.approx(0.15)
    assert aapl(event, opinions=against) < 0.2


def test_of_one_event_the_newest_answer_counts_and_an_unknown_event_has_none() -> None:
    event = an_event(tone=None)
    old, new = an_opinion(event, at=AT - MINUTE, stance=-1.0), an_opinion(event, call=2)
    assert aapl(event, opinions=(old, new)) == aapl(event, opinions=(new,)) > 0.2
    assert aapl(opinions=(new,)) == 0.2


def test_an_answer_makes_old_news_no_newer() -> None:
    moved = []
    for age in (0, 15, 24 * 60):
        event = an_event(tone=None, at=AT - age * MINUTE)
        moved.append(aapl(event, opinions=(an_opinion(event),)) - 0.2)
    assert moved[0] > moved[1] > moved[2] == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"first_seen_at": AT + timedelta(microseconds=1)},
        {"relevance": 0.49},
        {"relevance": math.nan},
        {"relevance": 1.01},
        {"tone": math.nan},
        {"tone": 1.5},
        {"at": AT - (HALF_LIVES * 15 * MINUTE + MINUTE)},
    ],
)
def test_what_was_not_known_or_cannot_be_is_left_out(changes: dict[str, Any]) -> None:
    assert aapl(an_event(**changes)) == 0.2


@pytest.mark.parametrize(
    "changes",
    [
        {"at": AT + timedelta(microseconds=1)},
        {"stance": math.nan},
        {"stance": -1.1},
        {"confidence": 1.1},
        {"confidence": -0.1},
        {"confidence": math.nan},
    ],
)
def test_an_answer_that_cannot_be_is_left_out(changes: dict[str, Any]) -> None:
    event = an_event(tone=None)
    assert aapl(event, opinions=(an_opinion(event, **changes),)) == 0.2


def test_a_source_whose_clock_is_ahead_has_age_zero() -> None:
    assert aapl(an_event(at=AT + MINUTE)) == aapl(an_event(at=AT))


def test_nan_stays_nan() -> None:
    score = mixed(technical(math.nan, 0.2), an_event(symbol=None)).score
    assert np.isnan(score[0])
    assert np.isfinite(score[1])


def test_what_must_be_loaded_covers_every_half_life() -> None:
    assert lasts(BOOK) == HALF_LIVES * timedelta(hours=1)


any_number = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-1, 1)
ages = st.integers(-3600, 40_000).map(lambda s: AT - timedelta(seconds=s))
events = st.builds(
    an_event,
    symbol=st.sampled_from([*SYMBOLS, None]),
    id=st.sampled_from("abcdef"),
    kind=st.sampled_from(EventKind),
    at=ages,
    first_seen_at=ages,
    relevance=any_number,
    tone=any_number | st.none(),
)
opinions = st.builds(
    Opinion,
    st.sampled_from("abcdef"),
    st.sampled_from(SYMBOLS),
    ages,
    any_number,
    any_number,
    st.integers(1, 9),
)
own_scores = st.floats(-1, 1) | st.just(math.nan)


@given(own_scores, own_scores, st.lists(events, max_size=6), st.lists(opinions, max_size=6))
@settings(max_examples=150, deadline=None)
def test_bounds_hold_and_components_add_up_whatever_comes_in(
    first: float, second: float, texts: list[Event], answers: list[Opinion]
) -> None:
    own = technical(first, second)
    without = mix(BOOK, own, Evidence(AT, tuple(texts))).score
    whole = mix(BOOK, own, Evidence(AT, tuple(texts), tuple(answers)))
    known = np.isfinite(own.score)
    assert np.array_equal(np.isfinite(whole.score), known)
    assert np.all(np.abs(whole.score[known]) <= 1)
    assert np.all(np.abs(whole.score - own.score)[known] <= BOOK.mixer.text_bound + 1e-12)
    assert np.all(np.abs(whole.score - without)[known] <= BOOK.mixer.model_bound + 1e-12)
    total = sum(whole.components.values(), start=np.zeros(2))
    assert total[known] == pytest.approx(whole.score[known], abs=1e-12)
    assert set(whole.components) == {"trend", "volume", "news", "filing", "model"}


@given(st.lists(events, max_size=6, unique_by=lambda e: e.id), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_events_is_of_no_importance(texts: list[Event], draw: Any) -> None:
    shuffled = texts.copy()
    draw.shuffle(shuffled)
    first, second = (mixed(technical(), *some).score for some in (texts, shuffled))
    assert np.array_equal(first, second)


@given(st.integers(0, 20_000), st.integers(0, 20_000), st.floats(-1, 1))
def test_what_a_text_moves_decays_with_its_age(one: int, two: int, tone: float) -> None:
    young, old = sorted((one, two))
    moves = [
        abs(aapl(an_event(tone=tone, at=AT - timedelta(seconds=age))) - 0.2) for age in (young, old)
    ]
    assert moves[0] >= moves[1] - 1e-15


@given(st.lists(events, max_size=6))
@settings(max_examples=60, deadline=None)
def test_what_becomes_known_later_changes_nothing(texts: list[Event]) -> None:
    later = [replace(e, id=f"later-{e.id}", first_seen_at=AT + MINUTE) for e in texts]
    assert np.array_equal(
        mixed(technical(), *texts, *later).score, mixed(technical(), *texts).score
    )


@pytest.mark.parametrize(("later", "moves"), [(0, True), (1, False)])
def test_b4_a_tone_counts_from_when_it_became_known(later: int, moves: bool) -> None:
    told = an_event(first_seen_at=AT - MINUTE, at=AT - MINUTE, tone=1.0)
    added = replace(told, tone_at=AT + later * MINUTE)
    assert aapl(added) == (aapl(told) if moves else 0.2)
    assert aapl(told) > 0.2
