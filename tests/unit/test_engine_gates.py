"""The gates before a signal: each number at its edge, NaN, and the order of asking."""

import math
from datetime import timedelta
from typing import Any

import pytest
from builders import AT, FULL_DAY, SECOND, a_candidate, a_signal_context, a_signal_policy
from hypothesis import given
from hypothesis import strategies as st

from app.engine.gates import GATES, judge
from app.engine.gates.cutoff import cutoff, cutoff_of
from app.engine.state import LastSignal
from app.engine.verdicts import Reason, Verdict


def refusal(candidate: dict[str, Any], context: dict[str, Any] | None = None) -> Verdict:
    """Return the last verdict: the refusal, or the last gate's pass."""
    return judge(a_candidate(**candidate), a_signal_context(**(context or {})))[-1]


def ago(seconds: int, direction: int) -> LastSignal:
    return LastSignal(AT - seconds * SECOND, direction)


@pytest.mark.parametrize(
    ("candidate", "context", "reason"),
    [
        ({}, {}, Reason.PASSED),
        ({"due": False}, {}, Reason.NOT_DUE),
        ({}, {"hours": None}, Reason.MARKET_CLOSED),
        ({}, {"at": FULL_DAY.open - SECOND}, Reason.MARKET_CLOSED),
        ({}, {"at": FULL_DAY.close}, Reason.MARKET_CLOSED),
        ({"bars": 29}, {}, Reason.NO_HISTORY),
        ({"quoted_at": None}, {}, Reason.STALE_DATA),
        ({"quoted_at": AT - 90 * SECOND}, {}, Reason.PASSED),
        ({"quoted_at": AT - 91 * SECOND}, {}, Reason.STALE_DATA),
        ({"quoted_at": AT + 2 * SECOND}, {}, Reason.PASSED),
        ({"quoted_at": AT + 91 * SECOND}, {}, Reason.STALE_DATA),
        # C2: 0.12 for buy and for sell
        ({"score": 0.12}, {}, Reason.PASSED),
        ({"score": -0.12}, {}, Reason.PASSED),
        ({"score": 0.1199}, {}, Reason.BELOW_CUTOFF),
        ({"score": -0.1199}, {}, Reason.BELOW_CUTOFF),
        ({"score": math.nan}, {}, Reason.BELOW_CUTOFF),
        ({"score": 1.01}, {}, Reason.BELOW_CUTOFF),
        # C3: 180 s between signals, no change of sign within 90 s
        ({"last": ago(179, 1)}, {}, Reason.COOLDOWN),
        ({"last": ago(180, 1)}, {}, Reason.PASSED),
        ({"last": ago(89, -1)}, {}, Reason.DIRECTION_LOCK),
        ({"last": ago(90, -1)}, {}, Reason.PASSED),
        ({"score": -0.3, "last": ago(30, 1)}, {}, Reason.DIRECTION_LOCK),
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


def test_the_extended_cutoff_holds_outside_regular_hours() -> None:
    early = a_signal_context(at=FULL_DAY.open - SECOND)
    assert not cutoff(a_candidate(score=0.17), early).passed
    assert cutoff(a_candidate(score=0.18), early).passed


def test_gates_are_asked_in_order_up_to_the_first_refusal() -> None:
    names = [verdict.gate for verdict in judge(a_candidate(), a_signal_context())]
    assert names == [gate.__name__ for gate in GATES]
    stopped = judge(a_candidate(score=0.1), a_signal_context())
    assert [v.gate for v in stopped] == names[: names.index("cutoff") + 1]
    assert [v.passed for v in stopped] == [True] * (len(stopped) - 1) + [False]


def test_verdicts_carry_the_numbers_compared() -> None:
    passed = {v.gate: v for v in judge(a_candidate(score=-0.3), a_signal_context())}
    assert (passed["cutoff"].measured, passed["cutoff"].limit) == (0.3, 0.12)
    assert passed["stale_data"].measured == timedelta(0)
    refused = refusal({"last": ago(100, 1)})
    assert (refused.measured, refused.limit) == (100 * SECOND, 180 * SECOND)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_only_a_score_between_the_cutoff_and_one_passes(score: float) -> None:
    passed = refusal({"score": score}).passed
    assert passed == (0.12 <= abs(score) <= 1)


@given(st.integers(0, 400), st.sampled_from([-1, 1]), st.sampled_from([-0.3, 0.3]))
def test_a_pass_respects_cooldown_and_lock(seconds: int, direction: int, score: float) -> None:
    passed = refusal({"score": score, "last": ago(seconds, direction)}).passed
    same = (score > 0) == (direction > 0)
    assert passed == (seconds >= (180 if same else 90))
