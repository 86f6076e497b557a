"""A book that holds nothing overnight: sell into the close, flatten, clean up after a bad night.

All times are relative to the open and the close, so that half days move them (F6).
"""

from dataclasses import dataclass
from datetime import datetime

from app.engine.book import Book
from app.engine.exits.port import ExitContext, Sale, fired, sale, uncovered
from app.engine.orders import Purpose, TimeInForce
from app.engine.portfolio import Position
from app.engine.session import (
    SessionHours,
    clean_up_window,
    flatten_at,
    pre_close_at,
    takes_orders,
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the time of day asks for, and since when."""

    purpose: Purpose
    time_in_force: TimeInForce
    since: datetime


def end_of_day(book: Book, context: ExitContext) -> list[Sale]:
    """Return a sale for each position that the time of day asks to be sold."""
    hours = context.hours
    return [
        one
        for one in _asked_for(book, context)
        if takes_orders(hours, context.at, one.intent.time_in_force)
    ]


def refused(book: Book, context: ExitContext) -> list[Sale]:
    """Return the sales that the time of day asks for and the market does not take now."""
    hours = context.hours
    return [
        one
        for one in _asked_for(book, context)
        if not takes_orders(hours, context.at, one.intent.time_in_force)
    ]


def _asked_for(book: Book, context: ExitContext) -> list[Sale]:
    if context.hours is None:
        return []
    sales: list[Sale] = []
    for held in uncovered(context):
        asked = _asked(book, context, context.hours, held.position)
        if asked is not None:
            because = fired("end_of_day", context.at, asked.since)
            sales.append(sale(book, context, held, asked.purpose, because, asked.time_in_force))
    return sales


def _asked(
    book: Book, context: ExitContext, hours: SessionHours, position: Position
) -> _Asked | None:
    """Return the purpose and the kind of order that the time of day asks for."""
    at, policy = context.at, book.session
    starts, ends = clean_up_window(hours, policy)
    if starts <= at < ends and _left_over(position, hours):
        opening = context.auctions and at < hours.open
        kind = TimeInForce.OPG if opening else TimeInForce.DAY
        return _Asked(Purpose.CLEAN_UP, kind, starts)
    if flatten_at(hours, policy) <= at:
        return _Asked(Purpose.FLATTEN, TimeInForce.DAY, flatten_at(hours, policy))
    if pre_close_at(hours, policy) <= at and context.auctions:
        return _Asked(Purpose.PRE_CLOSE, TimeInForce.CLS, pre_close_at(hours, policy))
    return None


def _left_over(position: Position, hours: SessionHours) -> bool:
    """Was the position there before this session opened?"""
    return position.opened_at is None or position.opened_at < hours.open
