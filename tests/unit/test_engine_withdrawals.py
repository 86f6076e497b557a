"""Which working orders are cancelled at the broker: blocked, late, or working for too long."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from builders import (
    AT,
    FULL_DAY,
    HALF_DAY,
    MINUTE,
    SECOND,
    D,
    a_book,
    a_risk_context,
    a_stop,
    an_order,
)

from app.engine.book import Book, BookStatus
from app.engine.orders import Order, OrderState, Purpose, Side, TimeInForce
from app.engine.verdicts import Reason
from app.engine.withdrawals import CHECKS, by_order, withdrawal, withdrawals

BOOK = a_book()
PRE_CLOSE, FLATTEN = FULL_DAY.close - 12 * MINUTE, FULL_DAY.close - 5 * MINUTE
PATIENCE = CHECKS * BOOK.schedule.stops


def working(age: timedelta, at: Any = AT, **changes: Any) -> Order:
    return an_order(**{"state": OrderState.SUBMITTED, "created_at": at - age, **changes})


def a_sale(age: timedelta, at: Any = AT, **changes: Any) -> Order:
    sale = {"side": Side.SELL, "purpose": Purpose.STOP_LOSS}
    return working(age, at, **{**sale, **changes})


def reasons(order: Order, book: Book = BOOK, auctions: bool = True, **context: Any) -> list[Reason]:
    found = withdrawals(book, a_risk_context(pending=(order,), **context), auctions)
    assert all(one.order is order and one.because.gate == "withdrawn" for one in found)
    return [one.because.reason for one in found]


@pytest.mark.parametrize("state", [OrderState.SUBMITTED, OrderState.PARTIAL])
def test_e8_an_entry_works_no_longer_than_its_cause_lives(state: OrderState) -> None:
    limit = BOOK.risk.max_intent_age
    assert reasons(working(limit, state=state)) == []
    late = working(limit + SECOND, state=state)
    assert reasons(late) == [Reason.WORKED_TOO_LONG]
    (one,) = withdrawals(BOOK, a_risk_context(pending=(late,)), auctions=True)
    assert (one.because.measured, one.because.limit) == (limit + SECOND, limit)


@pytest.mark.parametrize("state", [OrderState.SUBMITTED, OrderState.PARTIAL])
def test_a_sale_that_rests_does_not_count_as_sold_for_ever(state: OrderState) -> None:
    assert reasons(a_sale(PATIENCE, state=state)) == []
    assert reasons(a_sale(PATIENCE + SECOND, state=state)) == [Reason.WORKED_TOO_LONG]
    # Nothing could be sold in its place.
    assert reasons(a_sale(PATIENCE + SECOND), replace(BOOK, auto=False)) == []
    closed = FULL_DAY.close
    assert reasons(a_sale(PATIENCE + SECOND, closed), at=closed) == []


@pytest.mark.parametrize("kind", [TimeInForce.CLS, TimeInForce.OPG])
def test_an_order_for_an_auction_waits_for_it(kind: TimeInForce) -> None:
    at = FULL_DAY.close - SECOND
    assert reasons(a_sale(11 * MINUTE, at, time_in_force=kind), at=at) == []


@pytest.mark.parametrize(
    ("at", "auctions", "gone"),
    [
        (PRE_CLOSE - SECOND, True, False),
        (PRE_CLOSE, True, True),
        (PRE_CLOSE, False, False),
        (FLATTEN, False, True),
        (FLATTEN, True, True),
        (FLATTEN + 30 * SECOND, True, False),
    ],
)
def test_f6_the_end_of_the_day_sees_what_an_earlier_sale_holds(
    at: Any, auctions: bool, gone: bool
) -> None:
    found = reasons(a_sale(20 * SECOND, at), auctions=auctions, at=at)
    assert found == ([Reason.TOO_LATE_IN_SESSION] if gone else [])


def test_f6_half_days_move_that_too() -> None:
    at = HALF_DAY.close - 12 * MINUTE
    found = reasons(a_sale(SECOND, at), at=at, hours=HALF_DAY)
    assert found == [Reason.TOO_LATE_IN_SESSION]


def test_entries_go_at_the_pre_close() -> None:
    assert reasons(working(SECOND, PRE_CLOSE - SECOND), at=PRE_CLOSE - SECOND) == []
    assert reasons(working(SECOND, PRE_CLOSE), at=PRE_CLOSE) == [Reason.TOO_LATE_IN_SESSION]


@pytest.mark.parametrize(
    ("status", "order", "why"),
    [
        (BookStatus.REDUCING, working(SECOND), [Reason.BOOK_REDUCING]),
        (BookStatus.REDUCING, a_sale(SECOND), []),
        (BookStatus.HALTED, working(SECOND), [Reason.BOOK_HALTED]),
        (BookStatus.HALTED, a_sale(SECOND), [Reason.BOOK_HALTED]),
        (BookStatus.HALTED, a_stop(), []),
        (BookStatus.HALTED, working(SECOND, state=OrderState.UNKNOWN), []),
        (BookStatus.HALTED, working(SECOND, state=OrderState.NEW), []),
    ],
)
def test_e11_what_the_status_blocks_is_cancelled_but_for_resting_stops(
    status: BookStatus, order: Order, why: list[Reason]
) -> None:
    assert reasons(order, status=status) == why


def test_a_stop_rests_for_as_long_as_it_must() -> None:
    assert reasons(a_stop(created_at=AT - 300 * MINUTE, time_in_force=TimeInForce.GTC)) == []


def test_an_order_is_cancelled_once_and_for_the_first_reason() -> None:
    order, other = an_order(), an_order(client_id="another", quantity=D(1))
    first = withdrawal(order, Reason.MAKES_WAY)
    asked = [first, withdrawal(other, Reason.MAKES_WAY), withdrawal(order, Reason.BOOK_HALTED)]
    assert list(by_order(asked).values()) == asked[:2]
