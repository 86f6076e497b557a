"""Sell a position whose gain has reached its target."""

from app.engine.book import Book
from app.engine.exits.port import ExitContext, Sale, fired, priced, sale
from app.engine.orders import Purpose


def take_profit(book: Book, context: ExitContext) -> list[Sale]:
    """Return a sale for each position with a fresh price ``take_profit`` above its cost."""
    sales: list[Sale] = []
    for held in priced(book, context):
        target = held.position.average_price * (1 + book.exits.take_profit)
        if held.last >= target:
            because = fired("take_profit", held.last, target)
            sales.append(sale(book, context, held, Purpose.TAKE_PROFIT, because))
    return sales
