"""Parked exits: one row a book and symbol, until it is flat or being sold."""

from collections.abc import Collection
from dataclasses import fields

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from app.engine.exits.parking import Parked
from app.engine.orders import Purpose
from app.engine.verdicts import Reason
from app.io.store.schema import pending_exits
from app.io.store.taping import change, reading

_e = pending_exits.c
_NAMES = tuple(field.name for field in fields(Parked))


@reading
def load(db: Connection, book_id: str) -> dict[str, Parked]:
    """Return what is parked, by symbol."""
    query = sa.select(*(_e[name] for name in _NAMES)).where(_e.book == book_id).order_by(_e.symbol)
    rows = [row._asdict() for row in db.execute(query)]
    return {
        row["symbol"]: Parked(
            **row | {"purpose": Purpose(row["purpose"]), "reason": Reason(row["reason"])}
        )
        for row in rows
    }


@change
def save(db: Connection, book_id: str, parked: Parked) -> None:
    """Insert or replace the parked exit of a symbol."""
    values = {name: getattr(parked, name) for name in _NAMES}
    db.execute(
        insert(pending_exits)
        .values(book=book_id, **values)
        .on_conflict_do_update(index_elements=[_e.book, _e.symbol], set_=values)
    )


@change
def remove(db: Connection, book_id: str, symbols: Collection[str]) -> None:
    """Forget the parked exits of some symbols."""
    if symbols:
        db.execute(pending_exits.delete().where(_e.book == book_id, _e.symbol.in_(list(symbols))))
