"""Fees: what the broker charged, each once, and the settlement in which it counts."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from app.engine.portfolio import Fee
from app.io.store.schema import fees
from app.io.store.taping import change

_f = fees.c


@change
def insert_once(
    db: Connection, book_id: str, broker: str, charged: Sequence[Fee], settled_on: date
) -> list[Fee]:
    """Store the fees that are not known yet, to count on a date, and return those."""
    if not charged:
        return []
    rows = [
        {"book": book_id, "broker": broker, "settled_on": settled_on}
        | {"id": fee.id, "date": fee.date, "amount": fee.amount}
        for fee in charged
    ]
    stored = db.execute(insert(fees).on_conflict_do_nothing().returning(_f.id), rows)
    ids = set(stored.scalars())
    return list({fee.id: fee for fee in charged if fee.id in ids}.values())


def unknown(db: Connection, broker: str, charged: Sequence[Fee]) -> list[Fee]:
    """Return those of the fees that are not stored."""
    stored = sa.select(_f.id).where(_f.broker == broker, _f.id.in_([fee.id for fee in charged]))
    known = set(db.scalars(stored)) if charged else set()
    return [fee for fee in charged if fee.id not in known]


def total(db: Connection, book_id: str, settled_on: date) -> Decimal:
    """Return what the fees that count on a date come to."""
    query = sa.select(sa.func.coalesce(sa.func.sum(_f.amount), 0))
    return Decimal(db.scalar(query.where(_f.book == book_id, _f.settled_on == settled_on)) or 0)


def counted(db: Connection, book_id: str, until: date) -> set[str]:
    """Return the ids of the fees that count on a date or before."""
    return set(db.scalars(sa.select(_f.id).where(_f.book == book_id, _f.settled_on <= until)))
