"""Moves of sessions: one row each time that a book's day goes on, with the reason."""

from dataclasses import dataclass, fields
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.io.store.schema import market_states

_m = market_states.c


@dataclass(frozen=True, slots=True)
class Move:
    """From where to where a session went, when, and why."""

    date: date
    at: datetime
    from_state: str
    to_state: str
    why: str


_NAMES = tuple(field.name for field in fields(Move))


def add(db: Connection, book_id: str, move: Move) -> None:
    """Keep a move."""
    values = {name: getattr(move, name) for name in _NAMES}
    db.execute(market_states.insert().values(book=book_id, **values))


def of_day(db: Connection, book_id: str, day: date) -> list[Move]:
    """Return the moves of a date's session, oldest first."""
    query = sa.select(*(_m[name] for name in _NAMES)).where(_m.book == book_id, _m.date == day)
    return [Move(*row) for row in db.execute(query.order_by(_m.id))]
