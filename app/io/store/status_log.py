"""Every status that a book was set to: rows are added, never changed."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.engine.book import BookStatus
from app.io.store.schema import status_log

_l = status_log.c
_COLUMNS = (_l.at, _l.status, _l.why, _l.set_by)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a book was set to at ``at``, with who or what set it and why."""

    at: datetime
    status: BookStatus
    why: str
    set_by: str


def add(db: Connection, book_id: str, entry: Entry) -> None:
    """Keep what a book was set to."""
    values = {name: getattr(entry, name) for name in Entry.__dataclass_fields__}
    db.execute(status_log.insert().values(book=book_id, **values))


def since(db: Connection, book_id: str, at: datetime) -> list[Entry]:
    """Return what a book was at a moment, as far as it is known, and all that it was set to since.

    In the order in which they were set: people's clocks are not the market's.
    """
    mine = sa.select(*_COLUMNS).where(_l.book == book_id)
    before = mine.where(_l.at <= at).order_by(_l.id.desc()).limit(1)
    later = mine.where(_l.at > at).order_by(_l.id)
    rows = [*db.execute(before), *db.execute(later)]
    return [Entry(row.at, BookStatus(row.status), row.why, row.set_by) for row in rows]
