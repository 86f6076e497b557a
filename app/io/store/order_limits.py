"""What limits are computed from: counts and sums over the order rows themselves."""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.engine.orders import OPEN, OrderState, Purpose
from app.io.store.schema import intents, orders, signals

_o = orders.c


class Reserved(NamedTuple):
    """What unfinished entries hold back: risk and notional in currency, and their symbols."""

    risk: Decimal
    notional: Decimal
    symbols: set[str]


def reserved(db: Connection, book_id: str) -> Reserved:
    """Return what the unfinished entry orders reserve, in full until they are finished."""
    zero = sa.literal(Decimal(0))
    row = db.execute(
        sa.select(
            sa.func.coalesce(sa.func.sum(_o.reserved_risk), zero),
            sa.func.coalesce(sa.func.sum(_o.reserved_notional), zero),
            sa.func.array_remove(sa.func.array_agg(_o.symbol.distinct()), None),
        ).where(_o.book == book_id, _o.purpose == Purpose.ENTRY, _o.state.in_(OPEN))
    ).one()
    return Reserved(row[0], row[1], set(row[2] or ()))


def created_since(db: Connection, book_id: str, since: datetime, symbol: str | None = None) -> int:
    """Return how many entries were created at or after ``since``, of one symbol if it is named.

    An entry that was rejected, or ended without a fill, does not count.
    """
    ended = _o.state.in_([OrderState.REJECTED, OrderState.CANCELLED, OrderState.EXPIRED])
    query = sa.select(sa.func.count()).where(
        _o.book == book_id,
        _o.purpose == Purpose.ENTRY,
        _o.created_at >= since,
        sa.not_(sa.and_(ended, _o.filled_quantity == 0)),
    )
    if symbol is not None:
        query = query.where(_o.symbol == symbol)
    return db.scalar(query) or 0


def sent_within(db: Connection, book_id: str, seconds: float) -> int:
    """Return how many orders were sent in the last ``seconds`` by the wall."""
    since = sa.func.clock_timestamp() - sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    query = sa.select(sa.func.count()).where(_o.book == book_id, _o.submitting_wall > since)
    return db.scalar(query) or 0


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
