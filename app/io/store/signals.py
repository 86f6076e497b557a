"""Signals: stored once, routed once."""

from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from app.engine.signals import Signal
from app.io.store.schema import signals
from app.io.store.taping import change, locking

_s = signals.c
_NAMES = tuple(field.name for field in fields(Signal))


# Built once: they stand on the way of every order.
_UNROUTED = (
    sa.select(*(_s[name] for name in _NAMES))
    .where(_s.book == sa.bindparam("book"), _s.routed_at.is_(None))
    .order_by(_s.at, _s.id)
    .limit(sa.bindparam("most"))
    .with_for_update()
)
_ROUTED = (
    signals.update()
    .where(_s.id == sa.any_(sa.bindparam("ids")))
    .values(routed_at=sa.bindparam("at_"))
)


@change
def insert_once(db: Connection, new: Sequence[Signal]) -> list[Signal]:
    """Store the signals that are not stored yet and return those."""
    if not new:
        return []
    rows = [{name: getattr(signal, name) for name in _NAMES} for signal in new]
    stored = db.execute(insert(signals).on_conflict_do_nothing().returning(_s.id), rows)
    ids = set(stored.scalars())
    return list({signal.id: signal for signal in new if signal.id in ids}.values())


@locking
def unrouted(db: Connection, book_id: str, limit: int = 10_000) -> list[Signal]:
    """Return the oldest signals that no route step has dealt with, locked.

    The limit is a round of a large universe, so that a tick's signals are seen together.
    """
    return [Signal(*row) for row in db.execute(_UNROUTED, {"book": book_id, "most": limit})]


def by_ids(db: Connection, book_id: str, ids: Collection[str]) -> list[Signal]:
    """Return signals by their ids, oldest first."""
    query = sa.select(*(_s[name] for name in _NAMES)).where(_s.book == book_id, _s.id.in_(ids))
    return [Signal(*row) for row in db.execute(query.order_by(_s.at, _s.symbol))]


@change
def mark_routed(db: Connection, ids: Sequence[str], at: datetime) -> None:
    """Note that the signals were dealt with."""
    if ids:
        db.execute(_ROUTED, {"ids": list(ids), "at_": at})


def count(
    db: Connection, book_id: str, since: datetime | None = None, until: datetime | None = None
) -> int:
    """Return how many signals there are at or after ``since`` and before ``until``."""
    query = sa.select(sa.func.count()).where(_s.book == book_id)
    if since is not None:
        query = query.where(_s.at >= since)
    if until is not None:
        query = query.where(_s.at < until)
    return db.scalar(query) or 0
