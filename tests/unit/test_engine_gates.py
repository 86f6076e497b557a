"""The gates before a signal: each number at its edge, NaN, and the order of asking."""

import math
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
from builders import (
    AT,
    FULL_DAY,
    HALF_DAY,
    MINUTE,
    SECOND,
    a_book,
    a_candidate,
    a_model_policy,
    a_signal_context,
    a_signal_policy,
)
from hypothesis import given
from hypothesis import strategies as st

from app.engine.candidates import Candidate, cutoff_of
from app.engine.caps import DayCounts
from app.engine.gates import GATES, judge
from app.engine.gates.bad_data import bad_data
from app.engine.gates.cooldown import cooldown
from app.engine.gates.cutoff import cutoff
from app.engine.gates.daily_cap import daily_cap
from app.engine.gates.direction_lock import direction_lock
from app.engine.gates.own_score import own_score
from app.engine.state import LastSignal
from app.engine.verdicts import Reason, Verdict

OVERNIGHT = a_book(signals=a_signal_policy(extended_hours=True))
REFUSING = a_book(model=a_model_policy(fallback="refuse"))
DELTA = a_book(signals=a_signal_policy(cutoff_delta=-0.03))


def refusal(candidate: dict[str, Any], context: dict[str, Any] | None = None) -> Verdict:
    """Return the last verdict: the refusal, or the last gate's pass."""
    if "own" not in candidate and "score" in candidate:
        candidate = {"own": candidate["score"], **candidate}
    return judge(a_candidate(**candidate), a_signal_context(**(context or {})))[-1]


def ago(seconds: int, direction: int) -> LastSignal:
    return LastSignal(AT - seconds * SECOND, direction)


def early(**changes: Any) -> dict[str, Any]:
    """A context at the first instant of extended hours, 04:00 in New York."""
    return {"book": OVERNIGHT, "at": FULL_DAY.open - timedelta(hours=5, minutes=30), **changes}


def at(moment: Any, **changes: Any) -> dict[str, Any]:
    return {"quoted_at": moment, **changes}


FOUR, EIGHT = early()["at"], FULL_DAY.close + timedelta(hours=4)
FIVE = HALF_DAY.close + timedelta(hours=4)


@pytest.mark.parametrize(
    ("candidate", "context", "reason"),
    [
        ({}, {}, Reason.PASSED),
        ({"due": False}, {}, Reason.NOT_DUE),
        # B2: the bench only on an event of the last 15 minutes, or while held
        ({"symbol": "AMD"}, {}, Reason.NO_EVENT),
        ({"symbol": "AMD", "due": False}, {}, Reason.NO_EVENT),
        ({"symbol": "AMD", "held": True}, {}, Reason.PASSED),
        ({"symbol": "AMD", "event_at": AT - 15 * MINUTE}, {}, Reason.PASSED),
        ({"symbol": "AMD", "event_at": AT - 15 * MINUTE - SECOND}, {}, Reason.NO_EVENT),
        ({"symbol": "AMD", "event_at": AT + SECOND}, {}, Reason.NO_EVENT),
        # hours
        ({}, {"hours": None}, Reason.MARKET_CLOSED),
        ({}, {"at": FULL_DAY.open - SECOND}, Reason.MARKET_CLOSED),
        ({}, {"at": FULL_DAY.close}, Reason.MARKET_CLOSED),
        (at(FOUR), early(), Reason.PASSED),
        (at(FOUR), early(book=a_book()), Reason.MARKET_CLOSED),
        ({}, early(at=FOUR - SECOND), Reason.MARKET_CLOSED),
        (at(EIGHT), early(at=EIGHT - SECOND), Reason.PASSED),
        ({}, early(at=EIGHT), Reason.MARKET_CLOSED),
        (at(FIVE), early(at=FIVE - SECOND, hours=HALF_DAY), Reason.PASSED),
        ({}, early(at=FIVE, hours=HALF_DAY), Reason.MARKET_CLOSED),
        # C2: 0.18 in extended hours
        (at(FOUR, score=0.1799), early(), Reason.BELOW_CUTOFF),
        (at(FOUR, score=0.18), early(), Reason.PASSED),
        # data
        ({"bars": 29}, {}, Reason.NO_HISTORY),
        ({"quoted_at": None}, {}, Reason.STALE_DATA),
        ({"quoted_at": AT - 90 * SECOND}, {}, Reason.PASSED),
        ({"quoted_at": AT - 91 * SECOND}, {}, Reason.STALE_DATA),
        ({"quoted_at": AT + 2 * SECOND}, {}, Reason.PASSED),
        ({"quoted_at": AT + 91 * SECOND}, {}, Reason.STALE_DATA),
        ({"flaw": "a split of 4:1"}, {}, Reason.BAD_DATA),
        ({"price": 0.0}, {}, Reason.BAD_DATA),
        ({"price": math.inf}, {}, Reason.BAD_DATA),
        ({"price": math.nan}, {}, Reason.BAD_DATA),
        # C2: 0.12 for buy and for sell, and a delta
        ({"score": 0.12}, {}, Reason.PASSED),
        ({"score": -0.12}, {}, Reason.PASSED),
        ({"score": 0.1199}, {}, Reason.BELOW_CUTOFF),
        ({"score": -0.1199}, {}, Reason.BELOW_CUTOFF),
        ({"score": 0.09}, {"book": DELTA}, Reason.PASSED),
        ({"score": 0.0899}, {"book": DELTA}, Reason.BELOW_CUTOFF),
        ({"score": math.nan}, {}, Reason.BELOW_CUTOFF),
        ({"score": 1.01}, {}, Reason.BELOW_CUTOFF),
        # D4: half of the cutoff by its own price, in the same direction
        ({"own": 0.06}, {}, Reason.PASSED),
        ({"own": 0.0599}, {}, Reason.TEXT_ALONE),
        ({"own": -0.3}, {}, Reason.TEXT_ALONE),
        ({"score": -0.3, "own": 0.3}, {}, Reason.TEXT_ALONE),
        ({"own": 0.045}, {"book": DELTA}, Reason.PASSED),
        # D3: without an answer
        ({"unanswered": Reason.MODEL_LATE}, {}, Reason.PASSED),
        ({"unanswered": Reason.MODEL_LATE}, {"book": REFUSING}, Reason.MODEL_LATE),
        ({}, {"book": REFUSING}, Reason.PASSED),
        # C3: 180 s between signals, no change of sign within 90 s
        ({"last": ago(179, 1)}, {}, Reason.COOLDOWN),
        ({"last": ago(180, 1)}, {}, Reason.PASSED),
        ({"last": ago(89, -1)}, {}, Reason.DIRECTION_LOCK),
        ({"last": ago(90, -1)}, {}, Reason.PASSED),
        ({"score": -0.3, "last": ago(30, 1)}, {}, Reason.DIRECTION_LOCK),
        # C4: entries of a ticker by its tier, and of all
        ({}, {"entries": DayCounts({"AAPL": 19})}, Reason.PASSED),
        ({}, {"entries": DayCounts({"AAPL": 20})}, Reason.DAILY_CAP),
        ({"symbol": "AMZN"}, {"entries": DayCounts({"AMZN": 15})}, Reason.DAILY_CAP),
        ({"symbol": "AMZN"}, {"entries": DayCounts({"AAPL": 20})}, Reason.PASSED),
        ({"symbol": "AMD", "held": True}, {"entries": DayCounts({"AMD": 10})}, Reason.DAILY_CAP),
        ({}, {"entries": DayCounts({"X": 99})}, Reason.PASSED),
        ({}, {"entries": DayCounts({"X": 60, "Y": 40})}, Reason.DAILY_CAP),
        ({"score": -0.3}, {"entries": DayCounts({"AAPL": 200})}, Reason.PASSED),
        ({"symbol": "SQQQ"}, {"entries": DayCounts({"SQQQ": 200})}, Reason.PASSED),
    ],
)
def test_numbers(candidate: dict[str, Any], context: dict[str, Any], reason: Reason) -> None:
    assert refusal(candidate, context).reason is reason


@pytest.mark.parametrize(
    ("changes", "in_regular_hours", "limit"),
    [
        ({}, True, 0.12),
        ({}, False, 0.18),
        ({"cutoff_extended": 0.05}, False, 0.12),
        ({"cutoff_delta": -0.03}, True, 0.09),
        ({"cutoff_delta": 0.05}, False, 0.23),
    ],
)
def test_c2_cutoff_of_the_hours_plus_delta(
    changes: dict[str, float], in_regular_hours: bool, limit: float
) -> None:
    assert cutoff_of(a_signal_policy(**changes), in_regular_hours=in_regular_hours) == limit


def test_c3_the_order_of_the_gates() -> None:
    assert [gate.__name__ for gate in GATES] == [
        "tier_due",
        "event_tier",
        "session",
        "history",
        "stale_data",
        "bad_data",
        "cutoff",
        "own_score",
        "model",
        "cooldown",
        "direction_lock",
        "daily_cap",
    ]


def test_gates_are_asked_in_order_up_to_the_first_refusal() -> None:
    names = [verdict.gate for verdict in judge(a_candidate(), a_signal_context())]
    assert names == [gate.__name__ for gate in GATES]
    stopped = judge(a_candidate(score=0.1), a_signal_context())
    assert [v.gate for v in stopped] == names[: names.index("cutoff") + 1]
    assert [v.passed for v in stopped] == [True] * (len(stopped) - 1) + [False]


def test_verdicts_carry_the_numbers_compared() -> None:
    candidate = a_candidate(score=-0.3, own=-0.2)
    passed = {v.gate: v for v in judge(candidate, a_signal_context())}
    assert (passed["cutoff"].measured, passed["cutoff"].limit) == (0.3, 0.12)
    assert (passed["own_score"].measured, passed["own_score"].limit) == (0.2, 0.06)
    assert passed["stale_data"].measured == timedelta(0)
    assert (passed["daily_cap"].measured, passed["daily_cap"].limit) == (0, 100)
    refused = refusal({"last": ago(100, 1)})
    assert (refused.measured, refused.limit) == (100 * SECOND, 180 * SECOND)
    flawed = refusal({"flaw": "0.5 within a bar, 100 to 50: a split of 2:1"})
    assert (flawed.measured, flawed.limit) == ("0.5 within a bar, 100 to 50: a split of 2:1", 0.25)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_only_a_score_between_the_cutoff_and_one_passes(score: float) -> None:
    passed = refusal({"score": score}).passed
    assert passed == (0.12 <= abs(score) <= 1)


FLOATS = [field.name for field in fields(Candidate) if field.type is float]
#: What each gate reads that may be no number; the others read no float of a candidate.
READS = {
    bad_data: ("price",),
    cutoff: ("score",),
    own_score: ("score", "own"),
    cooldown: ("score",),
    direction_lock: ("score",),
    daily_cap: ("score",),
}


@given(
    st.sampled_from([(gate, name) for gate, names in READS.items() for name in names]),
    st.floats(-2, 2),
    st.none() | st.builds(ago, st.integers(0, 400), st.sampled_from([-1, 1])),
    st.sampled_from([{}, {"AAPL": 20}]),
)
def test_nan_passes_no_gate_that_reads_it(
    case: tuple[Any, str], other: float, last: LastSignal | None, entries: dict[str, int]
) -> None:
    gate, name = case
    values = dict.fromkeys(FLOATS, other) | {name: math.nan}
    candidate = a_candidate(**values, last=last)
    context = a_signal_context(entries=DayCounts(entries))
    assert not gate(candidate, context).passed


@given(st.sampled_from(FLOATS), st.floats(-1, 1))
def test_nan_never_becomes_a_signal(name: str, other: float) -> None:
    values = dict.fromkeys(FLOATS, other) | {"price": 100.0} | {name: math.nan}
    assert not judge(a_candidate(**values), a_signal_context())[-1].passed


@given(st.integers(0, 400), st.sampled_from([-1, 1]), st.sampled_from([-0.3, 0.3]))
def test_a_pass_respects_cooldown_and_lock(seconds: int, direction: int, score: float) -> None:
    passed = refusal({"score": score, "last": ago(seconds, direction)}).passed
    same = (score > 0) == (direction > 0)
    assert passed == (seconds >= (180 if same else 90))


@given(st.integers(0, 40), st.integers(0, 200), st.integers(1, 50))
def test_caps_are_monotone(own: int, others: int, more: int) -> None:
    """What a day refuses, a day with more entries refuses too."""
    context = a_signal_context(entries=DayCounts({"AAPL": own, "X": others}))
    fuller = replace(context, entries=DayCounts({"AAPL": own + more, "X": others}))
    assert daily_cap(a_candidate(), context).passed or not daily_cap(a_candidate(), fuller).passed
