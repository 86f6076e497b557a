"""Sell what was held overnight and opened far below the last close (F9)."""

from decimal import Decimal

from app.engine.book import Book, ExitPolicy
from app.engine.exits.port import ExitContext, Gap, Sale, fired, priced, sale
from app.engine.orders import Purpose
from app.engine.rounding import decimal


def gap(book: Book, context: ExitContext) -> list[Sale]:
    """Return a sale for each long position whose session began with a fall beyond the threshold.

    Measured and limit are what was compared, in percent.
    """
    limit = gap_limit(book.exits)
    if limit is None:
        return []
    sales: list[Sale] = []
    for held in priced(book, context):
        seen = context.gaps.get(held.position.symbol)
        change = gap_percent(seen) if seen else None
        if change is not None and change <= limit:
            because = fired("gap", change, limit)
            sales.append(sale(book, context, held, Purpose.GAP, because))
    return sales


def gap_percent(seen: Gap) -> Decimal | None:
    """Return (open - reference) / reference x 100, cut toward zero; None without two prices."""
    if not (seen.open > 0 and seen.reference > 0):
        return None
    return decimal((seen.open - seen.reference) / seen.reference * 100)


def gap_limit(policy: ExitPolicy) -> Decimal | None:
    """Return the fall in percent, negative, from which a gap sells; None where it is off."""
    if not policy.gap > 0:
        return None
    return -(policy.gap + policy.gap_epsilon) * 100
