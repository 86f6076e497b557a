"""Stops at the broker: when they are placed, when they are moved, and when they are let go."""

from dataclasses import replace
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
    a_risk_context,
    a_stop,
    an_exit_policy,
    an_intent,
    an_order,
    by_symbol,
)

from app.engine.book import Book, BookStatus
from app.engine.exits.protect import (
    Means,
    Protection,
    bare,
    hindering,
    in_the_way,
    protection,
    refusals,
    stop_intent,
    trusted_since,
    unprotected_sale,
)
from app.engine.orders import (
    WORKING,
    Order,
    OrderState,
    Purpose,
    Side,
    TimeInForce,
)
from app.engine.portfolio import Position

BOOK = replace(a_book(), exits=an_exit_policy(broker_stops=True))
MEANS = Means(stop_orders=True, auctions=True)
HELD = {"positions": by_symbol(replace(a_position(), stop_price=D("98.5")))}


def plan(book: Book = BOOK, means: Means = MEANS, **context: Any) -> Protection:
    return protection(book, a_risk_context(**{**HELD, **context}), means)


def placed(found: Protection) -> list[tuple[Decimal, Decimal]]:
    return [(stop.quantity, stop.price) for stop in found.place]


def test_f5_a_position_gets_a_stop_for_all_of_it() -> None:
    assert placed(plan()) == [(10, D("98.5"))]
    assert plan(positions={}) == Protection((), ())


@pytest.mark.parametrize(
    "orders",
    [
        (a_stop(),),
        (a_stop(OrderState.PARTIAL, quantity=D(14), filled_quantity=D(4)),),
        (a_stop(OrderState.NEW),),
        (a_stop(OrderState.UNKNOWN),),
        (a_stop(quantity=D(4)), an_order(side=Side.SELL, purpose=Purpose.OPPOSITE, quantity=D(6))),
        (an_order(side=Side.SELL, purpose=Purpose.PRE_CLOSE),),
        (an_order(quantity=D(5), state=OrderState.PARTIAL),),
    ],
)
def test_what_is_in_step_or_on_its_way_is_left_alone(orders: tuple[Order, ...]) -> None:
    assert plan(pending=orders) == Protection((), ())


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": D(9)},
        {"quantity": D(11)},
        {"stop_price": D("98.25")},
        {"stop_price": D("98.75")},
    ],
)
def test_what_is_out_of_step_is_cancelled_and_nothing_placed_beside_it(changes: Any) -> None:
    stop = a_stop(**changes)
    assert plan(pending=(stop,)) == Protection((), (stop,))


def test_a_small_step_is_not_worth_two_calls() -> None:
    assert plan(pending=(a_stop(stop_price=D("98.26")),)) == Protection((), ())


def test_the_rest_of_a_half_sold_position_keeps_a_stop() -> None:
    half = an_order(side=Side.SELL, purpose=Purpose.OPPOSITE, quantity=D(4))
    assert placed(plan(pending=(half,))) == [(6, D("98.5"))]


def test_a_stop_rests_for_no_more_than_the_broker_has() -> None:
    for theirs, size in ((D(12), [10]), (D(4), [4]), (D(0), []), (D(-4), [])):
        less = replace(HELD["positions"]["AAPL"], at_broker=theirs)
        found = plan(positions=by_symbol(less))
        assert [quantity for quantity, _ in placed(found)] == size
        full = plan(positions=by_symbol(less), pending=(a_stop(),))
        assert bool(full.cancel) is (theirs < 10)


def test_a_stop_follows_the_trailing_one() -> None:
    up = replace(a_position(), stop_price=D("98.5"), peak_price=D(110))
    context = {"positions": by_symbol(up), "quotes": {"AAPL": a_quote(last=109.0)}}
    assert placed(plan(**context)) == [(10, D("108.35"))]
    assert plan(**context, pending=(a_stop(),)).cancel == (a_stop(),)


@pytest.mark.parametrize("last", [98.5, 90.0])
def test_at_or_through_its_stop_a_position_is_for_our_own_rule(last: float) -> None:
    assert plan(quotes={"AAPL": a_quote(last=last)}) == Protection((), ())
    old = a_quote(last=last, at=AT - 91 * SECOND)
    assert len(plan(quotes={"AAPL": old}).place) == 1


ENDS = FULL_DAY.close - 12 * MINUTE


@pytest.mark.parametrize(
    ("means", "context", "place", "cancel"),
    [
        (MEANS, {"at": ENDS - SECOND}, True, False),
        (MEANS, {"at": ENDS}, False, True),
        (Means(True, False), {"at": ENDS}, True, False),
        (Means(True, False), {"at": FULL_DAY.close - 5 * MINUTE}, False, True),
        (MEANS, {"at": HALF_DAY.close - 12 * MINUTE, "hours": HALF_DAY}, False, True),
        (MEANS, {"at": FULL_DAY.close}, False, False),
        (MEANS, {"at": FULL_DAY.open - SECOND}, False, False),
        (Means(False, True), {}, False, True),
        (MEANS, {"status": BookStatus.REDUCING}, True, False),
        (MEANS, {"status": BookStatus.HALTED}, False, False),
        (MEANS, {"status": BookStatus.HALTED, "at": ENDS}, False, False),
    ],
)
def test_when_stops_are_placed_and_when_they_go(
    means: Means, context: Any, place: bool, cancel: bool
) -> None:
    assert bool(plan(means=means, **context).place) is place
    assert bool(plan(means=means, **context, pending=(a_stop(),)).cancel) is cancel


@pytest.mark.parametrize("book", [replace(BOOK, auto=False), a_book()])
def test_a_book_that_sends_nothing_places_nothing(book: Book) -> None:
    assert plan(book).place == ()
    assert bool(plan(book, pending=(a_stop(),)).cancel) is book.auto


@pytest.mark.parametrize("status", list(BookStatus))
@pytest.mark.parametrize("at", [AT, FULL_DAY.close + MINUTE])
def test_a_stop_for_more_than_is_held_always_goes(status: BookStatus, at: Any) -> None:
    too_much = a_stop(quantity=D(11))
    assert plan(status=status, at=at, pending=(too_much,)).cancel == (too_much,)
    assert plan(status=status, at=at, positions={}, pending=(a_stop(),)).cancel == (a_stop(),)


def test_an_exit_waits_for_stops_and_for_purchases_of_its_symbol() -> None:
    stop, entry = a_stop(), an_order(state=OrderState.PARTIAL, filled_quantity=D(4))
    other, done = a_stop(symbol="MSFT"), a_stop(OrderState.CANCELLED)
    sale = an_order(side=Side.SELL, purpose=Purpose.FLATTEN)
    pending = (stop, entry, other, done, sale)
    exit_intent = an_intent(side=Side.SELL, purpose=Purpose.FLATTEN)
    assert in_the_way(exit_intent, pending) == [stop, entry]
    assert in_the_way(an_intent(), pending) == []
    assert in_the_way(an_intent(side=Side.SELL, purpose=Purpose.PROTECT), pending) == []


AUCTION = an_order(side=Side.SELL, purpose=Purpose.PRE_CLOSE, state=OrderState.SUBMITTED)


@pytest.mark.parametrize(
    ("orders", "left"),
    [
        ((), 10),
        ((a_stop(),), 0),
        ((a_stop(quantity=D(4)),), 6),
        ((a_stop(OrderState.PARTIAL, quantity=D(14), filled_quantity=D(4)),), 0),
        ((AUCTION,), 0),
        ((replace(AUCTION, quantity=D(7)),), 3),
        ((replace(AUCTION, quantity=D(7)), a_stop(quantity=D(3))), 0),
        ((a_stop(symbol="MSFT"), an_order(state=OrderState.SUBMITTED)), 10),
        *(((a_stop(state),), 10) for state in OrderState if state not in WORKING),
    ],
)
def test_f5_only_what_works_at_the_broker_sells(orders: tuple[Order, ...], left: int) -> None:
    context = a_risk_context(**HELD, pending=orders)
    for status in BookStatus:
        found = bare(BOOK, replace(context, status=status), MEANS)
        assert [(s.quantity, s.price) for s in found] == ([(left, D("98.5"))] if left else [])


@pytest.mark.parametrize(
    ("book", "status", "at", "told"),
    [
        (BOOK, BookStatus.ACTIVE, FULL_DAY.close - SECOND, True),
        (BOOK, BookStatus.ACTIVE, FULL_DAY.close, False),
        (BOOK, BookStatus.FLATTENING, FULL_DAY.open - SECOND, False),
        (BOOK, BookStatus.HALTED, FULL_DAY.close, True),
        (replace(BOOK, auto=False), BookStatus.ACTIVE, FULL_DAY.close, True),
    ],
)
def test_a_closed_market_is_waited_for_unless_only_a_person_can_help(
    book: Book, status: BookStatus, at: Any, told: bool
) -> None:
    context = a_risk_context(**HELD, status=status, at=at)
    assert bool(bare(book, context, MEANS)) is told


@pytest.mark.parametrize(("book", "means"), [(a_book(), MEANS), (BOOK, Means(False, True))])
def test_without_stops_at_the_broker_what_is_not_sold_as_it_should_is_bare(
    book: Book, means: Means
) -> None:
    unsent = replace(AUCTION, quantity=D(7), state=OrderState.NEW)
    for orders, left in [((), 0), ((AUCTION,), 0), ((unsent,), 7)]:
        found = bare(book, a_risk_context(**HELD, pending=orders), means)
        assert [stop.quantity for stop in found] == ([left] if left else [])


def test_no_more_is_bare_than_the_broker_has_too() -> None:
    for theirs, left in ((D(12), [10]), (D(4), [4]), (D(0), []), (D(-4), [])):
        less = replace(HELD["positions"]["AAPL"], at_broker=theirs)
        found = bare(BOOK, a_risk_context(positions=by_symbol(less)), MEANS)
        assert [stop.quantity for stop in found] == left


def test_a_day_ends_with_the_stops_of_what_is_held_and_with_nothing_else() -> None:
    sale = an_order(side=Side.SELL, purpose=Purpose.FLATTEN)
    assert hindering([a_stop(), sale], HELD["positions"]) == [sale]
    assert hindering([a_stop()], {}) == [a_stop()]


def test_ids_name_the_position_the_generation_and_the_slot() -> None:
    (stop,) = plan().place
    first = stop_intent(BOOK, stop, 0, AT)
    assert first == stop_intent(BOOK, stop, 0, AT)
    assert (first.quantity, first.stop_price, first.time_in_force) == (
        10,
        D("98.5"),
        TimeInForce.GTC,
    )
    later = replace(stop, position=replace(stop.position, opened_at=AT))
    others = (
        stop_intent(BOOK, stop, 1, AT),
        stop_intent(BOOK, stop, 0, AT + MINUTE),
        stop_intent(BOOK, later, 0, AT),
        unprotected_sale(BOOK, stop, AT),
    )
    assert len({first.id, *(o.id for o in others)}) == 5


def test_only_refusals_in_a_row_and_since_a_person_looked_count() -> None:
    no, gone = OrderState.REJECTED, OrderState.CANCELLED
    states = [no, gone, no, no]
    ended = [a_stop(s, created_at=AT + n * SECOND) for n, s in enumerate(states)]
    assert refusals(ended, None) == ended[2:]
    assert refusals(ended, AT + 3 * SECOND) == ended[3:]
    assert refusals([], None) == refusals(ended[:2], None) == []
    position = replace(a_position(), opened_at=AT)
    assert trusted_since(position, BookStatus.REDUCING, AT + MINUTE) == AT - MINUTE
    assert trusted_since(position, BookStatus.ACTIVE, AT + MINUTE) == AT + MINUTE
    assert trusted_since(Position("AAPL"), BookStatus.REDUCING, AT) is None
