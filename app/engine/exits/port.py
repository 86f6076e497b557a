"""What an exit rule is given, what it answers, and what all of them share."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from app.engine.book import Book
from app.engine.exits.parking import Parked
from app.engine.ids import intent_id, slot_of
from app.engine.market import Quote
from app.engine.orders import FINAL, WORKING, Intent, Order, Purpose, Side, TimeInForce
from app.engine.orders import outstanding as left_of
from app.engine.portfolio import Position
from app.engine.rounding import decimal
from app.engine.session import SessionHours, regular
from app.engine.verdicts import Measured, Reason, Verdict

#: A stop at the broker that its price has reached is left to trade until so many checks saw it.
PATIENCE = 1.5


@dataclass(frozen=True, slots=True)
class Gap:
    """A session's first price and the close of the session before it."""

    open: Decimal
    reference: Decimal


@dataclass(frozen=True, slots=True)
class ExitContext:
    """Positions, last quotes, and the orders of the symbols held, finished ones included.

    ``orders`` reaches back at least to when the oldest position was opened. ``auctions`` says
    whether the broker takes orders for the opening and the closing auction. ``trend`` is the trend
    feature of the newest bar, in (-1, 1), ``gaps`` how the session began for what was held before
    it, ``parked`` the exits that wait until orders are possible again; all by symbol.
    ``flattening``: a person wants everything sold.
    """

    at: datetime
    hours: SessionHours | None
    positions: Mapping[str, Position]
    quotes: Mapping[str, Quote]
    orders: tuple[Order, ...]
    auctions: bool
    trend: Mapping[str, float] = field(default_factory=dict)
    gaps: Mapping[str, Gap] = field(default_factory=dict)
    parked: Mapping[str, Parked] = field(default_factory=dict)
    flattening: bool = False


@dataclass(frozen=True, slots=True)
class Sale:
    """An exit that a rule wants, and the numbers that the rule compared."""

    intent: Intent
    because: Verdict


@dataclass(frozen=True, slots=True)
class Held:
    """What may be sold of a position: the shares that no other exit sells, and the last price."""

    position: Position
    quantity: Decimal
    last: Decimal


Exit = Callable[[Book, ExitContext], list[Sale]]


def uncovered(context: ExitContext) -> Iterator[Held]:
    """Yield what is held long and not already being sold, by symbol.

    An order whose outcome is unknown counts as being sold: selling twice is worse than late. A stop
    that rests at the broker does not count: a sale waits until it has been cancelled.
    """
    for symbol, position in sorted(context.positions.items()):
        selling = (left_of(o) for o in context.orders if _sells(o, symbol))
        quantity = position.quantity - sum(selling, Decimal(0))
        if quantity > 0:
            yield Held(position, quantity, _last_price(context, position))


def priced(book: Book, context: ExitContext) -> Iterator[Held]:
    """Yield what is uncovered and has a fresh price in regular hours, by symbol.

    Left out is what the stop at the broker should be selling: cancelling it then would only be
    slower. If it has not traded for two checks, our own rules are asked again.
    """
    if not regular(context.hours, context.at):
        return
    for held in uncovered(context):
        quote = context.quotes.get(held.position.symbol)
        if fresh_price(book, quote, context.at) is not None and not _left_to_stop(
            book, context, held
        ):
            yield held


def fresh_price(book: Book, quote: Quote | None, at: datetime) -> Decimal | None:
    """Return a quote's last price unless it is older than ``max_price_age`` or no price at all."""
    if quote is None or abs(at - quote.at) > book.risk.max_price_age:
        return None
    return decimal(quote.last) if 0 < quote.last < float("inf") else None


def at_broker(order: Order, symbol: str) -> bool:
    """Is this a stop of a symbol that works at the broker?"""
    return order.symbol == symbol and order.purpose is Purpose.PROTECT and order.state in WORKING


def sale(
    book: Book,
    context: ExitContext,
    held: Held,
    purpose: Purpose,
    because: Verdict,
    time_in_force: TimeInForce = TimeInForce.DAY,
) -> Sale:
    """Return the intent to sell what is left of a position.

    Its id names the position (when it was opened), how many of its exits have ended, and a slot as
    long as an intent lives: asked again it is the same intent; after a rejected or expired order,
    or when the last intent died without one, it is a new one.
    """
    position = held.position
    ended = sum(
        o.state in FINAL and o.created_at >= (position.opened_at or o.created_at)
        for o in context.orders
        if _sells(o, position.symbol)
    )
    slot = slot_of(context.at, book.risk.max_intent_age)
    cause = f"{opened(position)}:{ended}:{slot}:{time_in_force}"
    intent = Intent(
        id=intent_id(book.id, purpose, position.symbol, Side.SELL, cause),
        book=book.id,
        symbol=position.symbol,
        side=Side.SELL,
        purpose=purpose,
        price=held.last,
        at=context.at,
        quantity=held.quantity,
        time_in_force=time_in_force,
    )
    return Sale(intent, because)


def opened(position: Position) -> str:
    """Return what tells a position from the others that its symbol had."""
    return position.opened_at.isoformat() if position.opened_at else "recovered"


def fired(rule: str, measured: Measured, limit: Measured) -> Verdict:
    """Return the verdict of a rule that sells: what it measured, and what that was held against."""
    return Verdict(rule, Reason.PASSED, measured, limit)


def _left_to_stop(book: Book, context: ExitContext, held: Held) -> bool:
    symbol, since = held.position.symbol, held.position.through_at
    if not any(stop_reached(order, symbol, held.last) for order in context.orders):
        return False
    return since is None or context.at - since < PATIENCE * book.schedule.stops


def stop_reached(order: Order, symbol: str, last: Decimal) -> bool:
    """Is this a working stop of a symbol whose price has reached it?"""
    return at_broker(order, symbol) and last <= (order.stop_price or Decimal(0))


def _last_price(context: ExitContext, position: Position) -> Decimal:
    """Return the last price, or what the position cost where there is none."""
    quote = context.quotes.get(position.symbol)
    return (
        decimal(quote.last) if quote and 0 < quote.last < float("inf") else position.average_price
    )


def _sells(order: Order, symbol: str) -> bool:
    return (
        order.symbol == symbol and order.side is Side.SELL and order.purpose is not Purpose.PROTECT
    )
