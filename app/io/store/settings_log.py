"""What was in force when: a row for each change of the settings, whatever changed them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.io.store.schema import settings_log
from app.io.store.taping import change

_s = settings_log.c


@dataclass(frozen=True, slots=True)
class Entry:
    """What was in force from ``at`` on, why it was, and the commit of the code, if known."""

    at: datetime
    fingerprint: str
    why: str
    commit: str | None
    values: Mapping[str, str]


_COLUMNS = (_s.at, _s.fingerprint, _s.why, _s.commit, _s["values"])
_NEWEST = (
    sa.select(*_COLUMNS)
    .where(_s.book == sa.bindparam("book"))
    .order_by(_s.at.desc(), _s.id.desc())
    .limit(1)
)


@change
def add_once(db: Connection, book_id: str, entry: Entry) -> bool:
    """Note what is in force from now on; False where the newest row says the same already."""
    # Processes that see the same change in the same moment come one after the other.
    db.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"settings:{book_id}"))))
    before = newest(db, book_id)
    if before and replace(entry, at=before.at, why=before.why) == before:
        return False
    values: dict[str, Any] = {n: getattr(entry, n) for n in Entry.__dataclass_fields__}
    db.execute(settings_log.insert().values(book=book_id, **values))
    return True


def newest(db: Connection, book_id: str, at: datetime | None = None) -> Entry | None:
    """Return what is in force, or was at a moment; None before the first row."""
    query = _NEWEST if at is None else _NEWEST.where(_s.at <= at)
    row = db.execute(query, {"book": book_id}).one_or_none()
    return Entry(*row) if row else None


def between(db: Connection, book_id: str, since: datetime, until: datetime) -> list[Entry]:
    """Return all that was in force at any moment of a span, both ends included, oldest first."""
    before = newest(db, book_id, since)
    query = sa.select(*_COLUMNS).where(_s.book == book_id, _s.at > since, _s.at <= until)
    later = [Entry(*row) for row in db.execute(query.order_by(_s.at, _s.id))]
    return [before, *later] if before else later


def first_at(db: Connection, book_id: str) -> datetime | None:
    """Return when the first row was written."""
    found: datetime | None = db.scalar(sa.select(sa.func.min(_s.at)).where(_s.book == book_id))
    return found
