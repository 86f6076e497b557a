"""Adjustments: what changed a position without a fill of the book, and who wanted that."""

from dataclasses import fields

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.engine.portfolio import Adjustment
from app.io.store.schema import adjustments
from app.io.store.taping import change, reading

_a = adjustments.c
_NAMES = tuple(field.name for field in fields(Adjustment))


@change
def add(db: Connection, book_id: str, adjustment: Adjustment, by: str, why: str) -> None:
    """Keep an adjustment, with who asked for it and why."""
    values = {name: getattr(adjustment, name) for name in _NAMES}
    db.execute(adjustments.insert().values(book=book_id, set_by=by, why=why, **values))


# Built once: it stands on the way of every order.
_ALL = (
    sa.select(*(_a[name] for name in _NAMES))
    .where(_a.book == sa.bindparam("book"))
    .order_by(_a.at, _a.id)
)


@reading
def all(db: Connection, book_id: str) -> list[Adjustment]:
    """Return every adjustment of a book, oldest first."""
    return [Adjustment(*row) for row in db.execute(_ALL, {"book": book_id})]
