"""The numbers of requirements F1 to F4, C4 and C5 in the shipped book, each at its edge."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from builders import (
    AT,
    MEGATECH,
    MINUTE,
    SECOND,
    D,
    a_pending_entry,
    a_position,
    a_quote,
    a_risk_context,
    a_route_context,
    a_signal,
    an_intent,
    by_symbol,
)

from app.config.loading import load
from app.engine import risk_gates, sizing
from app.engine.baskets import Routed, route
from app.engine.book import Basket, Book
from app.engine.caps import DayCounts
from app.engine.evidence import evidence_score
from app.engine.exits import stop_price
from app.engine.risk import judge
from app.engine.state import BookState
from app.engine.verdicts import Reason, Verdict

NO_FILE = Path("no such file")
BOOK = load({}, NO_FILE).book("us_baskets")
TEST = load({"TEST_MODE_ENABLED": "1"}, NO_FILE).book("us_baskets")

PAIRS = (("QQQ", "SQQQ"), ("SOXL", "SOXS"), ("TNA", "TZA"))


def fires(basket: Basket) -> tuple[int, float, float, int]:
    return basket.min_signals, basket.min_negative_share, basket.max_mean, basket.ticks


# At their edges besides here: test_engine_baskets.py, test_engine_sizing.py, test_engine_risk.py.
NUMBERS = [
    ("C5 inverse ETFs", set(BOOK.universe.inverse), {"SQQQ", "SOXS"}),
    ("C5 reversed", evidence_score(BOOK, "SQQQ", 0.4), -0.4),
    (
        "F1 baskets",
        {(b.name, b.members, b.etf) for b in BOOK.routing.baskets},
        {
            ("MEGATECH", ("AAPL", "MSFT", "AMZN", "META", "GOOGL", "TSLA"), "SQQQ"),
            ("SEMIS", ("NVDA", "AMD", "AVGO"), "SOXS"),
        },
    ),
    ("F1 fires", {fires(b) for b in BOOK.routing.baskets}, {(3, 0.6, -0.12, 2)}),
    ("F1 relaxed", {fires(b) for b in TEST.routing.baskets}, {(1, 0.2, -0.05, 2)}),
    ("F2 lock", BOOK.routing.etf_lock, 90 * SECOND),
    ("F2 pairs", set(PAIRS) <= set(BOOK.routing.conflicts), True),
    ("F2 in test", replace(TEST.routing, baskets=BOOK.routing.baskets), BOOK.routing),
    ("F3 a trade", BOOK.risk.risk_per_trade, D("0.005")),
    ("F3 a trade in test", TEST.risk.risk_per_trade, D("0.002")),
    ("F3 concurrent", BOOK.risk.max_concurrent_risk, D("0.02")),
    ("F3 concurrent in test", TEST.risk.max_concurrent_risk, D("0.01")),
    ("F3 daily loss", BOOK.risk.daily_loss_limit, D("0.02")),
    ("F3 positions", BOOK.risk.max_positions, 4),
    ("F3 stop", BOOK.risk.stop_loss, D("0.015")),
    ("F3 stop of 100", stop_price(D(100), BOOK.risk.stop_loss), D("98.5")),
    ("F3 exposure", BOOK.risk.max_exposure, D("0.80")),
    ("F3 slots", BOOK.risk.min_slots, 3),
    ("F3 a position of 10,000", round(sizing.position_limit(BOOK.risk, D(10_000))), 2667),
    (
        "F3 the others in test",
        replace(TEST.risk, risk_per_trade=D("0.005"), max_concurrent_risk=D("0.02")),
        BOOK.risk,
    ),
    ("F3 nothing else in test", replace(TEST, risk=BOOK.risk, routing=BOOK.routing), BOOK),
    ("F3 Kelly", 0 < BOOK.risk.kelly_fraction < 1, True),
    ("F4 nothing reserved", sizing.risk_in_use(BOOK.risk, a_risk_context()).room, 200),
]


@pytest.mark.parametrize(("requirement", "found", "expected"), NUMBERS)
def test_the_shipped_book_says(requirement: str, found: object, expected: object) -> None:
    assert found == expected, requirement


# -- F2 -----------------------------------------------------------------------------------------


def fired() -> Routed:
    """MEGATECH's evidence has just bought its ETF, two ticks after ``AT``."""
    signals = [a_signal(member, -0.3) for member in MEGATECH.members[:3]]
    routed = route(BOOK, BookState(), signals, a_route_context())
    for ticks in (1, 2):
        at = AT + ticks * BOOK.routing.tick
        routed = route(BOOK, routed.state, (), a_route_context(at))
    assert [intent.symbol for intent in routed.intents] == ["SQQQ"]
    return routed


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [(89, Reason.ETF_LOCKED), (90, Reason.PASSED), (91, Reason.PASSED)],
)
def test_f2_the_etf_is_locked_for_90_s(seconds: int, reason: Reason) -> None:
    at = AT + MINUTE + seconds * SECOND
    again = route(BOOK, fired().state, (), a_route_context(at))
    assert {symbol for symbol, _, _ in again.judged} == {"SQQQ"}
    assert again.judged[-1][2].reason is reason


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("other", ["held", "pending", "absent"])
def test_f2_no_half_of_a_pair_beside_the_other(pair: tuple[str, str], other: str) -> None:
    for wanted, rival in (pair, pair[::-1]):
        beside: dict[str, Any] = {
            "held": {"positions": by_symbol(a_position(rival, 1))},
            "pending": {"pending": (a_pending_entry(rival),)},
            "absent": {"positions": by_symbol(a_position("MSFT", 1))},
        }
        context = a_risk_context(**beside[other])
        answer = risk_gates.conflict(BOOK, an_intent(symbol=wanted), context)
        clash = None if other == "absent" else rival
        reason = Reason.CONFLICTING_PAIR if clash else Reason.PASSED
        assert answer == Verdict("conflict", reason, clash)


# -- C4, F3, F4: the record of a gate names the numbers that it compared --------------------------


def worth(amount: str) -> dict[str, Any]:
    """A position of so many dollars."""
    return {"positions": by_symbol(a_position("MSFT", 1, amount))}


def at_stake(amount: str) -> dict[str, Any]:
    """A position that loses so many dollars at its stop."""
    held = replace(a_position("MSFT", 1, amount), stop_price=D(0))
    return {"positions": by_symbol(held)}


def reserved(risk: str) -> dict[str, Any]:
    """An entry that is not filled yet, with so many dollars at stake."""
    return {"pending": (a_pending_entry(reserved_risk=D(risk)),)}


def holding(count: int) -> dict[str, Any]:
    return {"positions": by_symbol(*(a_position(f"S{n}", 1) for n in range(count)))}


def down_to(equity: str) -> dict[str, Any]:
    return {"equity": equity, "day_start_equity": D(10_000)}


def entered(count: int) -> dict[str, Any]:
    return {"entries": DayCounts({"MSFT": count})}


FULL, LOSS = Reason.CONCURRENT_RISK, Reason.DAILY_LOSS_LIMIT


@pytest.mark.parametrize(
    ("requirement", "book", "context", "gate", "expected"),
    [
        ("C4 total", BOOK, entered(99), "daily_cap", (Reason.PASSED, 99, 100)),
        ("C4 total", BOOK, entered(100), "daily_cap", (Reason.DAILY_CAP, 100, 100)),
        ("C4 total", BOOK, entered(101), "daily_cap", (Reason.DAILY_CAP, 101, 100)),
        ("F3 daily loss", BOOK, down_to("9800.01"), "daily_loss", (Reason.PASSED, "0.019999")),
        ("F3 daily loss", BOOK, down_to("9800"), "daily_loss", (LOSS, "0.02")),
        ("F3 daily loss", BOOK, down_to("9799.99"), "daily_loss", (LOSS, "0.020001")),
        ("F3 positions", BOOK, holding(3), "positions", (Reason.PASSED, 3, 4)),
        ("F3 positions", BOOK, holding(4), "positions", (Reason.MAX_POSITIONS, 4, 4)),
        ("F3 positions", BOOK, holding(5), "positions", (Reason.MAX_POSITIONS, 5, 4)),
        ("F3 concurrent", BOOK, at_stake("199.99"), "concurrent_risk", (Reason.PASSED, "199.99")),
        ("F3 concurrent", BOOK, at_stake("200"), "concurrent_risk", (FULL, "200")),
        ("F3 concurrent", BOOK, at_stake("200.01"), "concurrent_risk", (FULL, "200.01")),
        ("F3 concurrent", TEST, at_stake("99.99"), "concurrent_risk", (Reason.PASSED, "99.99")),
        ("F3 concurrent", TEST, at_stake("100"), "concurrent_risk", (FULL, "100")),
        ("F3 exposure", BOOK, worth("7999.99"), "exposure", (Reason.PASSED, "7999.99")),
        ("F3 exposure", BOOK, worth("8000"), "exposure", (Reason.EXPOSURE, "8000")),
        ("F3 exposure", BOOK, worth("8000.01"), "exposure", (Reason.EXPOSURE, "8000.01")),
        ("F4 reserved", BOOK, reserved("199.99"), "concurrent_risk", (Reason.PASSED, "199.99")),
        ("F4 reserved", BOOK, reserved("200"), "concurrent_risk", (FULL, "200")),
        ("F4 reserved", BOOK, reserved("200.01"), "concurrent_risk", (FULL, "200.01")),
    ],
)
def test_at_its_edge(
    requirement: str, book: Book, context: dict[str, Any], gate: str, expected: tuple[Any, ...]
) -> None:
    answer = getattr(risk_gates, gate)(book, an_intent(), a_risk_context(**context))
    reason, measured, *limit = expected
    assert (answer.reason, answer.measured) == (reason, Decimal(measured)), requirement
    assert answer.limit == (limit[0] if limit else answer.limit)


#: A share of 100 is sized at 101: 80 % of 10,226.25 over three are 27 shares to the cent, and so
#: are 14 that lose 0.2 % of 10,605 at 1.5 % below.
@pytest.mark.parametrize(
    ("requirement", "book", "equity", "shares"),
    [
        ("F3 a position", BOOK, "10226.24", 26),
        ("F3 a position", BOOK, "10226.25", 27),
        ("F3 a position", BOOK, "10226.26", 27),
        ("F3 a trade in test", TEST, "10604.99", 13),
        ("F3 a trade in test", TEST, "10605", 14),
        ("F3 a trade in test", TEST, "10605.01", 14),
    ],
)
def test_f3_the_last_share_that_fits(
    requirement: str, book: Book, equity: str, shares: int
) -> None:
    order = judge(book, an_intent(), a_risk_context(equity)).order
    assert order is not None
    assert order.quantity == shares, requirement


def test_f4_an_order_reserves_what_the_next_one_may_not_use() -> None:
    """One after the other, as under the lock on the book: the fourth has what three leave."""
    quotes = {symbol: a_quote(symbol) for symbol in BOOK.universe.tier_a}
    context = a_risk_context(quotes=quotes)
    for symbol in quotes:
        order = judge(BOOK, an_intent(symbol=symbol), context).order
        assert order is not None
        context = replace(context, pending=(*context.pending, order))
    assert [order.quantity for order in context.pending] == [26, 26, 26, 1]
    use = sizing.exposure_in_use(BOOK.risk, context)
    assert (use.used, use.limit) == (79 * 101, 8000)
