"""Fills: each execution counts once, whoever reports it and however often."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from app.engine.orders import Execution, Side
from app.io.store.schema import fills
from app.io.store.taping import change, reading

_f = fills.c
_NAMES = tuple(f.name for f in fields(Execution) if f.name not in ("id", "client_id"))
_COLUMNS = (_f.execution_id, _f.client_id, *(_f[name] for name in _NAMES))


@change
def insert_once(
    db: Connection,
    book_id: str,
    broker: str,
    client_id: str,
    executions: Sequence[Execution],
    source: str,
) -> list[Execution]:
    """Store the executions of an order that are not stored yet and return those.

    ``source`` is who reported them, such as stream or poll.
    """
    if not executions:
        return []
    where = {"book": book_id, "broker": broker, "client_id": client_id, "source": source}
    rows = [
        where | {"execution_id": e.id} | {name: getattr(e, name) for name in _NAMES}
        for e in executions
    ]
    stored = db.execute(insert(fills).on_conflict_do_nothing().returning(_f.execution_id), rows)
    ids = set(stored.scalars())
    return list({e.id: e for e in executions if e.id in ids}.values())


@reading
def for_order(db: Connection, client_id: str) -> list[Execution]:
    """Return an order's executions, oldest first."""
    return _all(db, _f.client_id == client_id)


def all(db: Connection, book_id: str) -> list[Execution]:
    """Return every execution of the book, oldest first."""
    return _all(db, _f.book == book_id)


def since(db: Connection, book_id: str, at: datetime) -> list[Execution]:
    """Return every execution of the book at or after a time, oldest first."""
    return _all(db, _f.book == book_id, _f.at >= at)


def any_known(db: Connection, book_id: str) -> bool:
    """Return whether the book has ever traded."""
    return db.scalar(sa.select(sa.exists().where(_f.book == book_id))) or False


# Built once: it stands on the way of every order.
_ORDERS = (
    sa.select(
        _f.client_id,
        _f.symbol,
        _f.side,
        sa.func.sum(_f.quantity),
        sa.func.sum(_f.quantity * _f.price),
        sa.func.min(_f.at).label("first"),
    )
    .where(_f.book == sa.bindparam("book"), _f.at >= sa.bindparam("since"))
    .group_by(_f.client_id, _f.symbol, _f.side)
    .order_by(sa.desc("first"), _f.client_id)
    .limit(sa.bindparam("most"))
)


@reading
def by_order(db: Connection, book_id: str, since: datetime, most: int) -> list[Execution]:
    """Return what each order filled at or after ``since`` as one execution, oldest first.

    At its average price and the time of its first fill; the newest ``most`` orders.
    """
    rows = db.execute(_ORDERS, {"book": book_id, "since": since, "most": most})
    made = [
        Execution(order, order, symbol, Side(side), quantity, paid / quantity, quantity, at)
        for order, symbol, side, quantity, paid, at in rows
    ]
    return sorted(made, key=lambda each: (each.at, each.symbol, each.side))


def _all(db: Connection, *conditions: sa.ColumnElement[bool]) -> list[Execution]:
    # Executions of one order at one instant follow their cumulative quantity.
    order = (_f.at, _f.broker_order_id, _f.cumulative)
    query = sa.select(*_COLUMNS).where(*conditions).order_by(*order)
    return [_execution(row) for row in db.execute(query)]


def _execution(row: sa.Row[Any]) -> Execution:
    values = row._asdict()
    side, execution_id = Side(values.pop("side")), values.pop("execution_id")
    return Execution(**values, side=side, id=execution_id)
