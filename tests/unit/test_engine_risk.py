"""The risk manager: every gate of entries and exits, and exits that never turn a position."""

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from builders import (
    AT,
    FULL_DAY,
    MINUTE,
    SECOND,
    D,
    a_book,
    a_pending_entry,
    a_position,
    a_quote,
    a_risk_context,
    an_intent,
    an_order,
    by_symbol,
)
from hypothesis import given
from hypothesis import strategies as st

from app.engine.book import BookStatus
from app.engine.caps import DayCounts
from app.engine.orders import OrderState, OrderType, Purpose, Side, TimeInForce
from app.engine.portfolio import Position
from app.engine.risk import ENTRY_GATES, EXIT_GATES, Ruling, allowed, judge
from app.engine.session import Phase
from app.engine.verdicts import Reason

BOOK = a_book()


def entry(book: Any = BOOK, intent: dict[str, Any] | None = None, **context: Any) -> Ruling:
    return judge(book, an_intent(**(intent or {})), a_risk_context(**context))


def an_exit(intent: dict[str, Any] | None = None, **context: Any) -> Ruling:
    asked = {"side": Side.SELL, "purpose": Purpose.STOP_LOSS, "quantity": D(10), **(intent or {})}
    held = {"positions": by_symbol(a_position()), **context}
    return judge(BOOK, an_intent(**asked), a_risk_context(**held))


def reason(ruling: Ruling) -> Reason:
    return ruling.judged[-1][2].reason


# -- entries: every gate ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("why", "context"),
    [
        (Reason.BOOK_REDUCING, {"status": BookStatus.REDUCING}),
        (Reason.BOOK_HALTED, {"status": BookStatus.HALTED}),
        (Reason.NOT_RECONCILED, {"reconciled": False}),
        (Reason.SESSION_CLOSED, {"hours": None}),
        (Reason.SESSION_CLOSED, {"phase": Phase.READY}),
        (Reason.SESSION_CLOSED, {"phase": Phase.STOPPED}),
        (Reason.SESSION_CLOSED, {"at": FULL_DAY.open - SECOND}),
        (Reason.TOO_LATE_IN_SESSION, {"at": FULL_DAY.close - 12 * MINUTE}),
        (Reason.TOO_LATE_IN_SESSION, {"phase": Phase.CLOSING}),
        (Reason.EXPIRED_INTENT, {"at": AT + 61 * SECOND}),
        (Reason.STALE_PRICE, {"quotes": {}}),
        (Reason.STALE_PRICE, {"quotes": {"AAPL": a_quote(at=AT - 91 * SECOND)}}),
        (Reason.BAD_DATA, {"quotes": {"AAPL": a_quote(last=math.nan)}}),
        (Reason.DAILY_LOSS_LIMIT, {"day_start_equity": D("10204.09")}),
        (Reason.DAILY_LOSS_LIMIT, {"equity": "9800", "day_start_equity": D(10000)}),
        (Reason.DAILY_LOSS_LIMIT, {"day_start_equity": D(0)}),
        (Reason.POSITION_EXISTS, {"positions": by_symbol(a_position())}),
        (Reason.ORDER_PENDING, {"pending": (a_pending_entry("AAPL"),)}),
        (
            Reason.MAX_POSITIONS,
            {
                "positions": by_symbol(*(a_position(s, 1) for s in ("A", "B", "C"))),
                "pending": (a_pending_entry(notional=100),),
            },
        ),
        (
            Reason.CONCURRENT_RISK,
            {"positions": by_symbol(Position("MSFT", D(2), D(100), D(0), D(0)))},
        ),
        (Reason.EXPOSURE, {"positions": by_symbol(a_position("MSFT", 80))}),
        (Reason.BUYING_POWER, {"pending": (a_pending_entry(),), "cash": D(2000)}),
        (Reason.ZERO_QUANTITY, {"cash": D(100)}),
        (Reason.DAILY_CAP, {"entries": DayCounts({"AAPL": 20})}),
        (Reason.DAILY_CAP, {"entries": DayCounts({f"S{n}": 1 for n in range(100)})}),
        (Reason.KELLY, {"gains": (D("0.01"), D("-0.01")) * 15}),
        (Reason.LOOK_THROUGH, {"positions": by_symbol(a_position("SQQQ", 67))}),
        (Reason.BAD_DATA, {"cash": D("NaN")}),
        (Reason.BAD_DATA, {"day_start_equity": D("NaN")}),
        (Reason.BAD_DATA, {"positions": by_symbol(Position("MSFT", D("NaN"), D(1)))}),
        (Reason.BAD_DATA, {"pending": (a_pending_entry(reserved_risk=D("NaN")),)}),
    ],
)
def test_entries_are_refused(why: Reason, context: dict[str, Any]) -> None:
    ruling = entry(**context)
    assert ruling.order is None
    assert reason(ruling) is why


@pytest.mark.parametrize(
    "context",
    [
        {"at": FULL_DAY.close - 12 * MINUTE - SECOND, "quotes": {}},
        {"day_start_equity": D("10204.08")},
        {"quotes": {"AAPL": a_quote(at=AT - 90 * SECOND)}},
        {"positions": {"AAPL": Position("AAPL", realised=D(5))}},
        {"entries": DayCounts({"AAPL": 19, "MSFT": 20})},
        {"gains": (D("0.01"), D("-0.01")) * 14},
    ],
)
def test_the_edge_of_a_limit_passes(context: dict[str, Any]) -> None:
    at = context.get("at", AT)
    quotes = context.get("quotes") or {"AAPL": a_quote(at=at)}
    assert entry(intent={"at": at}, **{**context, "quotes": quotes}).order is not None


def test_f2_the_other_half_of_a_pair_is_refused_under_the_lock() -> None:
    buy = {"symbol": "SQQQ"}
    quotes = {"SQQQ": a_quote("SQQQ", 30.0)}
    held = entry(intent=buy, quotes=quotes, positions=by_symbol(a_position("QQQ", 1)))
    pending = entry(intent=buy, quotes=quotes, pending=(a_pending_entry("QQQ"),))
    assert reason(held) is reason(pending) is Reason.CONFLICTING_PAIR
    assert entry(intent=buy, quotes=quotes).order is not None


def test_a7_without_auto_mode_everything_is_judged_and_nothing_ordered() -> None:
    sent, quiet = entry(a_book()), entry(a_book(auto=False))
    assert (quiet.order, reason(quiet)) == (None, Reason.AUTO_MODE_OFF)
    assert sent.order is not None
    assert quiet.judged[-1][2].measured == sent.order.quantity
    assert quiet.judged[:-1] == sent.judged[:-1]
    broke = entry(a_book(auto=False), day_start_equity=D(100_000))
    assert reason(broke) is Reason.DAILY_LOSS_LIMIT


def test_an_exit_sells_no_more_than_the_broker_has_and_says_so() -> None:
    ruling = an_exit(positions=by_symbol(replace(a_position(), at_broker=D(4))))
    assert ruling.order is not None
    assert ruling.order.quantity == 4
    said = {v.gate: (v.measured, v.limit) for _, _, v in ruling.judged}
    assert (said["at_broker"], said["holding"]) == ((4, 10), (4, 0))


def test_every_gate_leaves_its_verdict() -> None:
    assert len(entry().judged) == len(ENTRY_GATES)
    assert len(an_exit().judged) == len(EXIT_GATES)
    assert {subject for _, subject, _ in entry().judged} == {"intent:an-intent"}


# -- exits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("intent", "context", "quantity"),
    [
        ({}, {}, 10),
        ({"quantity": D(4)}, {}, 4),
        ({"quantity": None}, {}, 10),
        ({"quantity": D(50)}, {}, 10),
        ({}, {"status": BookStatus.REDUCING}, 10),
        ({}, {"reconciled": False}, 10),
        ({}, {"at": AT + 60 * SECOND}, 10),
        ({}, {"pending": (a_pending_entry("AAPL"),)}, 10),
        ({}, {"quotes": {}}, 10),
        ({}, {"phase": Phase.CLOSING, "day_start_equity": D(90000)}, 10),
        ({}, {"pending": (a_pending_entry("AAPL", side=Side.SELL, filled_quantity=D(7)),)}, 7),
    ],
)
def test_exits_sell_what_is_held_and_not_being_sold(
    intent: dict[str, Any], context: dict[str, Any], quantity: int
) -> None:
    order = an_exit(intent, **context).order
    assert order is not None
    assert (order.quantity, order.side) == (quantity, Side.SELL)
    assert (order.reserved_risk, order.reserved_notional) == (0, 0)


@pytest.mark.parametrize(
    ("why", "intent", "context"),
    [
        (Reason.BOOK_HALTED, {}, {"status": BookStatus.HALTED}),
        (Reason.NO_POSITION, {}, {"positions": {}}),
        (Reason.NOT_AT_BROKER, {}, {"positions": by_symbol(replace(a_position(), at_broker=D(0)))}),
        (
            Reason.NOT_AT_BROKER,
            {},
            {"positions": by_symbol(replace(a_position(), at_broker=D(-1)))},
        ),
        (Reason.NO_POSITION, {}, {"positions": by_symbol(a_position(quantity=-5))}),
        (Reason.ORDER_PENDING, {}, {"pending": (a_pending_entry("AAPL", side=Side.SELL),)}),
        (Reason.EXPIRED_INTENT, {}, {"at": AT + 61 * SECOND}),
        (Reason.SESSION_CLOSED, {}, {"at": FULL_DAY.close, "hours": FULL_DAY}),
        (
            Reason.SESSION_CLOSED,
            {"time_in_force": TimeInForce.CLS},
            {"at": FULL_DAY.close - 10 * MINUTE},
        ),
        (
            Reason.SESSION_CLOSED,
            {"time_in_force": TimeInForce.OPG},
            {"at": FULL_DAY.open - 2 * MINUTE},
        ),
    ],
)
def test_exits_are_refused(why: Reason, intent: dict[str, Any], context: dict[str, Any]) -> None:
    ruling = an_exit(intent, **context)
    assert (ruling.order, reason(ruling)) == (None, why)


def a_stop(**changes: Any) -> dict[str, Any]:
    return {"purpose": Purpose.PROTECT, "stop_price": D(98), **changes}


def test_a_stop_at_the_broker_holds_its_shares_like_any_sale() -> None:
    resting = an_order(side=Side.SELL, state=OrderState.SUBMITTED, purpose=Purpose.PROTECT)
    assert reason(an_exit(pending=(resting,))) is Reason.ORDER_PENDING
    assert reason(an_exit(a_stop(), pending=(resting,))) is Reason.ORDER_PENDING


def test_an_intent_to_protect_becomes_a_stop_order() -> None:
    order = an_exit(a_stop(time_in_force=TimeInForce.GTC)).order
    assert order is not None
    assert (order.type, order.stop_price, order.side) == (OrderType.STOP, 98, Side.SELL)
    assert order.time_in_force is TimeInForce.GTC


@pytest.mark.parametrize("price", [None, D("NaN"), D(0)])
def test_a_stop_without_a_price_is_no_order(price: Decimal | None) -> None:
    assert reason(an_exit(a_stop(stop_price=price))) is Reason.BAD_DATA


def test_a_question_is_answered_with_its_reason() -> None:
    assert allowed(BOOK, an_intent(), a_risk_context()) == (True, Reason.PASSED)
    late = a_risk_context(status=BookStatus.HALTED)
    assert allowed(BOOK, an_intent(), late) == (False, Reason.BOOK_HALTED)


# -- properties ---------------------------------------------------------------------------------


@given(
    st.integers(0, 100),
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 60)), max_size=4),
    st.none() | st.integers(1, 200).map(Decimal),
)
def test_exits_never_turn_a_position_around(
    held: int, selling: list[tuple[int, int]], asked: Decimal | None
) -> None:
    pending = tuple(
        an_order(
            side=Side.SELL,
            purpose=Purpose.FLATTEN,
            state=OrderState.UNKNOWN,
            quantity=D(q),
            filled_quantity=D(min(f, q)),
        )
        for q, f in selling
    )
    covered = sum(o.quantity - o.filled_quantity for o in pending)
    ruling = an_exit(
        {"quantity": asked}, positions=by_symbol(a_position(quantity=held)), pending=pending
    )
    sold = ruling.order.quantity if ruling.order else D(0)
    assert sold + min(covered, held) <= held
    assert (sold > 0) == (held > covered)


@given(st.floats())
def test_a_price_that_is_no_number_buys_nothing(last: float) -> None:
    order = entry(quotes={"AAPL": a_quote(last=last)}).order
    assert order is None or (math.isfinite(last) and last > 0)
