"""Sell a position that has given back part of its gain: a stop that follows the best price."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from app.engine.book import Book, ExitPolicy
from app.engine.exits.port import ExitContext, Sale, fired, priced, sale
from app.engine.orders import Purpose
from app.engine.portfolio import Position
from app.engine.rounding import tick_size, to_tick


def trailing_stop(book: Book, context: ExitContext) -> list[Sale]:
    """Return a sale for each position with a fresh price at or through its trailing stop."""
    sales: list[Sale] = []
    for held in priced(book, context):
        level = trailing_level(held.position, book.exits)
        if level is not None and held.last <= level:
            because = fired("trailing_stop", held.last, level)
            sales.append(sale(book, context, held, Purpose.TRAILING_STOP, because))
    return sales


def trailing_level(position: Position, policy: ExitPolicy) -> Decimal | None:
    """Return where the stop stands that follows the best price; None before ``trailing_after``.

    On the price step, never below what the position cost, and never falling while the best price
    does not: it only grows with it.
    """
    peak, cost = position.peak_price, position.average_price
    if peak is None or not (cost > 0 and peak >= cost * (1 + policy.trailing_after)):
        return None
    level = max(to_tick(peak * (1 - policy.trailing_stop)), _at_least(cost))
    return level if level < peak else None


def follow(position: Position, last: Decimal, reached: bool, at: datetime) -> Position:
    """Return a position after one more fresh price; ``reached``: it is at the broker's stop.

    The best price since entry begins with what was paid and never falls.
    """
    best = max(position.peak_price or position.average_price, last)
    since = (position.through_at or at) if reached else None
    return replace(position, peak_price=best, through_at=since)


def _at_least(price: Decimal) -> Decimal:
    """Return the first price on the step that is not below ``price``."""
    cut = to_tick(price)
    return cut if cut == price else to_tick(cut + tick_size(cut))
