"""What an exit rule is given, what it is, and what all of them share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.engine.book import Book
from app.engine.ids import intent_id, slot_of
from app.engine.market import Quote
from app.engine.orders import FINAL, Intent, Order, Purpose, Side, TimeInForce, outstanding
from app.engine.portfolio import Position
from app.engine.rounding import decimal
from app.engine.session import SessionHours


@dataclass(frozen=True, slots=True)
class ExitContext:
    """Positions, last quotes, and the orders of the symbols held, finished ones included.

    ``orders`` reaches back at least to when the oldest position was opened. ``auctions`` says
    whether the broker takes orders for the opening and the closing auction.
    """

    at: datetime
    hours: SessionHours | None
    positions: Mapping[str, Position]
    quotes: Mapping[str, Quote]
    orders: tuple[Order, ...]
    auctions: bool


Exit = Callable[[Book, ExitContext], list[Intent]]


def uncovered(context: ExitContext) -> dict[str, tuple[Position, Decimal]]:
    """Return what is held long and not already being sold, by symbol.

    An order whose outcome is unknown counts as being sold: selling twice is worse than late.
    """
    left: dict[str, tuple[Position, Decimal]] = {}
    for symbol, position in sorted(context.positions.items()):
        selling = (outstanding(o) for o in context.orders if _sells(o, symbol))
        quantity = position.quantity - sum(selling, Decimal(0))
        if quantity > 0:
            left[symbol] = (position, quantity)
    return left


def sale(
    book: Book,
    context: ExitContext,
    held: tuple[Position, Decimal],
    purpose: Purpose,
    time_in_force: TimeInForce = TimeInForce.DAY,
) -> Intent:
    """Return the intent to sell what is left of a position.

    Its id names the position (when it was opened), how many of its exits have ended, and a slot as
    long as an intent lives: asked again it is the same intent; after a rejected or expired order,
    or when the last intent died without one, it is a new one.
    """
    position, quantity = held
    ended = sum(
        o.state in FINAL and o.created_at >= (position.opened_at or o.created_at)
        for o in context.orders
        if _sells(o, position.symbol)
    )
    opened = position.opened_at.isoformat() if position.opened_at else "recovered"
    slot = slot_of(context.at, book.risk.max_intent_age)
    cause = f"{opened}:{ended}:{slot}:{time_in_force}"
    return Intent(
        id=intent_id(book.id, purpose, position.symbol, Side.SELL, cause),
        book=book.id,
        symbol=position.symbol,
        side=Side.SELL,
        purpose=purpose,
        price=last_price(context, position),
        at=context.at,
        quantity=quantity,
        time_in_force=time_in_force,
    )


def last_price(context: ExitContext, position: Position) -> Decimal:
    """Return the last price, or what the position cost where there is none."""
    quote = context.quotes.get(position.symbol)
    return (
        decimal(quote.last) if quote and 0 < quote.last < float("inf") else position.average_price
    )


def _sells(order: Order, symbol: str) -> bool:
    return order.symbol == symbol and order.side is Side.SELL
