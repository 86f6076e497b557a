"""Figures of the order rows: how many were sent lately, how fast and when the first was taken."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.engine.debut import Debut
from app.engine.orders import OPEN, OrderState, Purpose
from app.io.store.schema import intents, orders, signals
from app.io.store.taping import reading

_o = orders.c


def sent_within(db: Connection, book_id: str, seconds: float) -> int:
    """Return how many orders but resting stops were sent in the last ``seconds`` by the wall."""
    since = sa.func.clock_timestamp() - sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    counted = (_o.book == book_id, _o.purpose != Purpose.PROTECT, _o.submitting_wall > since)
    query = sa.select(sa.func.count()).where(*counted)
    return db.scalar(query) or 0


@reading
def entries_since(db: Connection, book_id: str, since: datetime) -> list[tuple[str, datetime]]:
    """Return (symbol, when it was made) of the entries made at or after ``since``, oldest first.

    What the broker refused, and what ended without a single share, has not used a day up.
    """
    rows = db.execute(_ENTRIES, {"book": book_id, "since": since})
    return [(symbol, made) for symbol, made in rows]


# Built once: it stands on the way of every order.
_ENTRIES = (
    sa.select(_o.symbol, _o.created_at)
    .where(
        _o.book == sa.bindparam("book"),
        _o.created_at >= sa.bindparam("since"),
        _o.purpose == Purpose.ENTRY,
        _o.state != OrderState.REJECTED,
        sa.or_(_o.state.not_in([OrderState.CANCELLED, OrderState.EXPIRED]), _o.filled_quantity > 0),
    )
    .order_by(_o.created_at, _o.client_id)
)


@reading
def debut(db: Connection, book_id: str, today: datetime) -> Debut | None:
    """Return what a book has behind it, None once the broker took an entry before ``today``."""
    first = db.scalar(_FIRST_TAKEN, {"book": book_id})
    if first is not None and first < today:
        return None
    begun = db.scalars(_BEGUN, {"book": book_id})
    return Debut(first is not None, frozenset(begun))


def taken(db: Connection, book_id: str, since: datetime) -> dict[str, datetime]:
    """Return the orders made from ``since`` on, and the first entry of all, that were taken.

    By client id, each with when it was made.
    """
    rows = [
        *db.execute(_TAKEN_SINCE, {"book": book_id, "since": since}),
        *db.execute(_FIRST_ENTRY, {"book": book_id}),
    ]
    return {client_id: made for client_id, made in rows}


_MY_ENTRIES = (_o.book == sa.bindparam("book"), _o.purpose == Purpose.ENTRY)
#: The broker has it or had it: it worked there, or something of it was filled.
_TAKEN = sa.and_(
    _o.state != OrderState.REJECTED,
    sa.or_(_o.accepted_wall.is_not(None), _o.filled_quantity > 0),
)
_FIRST_TAKEN = sa.select(_o.created_at).where(*_MY_ENTRIES, _TAKEN).order_by(_o.created_at).limit(1)
_FIRST_ENTRY = _FIRST_TAKEN.with_only_columns(_o.client_id, _o.created_at)
_TAKEN_SINCE = sa.select(_o.client_id, _o.created_at).where(
    _o.book == sa.bindparam("book"), _o.created_at >= sa.bindparam("since"), _TAKEN
)
_BEGUN = (
    sa.select(_o.symbol).where(*_MY_ENTRIES, sa.or_(_TAKEN, _o.state.in_(sorted(OPEN)))).distinct()
)


def latencies(db: Connection, book_id: str, since: datetime) -> list[float]:
    """Return the milliseconds from an order's newest causing signal to its acceptance, sorted.

    Orders made at or after ``since``. A basket waits for its last witness, so that one counts.
    """
    s, i = signals.c, intents.c
    took = sa.extract("epoch", _o.accepted_wall - sa.func.max(s.written_wall)) * 1000
    query = (
        sa.select(took.label("ms"))
        .join_from(orders, intents, i.id == _o.intent_id)
        .join(signals, s.id == sa.any_(i.signals))
        .where(_o.book == book_id, _o.created_at >= since, _o.accepted_wall.is_not(None))
        .group_by(_o.client_id)
    )
    return sorted(float(ms) for ms in db.scalars(query))


def first_accepted(db: Connection, book_id: str) -> datetime | None:
    """Return when, by the wall, the broker first took an order of the book."""
    when: datetime | None = db.scalar(
        sa.select(sa.func.min(_o.accepted_wall)).where(_o.book == book_id)
    )
    return when
