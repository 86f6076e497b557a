"""The numbers of requirements B2, B3, C1 to C4 and D1 in the shipped book, each at its edge."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import AT, FULL_DAY, MINUTE, SECOND, a_candidate

from app.config.book_checks import check_book
from app.config.loading import load
from app.engine.book import RateLimit
from app.engine.candidates import SignalContext
from app.engine.caps import DayCounts, counted
from app.engine.features import FEATURES
from app.engine.gates import judge
from app.engine.state import LastSignal
from app.engine.tiers import due
from app.engine.verdicts import Reason

BOOK = load({}, Path("no such file")).book("us_baskets")
CONTEXT = SignalContext(AT, FULL_DAY, BOOK)
EXTENDED = replace(BOOK, signals=replace(BOOK.signals, extended_hours=True))
EARLY = FULL_DAY.open - MINUTE


NUMBERS = [
    ("B2 tier A", BOOK.universe.tier_a, ("NVDA", "AAPL", "MSFT", "TSLA")),
    ("B2 tier B", BOOK.universe.tier_b, ("AMZN", "GOOGL", "META", "SQQQ")),
    ("B2 bench", BOOK.universe.bench, ("AMD", "AVGO", "NFLX", "SOXS")),
    ("B2 tier A every", BOOK.universe.tier_a_interval, 30 * SECOND),
    ("B2 tier B every", BOOK.universe.tier_b_interval, 60 * SECOND),
    ("B2 inverse share", BOOK.universe.max_inverse_share, 0.17),
    ("B2 weekly", BOOK.schedule.tiers, 7 * 24 * 60 * MINUTE),
    ("B2 applied when enabled", BOOK.universe.apply_proposals, False),
    ("B3 tier A", BOOK.rate_limits["quotes.tier_a"], RateLimit(6, MINUTE, 0)),
    ("B3 tier B", BOOK.rate_limits["quotes.tier_b"], RateLimit(3, MINUTE, 0)),
    ("B3 reserve", BOOK.rate_limits["quotes.reserve"], RateLimit(1, MINUTE, 0)),
    ("C1 weights", set(BOOK.signals.weights), set(FEATURES)),
    ("C1 sources", set(BOOK.mixer.weights), {"technical", "news", "filing", "model"}),
    ("C2 mixer", BOOK.signals.mixer_threshold, 0.12),
    ("C2 cutoff", BOOK.signals.cutoff_regular, 0.12),
    ("C2 delta", BOOK.signals.cutoff_delta, 0.0),
    ("C3 cooldown", BOOK.signals.cooldown, 180 * SECOND),
    ("C3 direction lock", BOOK.signals.direction_lock, 90 * SECOND),
    ("C4 total", BOOK.caps.total, 100),
    ("C4 slot", BOOK.caps.slot, 90 * SECOND),
    ("D1 score", BOOK.model.min_score, 0.4),
]


@pytest.mark.parametrize(("requirement", "found", "expected"), NUMBERS)
def test_the_shipped_book_says(requirement: str, found: object, expected: object) -> None:
    assert found == expected, requirement


def ago(seconds: int, direction: int) -> LastSignal:
    return LastSignal(AT - seconds * SECOND, direction)


@pytest.mark.parametrize(
    ("candidate", "context", "reason"),
    [
        # C2
        ({"score": 0.12}, {}, Reason.PASSED),
        ({"score": 0.11999}, {}, Reason.BELOW_CUTOFF),
        ({"score": -0.12, "own": -0.12}, {}, Reason.PASSED),
        ({"score": -0.11999, "own": -0.12}, {}, Reason.BELOW_CUTOFF),
        ({"score": 0.18, "quoted_at": EARLY}, {"at": EARLY, "book": EXTENDED}, Reason.PASSED),
        (
            {"score": 0.17999, "quoted_at": EARLY},
            {"at": EARLY, "book": EXTENDED},
            Reason.BELOW_CUTOFF,
        ),
        # C3
        ({"last": ago(179, 1)}, {}, Reason.COOLDOWN),
        ({"last": ago(180, 1)}, {}, Reason.PASSED),
        ({"last": ago(89, -1)}, {}, Reason.DIRECTION_LOCK),
        ({"last": ago(90, -1)}, {}, Reason.PASSED),
        # C4
        ({}, {"entries": DayCounts({"X": 99})}, Reason.PASSED),
        ({}, {"entries": DayCounts({"X": 100})}, Reason.DAILY_CAP),
        ({}, {"entries": DayCounts({"AAPL": 20})}, Reason.DAILY_CAP),
        ({"symbol": "AMZN"}, {"entries": DayCounts({"AMZN": 14})}, Reason.PASSED),
        ({"symbol": "AMZN"}, {"entries": DayCounts({"AMZN": 15})}, Reason.DAILY_CAP),
        ({"symbol": "AMD", "held": True}, {"entries": DayCounts({"AMD": 10})}, Reason.DAILY_CAP),
        # B2
        ({"symbol": "AMD"}, {}, Reason.NO_EVENT),
        ({"symbol": "AMD", "event_at": AT}, {}, Reason.PASSED),
    ],
)
def test_at_its_edge(candidate: dict[str, Any], context: dict[str, Any], reason: Reason) -> None:
    assert judge(a_candidate(**candidate), replace(CONTEXT, **context))[-1].reason is reason


@pytest.mark.parametrize(("inverse", "problems"), [(16, 0), (17, 0), (18, 1)])
def test_b2_of_a_hundred_symbols_17_may_be_inverse(inverse: int, problems: int) -> None:
    symbols = tuple(f"S{n}" for n in range(100))
    values = {
        "universe.tier_a": symbols,
        "universe.tier_b": (),
        "universe.bench": (),
        "universe.inverse": dict.fromkeys(symbols[:inverse], "INDEX"),
        "universe.max_inverse_share": BOOK.universe.max_inverse_share,
    }
    assert len(check_book("a book", values)) == problems


def test_b2_a_minute_of_the_shipped_tiers() -> None:
    minute = [due(BOOK, AT + n * BOOK.schedule.quotes).symbols for n in range(2)]
    assert minute == [(*BOOK.universe.tier_a, *BOOK.universe.tier_b), BOOK.universe.tier_a]


def test_c4_entries_of_a_symbol_within_90_s_count_once() -> None:
    times = [AT + n * SECOND for n in (0, 30, 89, 90, 180)]
    assert counted(BOOK, [("AAPL", at) for at in times]).by_symbol == {"AAPL": 3}


def test_the_shipped_calls_cover_every_due_slot() -> None:
    """Two calls a minute are due at most, of ten that are allowed."""
    calls = sum(BOOK.rate_limits[f"quotes.{name}"].capacity for name in ("tier_a", "tier_b"))
    assert MINUTE // BOOK.schedule.quotes <= calls == 9
