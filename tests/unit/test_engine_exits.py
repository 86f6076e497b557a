"""Exits: stops, the end of the day on full and half days, and ids that retry but never repeat."""

import math
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
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
    a_position,
    a_quote,
    an_exit_context,
    an_order,
    by_symbol,
)
from hypothesis import given
from hypothesis import strategies as st

from app.engine.book import Book
from app.engine.exits import ExitContext, due, stop_of, stop_price
from app.engine.orders import FINAL, Intent, Order, OrderState, Purpose, Side, TimeInForce
from app.engine.rounding import tick_size
from app.engine.session import SessionHours

BOOK = a_book()
STOPPED = {"AAPL": a_quote(last=98.5)}


def clock(hours: SessionHours, text: str) -> datetime:
    """Return a time of the session's date, written as New York's clock shows it."""
    hour, minute, *second = (int(part) for part in text.split(":"))
    return hours.open + timedelta(hours=hour - 9, minutes=minute - 30, seconds=sum(second))


def wanted(book: Book, context: ExitContext) -> list[Intent]:
    return [sale.intent for sale in due(book, context)]


def a_sale(state: OrderState = OrderState.SUBMITTED, **changes: Any) -> Order:
    return an_order(side=Side.SELL, purpose=Purpose.STOP_LOSS, state=state, **changes)


# -- flatten ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "sold"),
    [
        ({}, 10),
        ({"quotes": {}}, 10),
        ({"at": FULL_DAY.close + MINUTE}, 10),
        ({"quotes": STOPPED}, 10),
        ({"orders": (an_order(side=Side.SELL, purpose=Purpose.PROTECT),)}, 10),
        ({"orders": (a_sale(OrderState.UNKNOWN, quantity=D(4)),)}, 6),
        ({"orders": (a_sale(OrderState.PARTIAL, quantity=D(10), filled_quantity=D(3)),)}, 3),
        ({"positions": {}}, 0),
        ({"flattening": False}, 0),
    ],
)
def test_e11_a_flattening_book_sells_all_that_is_not_on_sale(
    context: dict[str, Any], sold: int
) -> None:
    told = an_exit_context(**{"flattening": True} | context)
    assert [(i.purpose, i.quantity) for i in wanted(BOOK, told)] == (
        [(Purpose.FLATTEN, D(sold))] if sold else []
    )


def test_a_flatten_comes_before_the_auction_and_is_the_same_intent_when_asked_again() -> None:
    late = an_exit_context(clock(FULL_DAY, "15:50"), flattening=True)
    first, again = wanted(BOOK, late), wanted(BOOK, late)
    assert first == again
    assert [(i.purpose, i.time_in_force) for i in first] == [(Purpose.FLATTEN, TimeInForce.DAY)]


# -- stop loss ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "sold"), [(98.51, False), (98.5, True), (90.0, True), (math.nan, False), (0.0, False)]
)
def test_f5_a_price_at_or_through_the_stop_sells_all(last: float, sold: bool) -> None:
    intents = wanted(BOOK, an_exit_context(quotes={"AAPL": a_quote(last=last)}))
    assert [(i.purpose, i.quantity, i.side) for i in intents] == (
        [(Purpose.STOP_LOSS, D(10), Side.SELL)] if sold else []
    )


@pytest.mark.parametrize(
    "context",
    [
        {"quotes": {}},
        {"quotes": {"AAPL": a_quote(last=90.0, at=AT - 91 * SECOND)}},
        {"hours": None},
        {"positions": {}},
        {"positions": by_symbol(a_position(quantity=-10))},
        {"orders": (a_sale(),)},
        {"orders": (a_sale(OrderState.UNKNOWN),)},
    ],
)
def test_no_stop_without_a_fresh_price_a_session_and_something_to_sell(
    context: dict[str, Any],
) -> None:
    assert wanted(BOOK, an_exit_context(**{"quotes": STOPPED, **context})) == []


def test_only_what_is_not_being_sold_is_sold() -> None:
    context = an_exit_context(quotes=STOPPED, orders=(a_sale(quantity=D(7), filled_quantity=D(1)),))
    assert [i.quantity for i in wanted(BOOK, context)] == [D(4)]


def test_a_position_with_its_own_stop_keeps_it() -> None:
    own = replace(a_position(), stop_price=D(95))
    context = an_exit_context(positions={"AAPL": own}, quotes=STOPPED)
    assert wanted(BOOK, context) == []
    assert stop_of(own, D("0.015")) == 95
    assert stop_of(a_position(), D("0.015")) == D("98.5")


@given(
    st.decimals("0.0002", 100_000, places=4, allow_nan=False, allow_infinity=False),
    st.decimals(0, "0.5", places=4),
)
def test_a_stop_is_below_the_entry_and_a_tick_at_most_beyond_its_distance(
    average: Decimal, distance: Decimal
) -> None:
    stop = stop_price(average, distance)
    exact = average * (1 - distance)
    assert 0 <= stop < average
    assert stop % tick_size(stop) == 0
    assert stop <= exact
    assert exact - stop <= 2 * tick_size(average)


# -- ids ----------------------------------------------------------------------------------------


def stop_id(**context: Any) -> str:
    (intent,) = wanted(BOOK, an_exit_context(**{"quotes": STOPPED, **context}))
    return intent.id


def test_the_same_cause_is_the_same_intent() -> None:
    first = stop_id()
    assert first == stop_id()
    assert first == stop_id(at=AT + SECOND)
    assert first == stop_id(positions=by_symbol(replace(a_position(), quantity=D(4))))


@pytest.mark.parametrize("ended", sorted(FINAL - {OrderState.FILLED}))
def test_an_exit_that_ended_without_filling_is_asked_anew(ended: OrderState) -> None:
    assert stop_id(orders=(a_sale(ended),)) != stop_id()
    assert stop_id(orders=(a_sale(ended), a_sale(ended))) != stop_id(orders=(a_sale(ended),))


def test_an_exit_of_an_earlier_position_is_no_attempt_of_this_one() -> None:
    assert stop_id(orders=(a_sale(OrderState.FILLED, created_at=AT - 60 * MINUTE),)) == stop_id()


def test_an_intent_that_died_without_an_order_is_asked_anew() -> None:
    assert stop_id(at=AT + BOOK.risk.max_intent_age) != stop_id()


# -- end of day ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "time", "asked"),
    [
        (FULL_DAY, "15:47:59", None),
        (FULL_DAY, "15:48", (Purpose.PRE_CLOSE, TimeInForce.CLS)),
        (FULL_DAY, "15:49:59", (Purpose.PRE_CLOSE, TimeInForce.CLS)),
        (FULL_DAY, "15:50", None),  # the auction takes no more orders
        (FULL_DAY, "15:55", (Purpose.FLATTEN, TimeInForce.DAY)),
        (FULL_DAY, "15:59:59", (Purpose.FLATTEN, TimeInForce.DAY)),
        (FULL_DAY, "16:00", None),
        (HALF_DAY, "12:47:59", None),
        (HALF_DAY, "12:48", (Purpose.PRE_CLOSE, TimeInForce.CLS)),
        (HALF_DAY, "12:55", (Purpose.FLATTEN, TimeInForce.DAY)),
        (HALF_DAY, "13:00", None),
    ],
)
def test_f6_nothing_is_held_overnight(
    hours: SessionHours, time: str, asked: tuple[Purpose, TimeInForce] | None
) -> None:
    at = clock(hours, time)
    held = by_symbol(replace(a_position(), opened_at=hours.open + MINUTE))
    intents = wanted(BOOK, an_exit_context(at, hours=hours, positions=held))
    assert [(i.purpose, i.time_in_force) for i in intents] == ([asked] if asked else [])


@pytest.mark.parametrize(
    ("time", "auctions", "asked"),
    [
        ("09:24:59", True, None),
        ("09:25", True, TimeInForce.OPG),
        ("09:27:59", True, TimeInForce.OPG),
        ("09:28", True, None),  # refused by the broker until the open
        ("09:27", False, None),
        ("09:30", True, TimeInForce.DAY),
        ("09:30", False, TimeInForce.DAY),
        ("09:34:59", True, TimeInForce.DAY),
        ("09:35", True, None),
    ],
)
@pytest.mark.parametrize("opened_at", [FULL_DAY.open - timedelta(days=1), None])
def test_f6_leftovers_are_sold_around_the_open(
    time: str, auctions: bool, asked: TimeInForce | None, opened_at: datetime | None
) -> None:
    held = by_symbol(replace(a_position(), opened_at=opened_at))
    context = an_exit_context(clock(FULL_DAY, time), positions=held, auctions=auctions)
    intents = wanted(BOOK, context)
    assert [i.time_in_force for i in intents] == ([asked] if asked else [])
    assert all(i.purpose is Purpose.CLEAN_UP for i in intents)


def test_todays_own_positions_are_no_leftovers() -> None:
    held = by_symbol(replace(a_position(), opened_at=FULL_DAY.open))
    assert wanted(BOOK, an_exit_context(FULL_DAY.open + MINUTE, positions=held)) == []


def test_without_auctions_everything_is_flattened_at_the_market() -> None:
    early, late = (clock(FULL_DAY, t) for t in ("15:48", "15:55"))
    assert wanted(BOOK, an_exit_context(early, auctions=False)) == []
    assert [i.purpose for i in wanted(BOOK, an_exit_context(late, auctions=False))] == [
        Purpose.FLATTEN
    ]


def test_an_open_closing_order_is_not_sold_a_second_time() -> None:
    at = clock(FULL_DAY, "15:55")
    closing = a_sale(time_in_force=TimeInForce.CLS)
    assert wanted(BOOK, an_exit_context(at, orders=(closing,))) == []
    refused = replace(closing, state=OrderState.REJECTED)
    assert len(wanted(BOOK, an_exit_context(at, orders=(refused,)))) == 1


def test_a_stop_in_the_pre_close_is_one_sale_and_it_is_the_stop() -> None:
    at = clock(FULL_DAY, "15:48")
    context = an_exit_context(at, quotes={"AAPL": a_quote(last=90.0, at=at)})
    assert [i.purpose for i in wanted(BOOK, context)] == [Purpose.STOP_LOSS]
