"""A book that holds nothing overnight: sell into the close, flatten, clean up after a bad night.

All times are relative to the open and the close, so that half days move them (F6).
"""

from app.engine.book import Book
from app.engine.exits.port import ExitContext, sale, uncovered
from app.engine.orders import Intent, Purpose, TimeInForce
from app.engine.portfolio import Position
from app.engine.session import (
    SessionHours,
    clean_up_window,
    flatten_at,
    pre_close_at,
    takes_orders,
)


def end_of_day(book: Book, context: ExitContext) -> list[Intent]:
    """Return a sale for each position that the time of day asks to be sold."""
    if context.hours is None:
        return []
    intents: list[Intent] = []
    for held in uncovered(context).values():
        asked = _asked(book, context, context.hours, held[0])
        if asked is not None and takes_orders(context.hours, context.at, asked[1]):
            intents.append(sale(book, context, held, *asked))
    return intents


def _asked(
    book: Book, context: ExitContext, hours: SessionHours, position: Position
) -> tuple[Purpose, TimeInForce] | None:
    """Return the purpose and the kind of order that the time of day asks for."""
    at, policy = context.at, book.session
    starts, ends = clean_up_window(hours, policy)
    if starts <= at < ends and _left_over(position, hours):
        opening = context.auctions and at < hours.open
        return Purpose.CLEAN_UP, TimeInForce.OPG if opening else TimeInForce.DAY
    if flatten_at(hours, policy) <= at:
        return Purpose.FLATTEN, TimeInForce.DAY
    if pre_close_at(hours, policy) <= at and context.auctions:
        return Purpose.PRE_CLOSE, TimeInForce.CLS
    return None


def _left_over(position: Position, hours: SessionHours) -> bool:
    """Was the position there before this session opened?"""
    return position.opened_at is None or position.opened_at < hours.open
