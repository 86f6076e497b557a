"""The triggers of experiments at their exact numbers, and the counters behind them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.experiments import (
    Measured,
    Reading,
    Trigger,
    fired,
    kept,
    settings_after,
    spent,
)

AT = datetime(2026, 3, 20, 15, 0, tzinfo=UTC)
QUIET = Measured(0, 0, 0, 0, 0, 0, 0)
CALLS_A_DAY = 120
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({}, ()),
        # >= 5 actionable within an hour
        ({"actionable": 4, "exits": 5, "stop_outs": 5, "flip_flops": 4}, ()),
        ({"actionable": 5, "exits": 5, "stop_outs": 2}, (Trigger.STOP_OUTS,)),
        # stop-outs >= 40 % of the exits
        ({"actionable": 50, "exits": 5, "stop_outs": 2}, (Trigger.STOP_OUTS,)),
        ({"actionable": 50, "exits": 1000, "stop_outs": 399}, ()),
        ({"actionable": 50, "exits": 1000, "stop_outs": 400}, (Trigger.STOP_OUTS,)),
        ({"actionable": 50, "exits": 0, "stop_outs": 0}, ()),
        # flip-flops >= 25 % of the actionable
        ({"actionable": 8, "flip_flops": 2}, (Trigger.FLIP_FLOPS,)),
        ({"actionable": 9, "flip_flops": 2}, ()),
        ({"actionable": 1000, "flip_flops": 249}, ()),
        ({"actionable": 1000, "flip_flops": 250}, (Trigger.FLIP_FLOPS,)),
        # half of the day's calls within two hours
        ({"model_calls": 59}, ()),
        ({"model_calls": 60}, (Trigger.MODEL_SURGE,)),
        # tier A overflow >= 15 % of what was asked
        ({"granted": 851, "refused": 149}, ()),
        ({"granted": 850, "refused": 150}, (Trigger.TIER_A_OVERFLOW,)),
        ({"granted": 17, "refused": 3}, (Trigger.TIER_A_OVERFLOW,)),
        ({"granted": 18, "refused": 3}, ()),
        (
            {"actionable": 5, "exits": 1, "stop_outs": 1, "flip_flops": 5, "refused": 1},
            (Trigger.STOP_OUTS, Trigger.FLIP_FLOPS, Trigger.TIER_A_OVERFLOW),
        ),
    ],
)
def test_i6_triggers_at_their_numbers(seen: dict[str, int], expected: tuple[Trigger, ...]) -> None:
    assert fired(replace(QUIET, **seen), CALLS_A_DAY) == expected


def test_i6_a_budget_of_no_calls_surges_with_the_first() -> None:
    assert fired(QUIET, 0) == ()
    assert fired(replace(QUIET, model_calls=1), 0) == (Trigger.MODEL_SURGE,)


@pytest.mark.parametrize("trigger", [Trigger.STOP_OUTS, Trigger.FLIP_FLOPS])
def test_i6_churn_leaves_a_longer_lock_and_cooldown(trigger: Trigger) -> None:
    assert settings_after([trigger]) == {
        "DIRECTION_LOCK_SECONDS": "120",
        "MIXER_COOLDOWN_SECONDS": "150",
    }


@pytest.mark.parametrize("trigger", [Trigger.MODEL_SURGE, Trigger.TIER_A_OVERFLOW])
def test_i6_load_leaves_fewer_questions_and_no_reserve(trigger: Trigger) -> None:
    assert settings_after([trigger]) == {
        "LLM_MIN_SIGNAL_SCORE": "0.65",
        "QUOTE_RESERVE_FALLBACK": "0",
    }


def test_i6_both_leave_both_and_none_leaves_nothing() -> None:
    assert len(settings_after(list(Trigger))) == 4
    assert settings_after([]) == {}


counts = st.integers(0, 10_000)


@given(
    seen=st.builds(Measured, counts, counts, counts, counts, counts, counts, counts),
    more=st.integers(0, 100),
)
def test_more_of_what_is_bad_never_silences_a_trigger(seen: Measured, more: int) -> None:
    worse = replace(
        seen,
        flip_flops=seen.flip_flops + more,
        stop_outs=seen.stop_outs + more,
        model_calls=seen.model_calls + more,
        refused=seen.refused + more,
    )
    assert set(fired(seen, CALLS_A_DAY)) <= set(fired(worse, CALLS_A_DAY))


def readings(*counters: tuple[int, int]) -> list[Reading]:
    return [Reading(AT + n * MINUTE, *each) for n, each in enumerate(counters)]


@pytest.mark.parametrize(
    ("counters", "expected"),
    [
        ([], (0, 0)),
        ([(7, 3)], (0, 0)),
        ([(7, 3), (9, 3), (9, 4)], (2, 1)),
        ([(7, 3), (2, 1), (5, 1)], (5, 1)),  # emptied: what was counted since then
        ([(7, 3), (0, 0)], (0, 0)),
    ],
)
def test_what_a_bucket_spent(counters: list[tuple[int, int]], expected: tuple[int, int]) -> None:
    assert spent(readings(*counters)) == expected


@given(
    steps=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20),
    first=st.tuples(counts, counts),
)
def test_counters_that_only_grow_spend_their_difference(
    steps: list[tuple[int, int]], first: tuple[int, int]
) -> None:
    seen = [first]
    for granted, refused in steps:
        seen.append((seen[-1][0] + granted, seen[-1][1] + refused))
    assert spent(readings(*seen)) == (seen[-1][0] - first[0], seen[-1][1] - first[1])


def test_two_hours_of_readings_are_kept_and_the_one_before() -> None:
    made = [Reading(AT + n * MINUTE, n, 0) for n in range(300)]
    now = made[-1].at
    left = kept(made, now)
    assert left[0].at == now - timedelta(hours=2)
    assert len(left) == 121
    assert spent(left) == (120, 0)
    assert kept(left, now) == left
