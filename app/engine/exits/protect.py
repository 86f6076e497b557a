"""Stops that rest at the broker, kept in step with ours: which to place, and which to cancel.

The invariant: the shares that all unfinished sales of a symbol may still sell are never more than
are held. A stop counts among them like any sale, so whoever wants the shares that it holds waits
until it is final. Nothing is replaced: a stop is cancelled, and a new one is placed after its end.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum

from app.engine.book import Book, BookStatus
from app.engine.exits.port import fresh_price, opened
from app.engine.exits.stop_loss import stop_of
from app.engine.exits.trailing_stop import trailing_level
from app.engine.ids import intent_id, slot_of
from app.engine.orders import (
    WORKING,
    Intent,
    Order,
    OrderState,
    Purpose,
    Side,
    TimeInForce,
    outstanding,
)
from app.engine.permissions import BLOCKS, BY_PERSONS
from app.engine.portfolio import Position, sellable
from app.engine.session import flatten_at, pre_close_at, regular
from app.engine.sizing import RiskContext

#: A stop is moved when it stands away from ours by this share of its price: each move is two calls.
STEP = Decimal("0.0025")
#: Our clock and the broker's may differ by so much.
SKEW = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Means:
    """What the broker can do: stops that rest, and orders for the auctions."""

    stop_orders: bool
    auctions: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop that is to rest: for so many shares of a position, at a price."""

    position: Position
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Protection:
    """What to place and what to cancel, by symbol; never both of one symbol."""

    place: tuple[Stop, ...]
    cancel: tuple[Order, ...]


class _Aim(Enum):
    """What the moment asks of resting stops: leave them, be in step with ours, or be gone."""

    LEAVE = "leave"
    FOLLOW = "follow"
    GO = "go"


def protection(book: Book, context: RiskContext, means: Means) -> Protection:
    """Compare the stops that rest with those that should.

    A stop for more than is left to sell goes at any time. Nothing else is touched where no new one
    could be placed: a halt takes no protection away. Before the closing auction all of them go, in
    time for its own orders.
    """
    aim = _aim(book, context, means)
    place: list[Stop] = []
    cancel: list[Order] = []
    for symbol in sorted({*context.positions, *(o.symbol for o in stops(context.pending))}):
        resting = [o for o in stops(context.pending) if o.symbol == symbol]
        position = context.positions.get(symbol, Position(symbol))
        wanted = Stop(position, _free(context, position), stop_level(book, position))
        if resting:
            cancel += resting if _misplaced(book, context, resting, wanted, aim) else ()
        elif aim is _Aim.FOLLOW and _placeable(book, context, wanted):
            place.append(wanted)
    return Protection(tuple(place), tuple(cancel))


def must_go(book: Book, context: RiskContext, means: Means) -> bool:
    """Are all stops to be gone now, whatever happens to their positions?"""
    return _aim(book, context, means) is _Aim.GO


def bare(book: Book, context: RiskContext, means: Means) -> list[Stop]:
    """Return what is held that nothing which works at the broker would sell.

    What could not be sent, or nobody knows of, sells nothing. Asked in regular hours, and at any
    time of a book that sends none (halted, AUTO_MODE=0), where only a person can place a stop. A
    book without stops at the broker is bare where a sale of it does not get there.
    """
    if _may_place(book, context) and not regular(context.hours, context.at):
        return []
    found = []
    for symbol, position in sorted(context.positions.items()):
        sales = [o for o in context.pending if o.symbol == symbol and o.side is Side.SELL]
        working = sum((outstanding(o) for o in sales if o.state in WORKING), Decimal(0))
        due = sellable(position)
        if not _wanted(book, means):
            due = min(due, sum((outstanding(o) for o in sales), Decimal(0)))
        if due > working:
            found.append(Stop(position, due - working, stop_level(book, position)))
    return found


def stop_level(book: Book, position: Position) -> Decimal:
    """Return where a position's stop should rest: its own, or the trailing one above it."""
    own = stop_of(position, book.risk.stop_loss)
    return max(own, trailing_level(position, book.exits) or own)


def stops(orders: Iterable[Order]) -> list[Order]:
    """Return the unfinished stops among orders."""
    return [o for o in orders if o.purpose is Purpose.PROTECT and outstanding(o) > 0]


def hindering(unfinished: Iterable[Order], held: Mapping[str, Position]) -> list[Order]:
    """Return the orders with which no day ends: all but the stops of what is held overnight."""
    return [o for o in unfinished if o.purpose is not Purpose.PROTECT or o.symbol not in held]


def in_the_way(intent: Intent, pending: Sequence[Order]) -> list[Order]:
    """Return what must be final before an exit can be sent.

    That is the stop that holds its shares, and an entry of its symbol that still works: brokers
    refuse an order that could trade against another one of the same account.
    """
    if intent.side is not Side.SELL or intent.purpose in (Purpose.ENTRY, Purpose.PROTECT):
        return []
    return [
        o
        for o in pending
        if o.symbol == intent.symbol
        and outstanding(o) > 0
        and (o.purpose is Purpose.PROTECT or o.side is Side.BUY)
    ]


def stop_intent(book: Book, stop: Stop, generation: int, at: datetime) -> Intent:
    """Return the intent to place a stop, after so many that have ended.

    Good till cancelled: see docs/decisions/0007-stops-at-the-broker.md.
    """
    sold = _sold(book, stop, Purpose.PROTECT, str(generation), at)
    return replace(sold, time_in_force=TimeInForce.GTC, stop_price=stop.price)


def unprotected_sale(book: Book, stop: Stop, at: datetime) -> Intent:
    """Return the intent to sell what no stop at the broker protects (STOP_FAILURE=close)."""
    return _sold(book, stop, Purpose.STOP_LOSS, "unprotected", at)


def _sold(book: Book, stop: Stop, purpose: Purpose, which: str, at: datetime) -> Intent:
    """Return an intent whose id names the position, which of its kind, and an intent's lifetime."""
    symbol, slot = stop.position.symbol, slot_of(at, book.risk.max_intent_age)
    cause = f"{opened(stop.position)}:{which}:{slot}"
    return Intent(
        id=intent_id(book.id, purpose, symbol, Side.SELL, cause),
        book=book.id,
        symbol=symbol,
        side=Side.SELL,
        purpose=purpose,
        price=stop.price,
        at=at,
        quantity=stop.quantity,
    )


def refusals(outcomes: Sequence[Order], since: datetime | None) -> list[Order]:
    """Return the newest orders, oldest first, that the broker refused one after the other.

    ``outcomes`` is oldest first; those made before ``since`` do not count.
    """
    found: list[Order] = []
    for order in reversed(outcomes):
        if order.state is not OrderState.REJECTED or (since and order.created_at < since):
            break
        found.append(order)
    return found[::-1]


def _aim(book: Book, context: RiskContext, means: Means) -> _Aim:
    hours = context.hours
    if hours is None or not regular(hours, context.at):
        return _Aim.LEAVE
    if not _may_place(book, context):
        return _Aim.LEAVE
    ends = (pre_close_at if means.auctions else flatten_at)(hours, book.session)
    return _Aim.FOLLOW if _wanted(book, means) and context.at < ends else _Aim.GO


def _wanted(book: Book, means: Means) -> bool:
    return means.stop_orders and book.exits.broker_stops


def _may_place(book: Book, context: RiskContext) -> bool:
    return book.auto and Purpose.PROTECT not in BLOCKS[context.status]


def _free(context: RiskContext, position: Position) -> Decimal:
    """Return the shares that the broker has too and that no other sale may still sell."""
    selling = (
        outstanding(o)
        for o in context.pending
        if o.symbol == position.symbol and o.side is Side.SELL and o.purpose is not Purpose.PROTECT
    )
    return max(sellable(position) - sum(selling, Decimal(0)), Decimal(0))


def _misplaced(
    book: Book, context: RiskContext, resting: Sequence[Order], wanted: Stop, aim: _Aim
) -> bool:
    covered = sum((outstanding(o) for o in resting), Decimal(0))
    if covered > wanted.quantity or aim is _Aim.GO:
        return True
    if aim is _Aim.LEAVE:
        return False
    if covered != wanted.quantity:
        return True
    away = max(abs(wanted.price - (o.stop_price or Decimal(0))) for o in resting)
    return away >= STEP * wanted.price and _above(book, context, wanted)


def _placeable(book: Book, context: RiskContext, wanted: Stop) -> bool:
    symbol = wanted.position.symbol
    buying = any(o.symbol == symbol and o.side is Side.BUY for o in context.pending)
    return wanted.quantity > 0 and not buying and _above(book, context, wanted)


def _above(book: Book, context: RiskContext, wanted: Stop) -> bool:
    """Is the price above the stop, as far as is known? At or through it, a sale is due instead."""
    quote = context.quotes.get(wanted.position.symbol)
    last = fresh_price(book, quote, context.at)
    return last is None or last > wanted.price


def trusted_since(position: Position, status: BookStatus, set_at: datetime) -> datetime | None:
    """Return from when refusals count: the position's opening, or a person's leave to go on."""
    begun = position.opened_at - SKEW if position.opened_at else None
    if status not in BY_PERSONS:
        return begun
    return max(begun, set_at) if begun else set_at
