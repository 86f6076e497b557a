"""Sell what was parked while the market was closed, once orders are possible again (F10)."""

from app.engine.book import Book
from app.engine.exits.port import ExitContext, Sale, fired, sale, uncovered
from app.engine.orders import TimeInForce
from app.engine.session import takes_orders


def retry(book: Book, context: ExitContext) -> list[Sale]:
    """Return a sale for each parked exit, as soon as the market takes it.

    It waits for the end of its pause as any sale of its purpose does. The reason to sell was there
    when it was refused; whether it still is, is not asked again.
    """
    if not takes_orders(context.hours, context.at, TimeInForce.DAY):
        return []
    return [
        sale(book, context, held, parked.purpose, fired("retry", context.at, parked.retry_at))
        for held in uncovered(context)
        if (parked := context.parked.get(held.position.symbol)) is not None
    ]
