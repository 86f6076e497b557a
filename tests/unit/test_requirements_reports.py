"""The numbers of requirements A6, A7, I5 and I6 in the shipped book, each at its edge."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import (
    AT,
    FULL_DAY,
    MINUTE,
    SECOND,
    D,
    a_candidate,
    a_position,
    a_risk_context,
    an_event,
    an_intent,
    by_symbol,
)

from app.config.changes import in_force
from app.config.loading import load
from app.engine import experiments, gates, kpis
from app.engine.candidates import SignalContext, cutoff_of
from app.engine.experiments import Trigger, settings_after
from app.engine.kpis import Hour, Score
from app.engine.model import asking
from app.engine.orders import Purpose, Side
from app.engine.risk import ENTRY_GATES, EXIT_GATES, judge
from app.engine.state import LastSignal
from app.engine.verdicts import Reason, Verdict

NO_FILE = Path("no such file")
SETTINGS = load({}, NO_FILE)
BOOK = SETTINGS.book("us_baskets")
QUIET = load({"AUTO_MODE": "0"}, NO_FILE).book("us_baskets")
HOUR = timedelta(hours=1)
CHURN, LOAD = (
    (Trigger.STOP_OUTS, Trigger.FLIP_FLOPS),
    (Trigger.MODEL_SURGE, Trigger.TIER_A_OVERFLOW),
)
#: The book that a rollback for every reason leaves behind.
AFTER = in_force(SETTINGS, "us_baskets", settings_after(tuple(Trigger))).book
SELL = {"side": Side.SELL, "purpose": Purpose.STOP_LOSS, "quantity": D(10)}
HELD = a_risk_context(positions=by_symbol(a_position()))

# At their edges: test_engine_gates.py, test_engine_kpis.py, test_engine_experiments.py; and here.
NUMBERS = [
    (
        "A6 a record for every gate of a signal",
        len(gates.judge(a_candidate(), SignalContext(AT, FULL_DAY, BOOK))),
        len(gates.GATES),
    ),
    (
        "A6 a record for every gate of an entry",
        len(judge(BOOK, an_intent(), a_risk_context()).judged),
        len(ENTRY_GATES),
    ),
    (
        "A6 a record for every gate of an exit",
        len(judge(BOOK, an_intent(**SELL), HELD).judged),
        len(EXIT_GATES),
    ),
    ("A7 AUTO_MODE", (SETTINGS.auto, BOOK.auto), (True, True)),
    ("A7 AUTO_MODE=0", QUIET.auto, False),
    ("A7 TEST_MODE_ENABLED", SETTINGS.test_mode, False),
    ("A7 DISABLE_REAL_TRADING", SETTINGS.real_disabled, False),
    ("A7 DISABLE_SLACK_ALERTS", SETTINGS.slack_disabled, False),
    ("I5 hourly", BOOK.schedule.kpis, HOUR),
    ("I5 strong", kpis.STRONG, 0.2),
    ("I5 flip-flops within", kpis.FLIP_WITHIN, 10 * MINUTE),
    ("I6 churn within", experiments.CHURN_WINDOW, HOUR),
    ("I6 actionable", experiments.LEAST_ACTIONABLE, 5),
    ("I6 stop-outs", experiments.STOP_OUT_PERCENT, 40),
    ("I6 flip-flops", experiments.FLIP_FLOP_PERCENT, 25),
    ("I6 load within", experiments.LOAD_WINDOW, 2 * HOUR),
    ("I6 tier A overflow", experiments.OVERFLOW_PERCENT, 15),
    ("I6 lock after", AFTER.signals.direction_lock, 120 * SECOND),
    ("I6 cooldown after", AFTER.signals.cooldown, 150 * SECOND),
    ("I6 delta after", AFTER.signals.cutoff_delta, 0.0),
    ("I6 score after", AFTER.model.min_score, 0.65),
    ("I6 reserve after", AFTER.rate_limits["quotes.reserve"].capacity, 0),
    ("I6 of churn alone", {len(settings_after([each])) for each in CHURN}, {2}),
    ("I6 of load alone", {len(settings_after([each])) for each in LOAD}, {2}),
]


@pytest.mark.parametrize(("requirement", "found", "expected"), NUMBERS)
def test_the_shipped_book_says(requirement: str, found: object, expected: object) -> None:
    assert found == expected, requirement


# -- A6 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("candidate", "record"),
    [
        ({"score": 0.11999}, Verdict("cutoff", Reason.BELOW_CUTOFF, 0.11999, 0.12)),
        (
            {"last": LastSignal(AT - 179 * SECOND, 1)},
            Verdict("cooldown", Reason.COOLDOWN, 179 * SECOND, 180 * SECOND),
        ),
        (
            {"last": LastSignal(AT - 89 * SECOND, -1)},
            Verdict("direction_lock", Reason.DIRECTION_LOCK, 89 * SECOND, 90 * SECOND),
        ),
        (
            {"quoted_at": AT - 91 * SECOND},
            Verdict("stale_data", Reason.STALE_DATA, 91 * SECOND, 90 * SECOND),
        ),
    ],
)
def test_a6_a_refusal_names_its_gate_and_the_numbers_compared(
    candidate: dict[str, Any], record: Verdict
) -> None:
    assert gates.judge(a_candidate(**candidate), SignalContext(AT, FULL_DAY, BOOK))[-1] == record


# -- A7 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("intent", [{}, SELL], ids=["entry", "exit"])
def test_a7_without_auto_mode_nothing_becomes_an_order(intent: dict[str, Any]) -> None:
    context = HELD if intent else a_risk_context()
    assert judge(BOOK, an_intent(**intent), context).order is not None
    quiet = judge(QUIET, an_intent(**intent), context)
    assert quiet.order is None
    assert quiet.judged[-1][2].reason is Reason.AUTO_MODE_OFF


# -- I5 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("score", "strong"), [(0.31999, 0), (0.32, 1), (0.32001, 1)])
def test_i5_strong_is_two_tenths_above_the_shipped_cutoff(score: float, strong: int) -> None:
    said = [Score("AAPL", AT, score), Score("MSFT", AT, -score)]
    hour = Hour(AT, AT + HOUR, said, {}, (), 0, D(0))
    told = kpis.figures(hour, lambda at: cutoff_of(BOOK.signals, in_regular_hours=True))
    assert (told["strong"], told["strong_rate"]) == (2 * strong, strong)


# -- I6: what a rollback leaves behind -----------------------------------------------------------


@pytest.mark.parametrize(
    ("requirement", "seconds", "direction", "reason"),
    [
        ("I6 lock after", 119, -1, Reason.DIRECTION_LOCK),
        ("I6 lock after", 120, -1, Reason.PASSED),
        ("I6 lock after", 121, -1, Reason.PASSED),
        ("I6 cooldown after", 149, 1, Reason.COOLDOWN),
        ("I6 cooldown after", 150, 1, Reason.PASSED),
        ("I6 cooldown after", 151, 1, Reason.PASSED),
    ],
)
def test_i6_signals_after_a_rollback(
    requirement: str, seconds: int, direction: int, reason: Reason
) -> None:
    candidate = a_candidate(last=LastSignal(AT - seconds * SECOND, direction))
    context = SignalContext(AT, FULL_DAY, AFTER)
    assert gates.judge(candidate, context)[-1].reason is reason, requirement


@pytest.mark.parametrize(("score", "asked"), [(0.64999, 0), (0.65, 1), (0.65001, 1)])
def test_i6_the_model_after_a_rollback(score: float, asked: int) -> None:
    assert len(asking(AFTER, {"AAPL": score}, [an_event("AAPL")], AT).questions) == asked
