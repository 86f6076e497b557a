"""Reports: one row a book, date and kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from app.io.store.schema import reports

_r = reports.c


@dataclass(frozen=True, slots=True)
class Report:
    """A report as data and as a page."""

    date: date
    kind: str
    body: Mapping[str, Any]
    html: str
    written_wall: datetime


def save(
    db: Connection, book_id: str, day: date, kind: str, body: Mapping[str, Any], html: str
) -> None:
    """Insert or replace a report; decimals and times in the body become text."""
    values = {"body": dict(body), "html": html, "written_wall": sa.func.clock_timestamp()}
    db.execute(
        insert(reports)
        .values(book=book_id, date=day, kind=kind, **values)
        .on_conflict_do_update(index_elements=[_r.book, _r.date, _r.kind], set_=values)
    )


def load(db: Connection, book_id: str, day: date, kind: str) -> Report | None:
    """Return the report of a date and kind."""
    query = sa.select(_r.date, _r.kind, _r.body, _r.html, _r.written_wall)
    found = db.execute(query.where(_r.book == book_id, _r.date == day, _r.kind == kind))
    row = found.one_or_none()
    return Report(*row) if row else None
