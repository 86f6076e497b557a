"""Sell a position whose own trend has turned against it."""

from app.engine.book import Book
from app.engine.exits.port import ExitContext, Sale, fired, priced, sale
from app.engine.orders import Purpose


def trend_break(book: Book, context: ExitContext) -> list[Sale]:
    """Return a sale for each position whose symbol falls with a trend of ``trend_break`` or more.

    The trend is the feature of the newest bar, in (-1, 1). An inverse ETF is held long like
    everything else, so that its own trend is what counts. An unknown trend (NaN) sells nothing.
    """
    limit = -book.exits.trend_break
    sales: list[Sale] = []
    for held in priced(book, context):
        trend = context.trend.get(held.position.symbol)
        if trend is not None and trend <= limit:
            because = fired("trend_break", trend, limit)
            sales.append(sale(book, context, held, Purpose.TREND_BREAK, because))
    return sales
