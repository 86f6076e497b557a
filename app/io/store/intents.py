"""Intents: stored once, decided once."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from app.engine.orders import Intent, Purpose, Side, TimeInForce
from app.io.store.schema import intents
from app.io.store.taping import change, locking

_i = intents.c
_NAMES = tuple(field.name for field in fields(Intent))
_COLUMNS = tuple(_i[name] for name in _NAMES)


# Built once: they stand on the way of every order.
_INSERT = insert(intents).on_conflict_do_nothing().returning(_i.id)
_UNDECIDED = (
    sa.select(*_COLUMNS)
    .where(_i.book == sa.bindparam("book"), _i.decided_at.is_(None))
    .order_by(_i.at, _i.written_wall)
    .with_for_update(skip_locked=True)
)
_DECIDED = (
    intents.update()
    .where(_i.id == sa.any_(sa.bindparam("ids")))
    .values(decided_at=sa.bindparam("at_"))
)


@change
def insert_once(db: Connection, new: Sequence[Intent]) -> list[Intent]:
    """Store the intents that are not stored yet and return those."""
    if not new:
        return []
    rows = [
        {name: getattr(intent, name) for name in _NAMES} | {"signals": list(intent.signals)}
        for intent in new
    ]
    stored = db.execute(_INSERT, rows if len(rows) > 1 else rows[0])
    ids = set(stored.scalars())
    return list({intent.id: intent for intent in new if intent.id in ids}.values())


@locking
def undecided(db: Connection, book_id: str) -> list[Intent]:
    """Return the intents that no risk step has dealt with, in the order they were made, locked.

    Intents that another transaction is deciding are left out.
    """
    return [_intent(row) for row in db.execute(_UNDECIDED, {"book": book_id})]


@change
def mark_decided(db: Connection, ids: Sequence[str], at: datetime) -> None:
    """Note that the intents became orders or were refused."""
    if ids:
        db.execute(_DECIDED, {"ids": list(ids), "at_": at})


def listing(db: Connection, book_id: str, since: datetime | None = None) -> list[Intent]:
    """Return the intents made at or after ``since``, oldest first."""
    query = sa.select(*_COLUMNS).where(_i.book == book_id)
    if since is not None:
        query = query.where(_i.at >= since)
    return [_intent(row) for row in db.execute(query.order_by(_i.at, _i.id))]


def _intent(row: sa.Row[Any]) -> Intent:
    values = row._asdict()
    return Intent(
        **values
        | {
            "side": Side(values["side"]),
            "purpose": Purpose(values["purpose"]),
            "signals": tuple(values["signals"]),
            "time_in_force": TimeInForce(values["time_in_force"]),
        }
    )
