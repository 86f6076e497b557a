"""Events of the outside world, stored once under their natural key."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from app.engine.events import Event, EventKind
from app.io.store.schema import events
from app.io.store.taping import change, reading

_e = events.c


_NAMES = tuple(f.name for f in fields(Event))


@change
def insert_once(db: Connection, book_id: str, new: Sequence[Event]) -> list[Event]:
    """Store the events that are not stored yet and return those."""
    if not new:
        return []
    rows = [{"book": book_id, **{name: getattr(event, name) for name in _NAMES}} for event in new]
    stored = db.execute(insert(events).on_conflict_do_nothing().returning(_e.id), rows)
    ids = set(stored.scalars())
    return list({event.id: event for event in new if event.id in ids}.values())


@change
def add_tones(
    db: Connection, book_id: str, tones: Mapping[str, float], at: datetime
) -> dict[str, float]:
    """Give events without a tone the one that became known at ``at``; return those that had none.

    All else of an event stays: it became known when it was told first.
    """
    added = {}
    for name, tone in sorted(tones.items()):
        silent = sa.update(events).where(_e.book == book_id, _e.id == name, _e.tone.is_(None))
        if db.execute(silent.values(tone=tone, tone_at=at)).rowcount:
            added[name] = tone
    return added


# Built once: it stands on the way of every signal.
_LISTING = (
    sa.select(*(_e[name] for name in _NAMES))
    .where(_e.book == sa.bindparam("book"), _e.first_seen_at >= sa.bindparam("since"))
    .order_by(_e.first_seen_at, _e.id)
)


@reading
def listing(db: Connection, book_id: str, since: datetime, kind: str | None = None) -> list[Event]:
    """Return the events known from ``since`` on, oldest first, of one kind if it is named."""
    query = _LISTING if kind is None else _LISTING.where(_e.kind == kind)
    return [_event(row) for row in db.execute(query, {"book": book_id, "since": since})]


def by_ids(db: Connection, book_id: str, ids: Collection[str]) -> list[Event]:
    """Return events by their ids, oldest first."""
    query = sa.select(*(_e[name] for name in _NAMES)).where(_e.book == book_id, _e.id.in_(ids))
    return [_event(row) for row in db.execute(query.order_by(_e.at, _e.id))]


def _event(row: sa.Row[Any]) -> Event:
    return Event(**row._asdict() | {"kind": EventKind(row.kind)})
