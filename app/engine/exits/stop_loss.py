"""Sell a position whose price has reached its stop."""

from decimal import Decimal

from app.engine.book import Book
from app.engine.exits.port import ExitContext, sale, uncovered
from app.engine.market import Quote
from app.engine.orders import Intent, Purpose
from app.engine.portfolio import Position
from app.engine.rounding import decimal, tick_size, to_tick
from app.engine.session import regular


def stop_loss(book: Book, context: ExitContext) -> list[Intent]:
    """Return a sale for each position with a fresh price at or through its stop."""
    if not regular(context.hours, context.at):
        return []
    return [
        sale(book, context, held, Purpose.STOP_LOSS)
        for symbol, held in uncovered(context).items()
        if _hit(book, held[0], context.quotes.get(symbol), context)
    ]


def stop_price(average: Decimal, distance: Decimal) -> Decimal:
    """Return the stop of a long position: its average price less ``distance`` as a share of it.

    Cut toward zero to the price step, at least one step below the average: never the entry price.
    """
    stop = to_tick(average * (1 - distance))
    return stop if stop < average else to_tick(average - tick_size(average))


def stop_of(position: Position, distance: Decimal) -> Decimal:
    """Return a position's own stop; one without (recovered from the broker) gets the usual one."""
    own = position.stop_price
    if own is not None and own > 0:
        return own
    return stop_price(position.average_price, distance)


def _hit(book: Book, position: Position, quote: Quote | None, context: ExitContext) -> bool:
    if quote is None or abs(context.at - quote.at) > book.risk.max_price_age:
        return False
    if not 0 < quote.last < float("inf"):
        return False
    return decimal(quote.last) <= stop_of(position, book.risk.stop_loss)
