"""Sell everything at the market because a person asked for it (E11)."""

from app.engine.book import Book
from app.engine.exits.port import ExitContext, Sale, fired, sale, uncovered
from app.engine.orders import Purpose


def flatten(book: Book, context: ExitContext) -> list[Sale]:
    """Return a sale for each position while the book is flattening, whatever its price.

    Where the market takes no order the sale is refused, parked, and tried again at the open.
    """
    if not context.flattening:
        return []
    return [
        sale(book, context, held, Purpose.FLATTEN, fired("flatten", held.quantity, None))
        for held in uncovered(context)
    ]
