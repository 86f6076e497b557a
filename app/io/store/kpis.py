"""Key figures: one row a book and hour."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from app.io.store.schema import kpis

_k = kpis.c


class Row(NamedTuple):
    """The figures of the time that ends at ``at``."""

    at: datetime
    body: Mapping[str, Any]


def save(db: Connection, book_id: str, row: Row) -> None:
    """Insert or replace the figures of an hour."""
    values = {"body": dict(row.body), "written_wall": sa.func.clock_timestamp()}
    db.execute(
        insert(kpis)
        .values(book=book_id, at=row.at, **values)
        .on_conflict_do_update(index_elements=[_k.book, _k.at], set_=values)
    )


def at(db: Connection, book_id: str, until: datetime) -> Mapping[str, Any]:
    """Return the figures of the hour that ended at a time; none where it was not written down."""
    query = sa.select(_k.body).where(_k.book == book_id, _k.at == until)
    body: Mapping[str, Any] | None = db.scalar(query)
    return body or {}


def listing(db: Connection, book_id: str, since: datetime, until: datetime) -> list[Row]:
    """Return the figures of the hours that ended in (since, until], oldest first."""
    query = sa.select(_k.at, _k.body).where(_k.book == book_id, _k.at > since, _k.at <= until)
    return [Row(*row) for row in db.execute(query.order_by(_k.at))]


def newest_at(db: Connection, book_id: str) -> datetime | None:
    """Return the end of the newest hour that has figures."""
    found: datetime | None = db.scalar(sa.select(sa.func.max(_k.at)).where(_k.book == book_id))
    return found
