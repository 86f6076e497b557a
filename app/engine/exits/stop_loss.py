"""Sell a position whose price has reached its stop: the second line behind a stop at the broker."""

from decimal import Decimal

from app.engine.book import Book
from app.engine.exits.port import ExitContext, Sale, fired, priced, sale
from app.engine.orders import Purpose
from app.engine.portfolio import Position
from app.engine.rounding import tick_size, to_tick


def stop_loss(book: Book, context: ExitContext) -> list[Sale]:
    """Return a sale for each position with a fresh price at or through its stop."""
    sales: list[Sale] = []
    for held in priced(book, context):
        stop = stop_of(held.position, book.risk.stop_loss)
        if held.last <= stop:
            because = fired("stop_loss", held.last, stop)
            sales.append(sale(book, context, held, Purpose.STOP_LOSS, because))
    return sales


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
