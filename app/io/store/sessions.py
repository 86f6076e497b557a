"""Trading sessions: one row a book and date."""

from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from app.engine.session import Phase
from app.io.store.schema import sessions
from app.io.store.taping import change, reading

_s = sessions.c


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session on the market's clock; money is None until the session has got so far.

    ``cash_open`` is the broker's before what its date had filled or been charged by then.
    """

    date: date
    state: str
    open_at: datetime
    close_at: datetime
    equity_open: Decimal | None = None
    cash_open: Decimal | None = None
    equity_close: Decimal | None = None


_NAMES = tuple(field.name for field in fields(SessionRow))
#: What a session keeps that it has once opened with.
OPENED = ("equity_open", "cash_open")
_OVER = (Phase.CLOSED, Phase.STOPPED)


@change
def save(db: Connection, book_id: str, session: SessionRow, at: datetime) -> None:
    """Insert the session of a date, or move it on.

    What it opened with stays as it is stored: whoever moves it on may have read it before
    ``rebase``.
    """
    values = {name: getattr(session, name) for name in _NAMES} | {"updated_at": at}
    new = insert(sessions).values(book=book_id, **values)
    opened = {name: sa.func.coalesce(_s[name], new.excluded[name]) for name in OPENED}
    db.execute(new.on_conflict_do_update(index_elements=[_s.book, _s.date], set_=values | opened))


@change
def rebase(db: Connection, book_id: str, day: date, equity: Decimal, cash: Decimal) -> None:
    """Move what an opened session that has not ended began with."""
    moved = {"equity_open": _s.equity_open + equity, "cash_open": _s.cash_open + cash}
    open_ = (_s.book == book_id, _s.date == day, _s.state.not_in(_OVER))
    db.execute(sessions.update().where(*open_).values(**moved))


# Built once: it stands on the way of every order.
_BY_DATE = sa.select(*(_s[name] for name in _NAMES)).where(
    _s.book == sa.bindparam("book"), _s.date == sa.bindparam("day")
)


@reading
def load(db: Connection, book_id: str, day: date) -> SessionRow | None:
    """Return the session of a date."""
    row = db.execute(_BY_DATE, {"book": book_id, "day": day}).one_or_none()
    return SessionRow(*row) if row else None


def current(db: Connection, book_id: str) -> SessionRow | None:
    """Return the newest session."""
    return _first(db, _query(book_id).order_by(_s.date.desc()).limit(1))


def newest(db: Connection, book_id: str, count: int) -> list[SessionRow]:
    """Return the newest sessions, newest first."""
    rows = db.execute(_query(book_id).order_by(_s.date.desc()).limit(count))
    return [SessionRow(*row) for row in rows]


def first_equity(db: Connection, book_id: str) -> Decimal | None:
    """Return the equity with which the book's first session opened."""
    opened = sa.select(_s.equity_open).where(_s.book == book_id, _s.equity_open.is_not(None))
    equity: Decimal | None = db.scalar(opened.order_by(_s.date).limit(1))
    return equity


def unfinished_before(db: Connection, book_id: str, day: date) -> list[SessionRow]:
    """Return the sessions of earlier dates that have not ended, oldest first."""
    query = _query(book_id).where(_s.date < day, _s.state.not_in(_OVER)).order_by(_s.date)
    return [SessionRow(*row) for row in db.execute(query)]


def touch(db: Connection, book_id: str, day: date, at: datetime) -> None:
    """Say that a session was worked on, and change nothing else of it."""
    this = sessions.update().where(_s.book == book_id, _s.date == day)
    db.execute(this.values(updated_at=at))


def touched(db: Connection, book_id: str, day: date) -> datetime | None:
    """Return when a session was last worked on."""
    at: datetime | None = db.scalar(
        sa.select(_s.updated_at).where(_s.book == book_id, _s.date == day)
    )
    return at


def first(db: Connection, book_id: str) -> SessionRow | None:
    """Return the oldest session."""
    return _first(db, _query(book_id).order_by(_s.date).limit(1))


def _query(book_id: str) -> sa.Select[Any]:
    return sa.select(*(_s[name] for name in _NAMES)).where(_s.book == book_id)


def _first(db: Connection, query: sa.Select[Any]) -> SessionRow | None:
    row = db.execute(query).one_or_none()
    return SessionRow(*row) if row else None
