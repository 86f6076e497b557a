"""How far each feed was read, when it was asked last, and what it said when it failed."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from app.io.store.schema import feed_marks

_m = feed_marks.c
_LONGEST_WORDS = 300


@dataclass(frozen=True, slots=True)
class Mark:
    """A feed's state; ``failures`` in a row, 0 where it answered last time."""

    feed: str
    read_to: datetime
    asked_at: datetime
    failures: int
    said: str | None


def load(db: Connection, book: str) -> dict[str, Mark]:
    """Return the marks of a book by feed; one that was never asked is absent."""
    names = ("feed", "read_to", "asked_at", "failures", "said")
    rows = db.execute(sa.select(*(_m[name] for name in names)).where(_m.book == book))
    return {row.feed: Mark(*row) for row in rows}


def asking(db: Connection, book: str, feed: str, since: datetime, at: datetime) -> None:
    """Say that a feed is about to be asked: a call that is not survived counts as made."""
    row = {"book": book, "feed": feed, "read_to": since, "asked_at": at, "failures": 0}
    statement = insert(feed_marks).values(**row)
    db.execute(
        statement.on_conflict_do_update(index_elements=["book", "feed"], set_={_m.asked_at: at})
    )


def answered(db: Connection, book: str, feed: str, read_to: datetime) -> None:
    """Say that a feed was read; its mark never moves back."""
    values = {_m.read_to: sa.func.greatest(_m.read_to, read_to), _m.failures: 0, _m.said: None}
    db.execute(sa.update(feed_marks).where(_m.book == book, _m.feed == feed).values(values))


def failed(db: Connection, book: str, feed: str, why: str) -> int:
    """Say that a feed failed once more; return how often in a row."""
    values = {_m.failures: _m.failures + 1, _m.said: why[:_LONGEST_WORDS]}
    changed = sa.update(feed_marks).where(_m.book == book, _m.feed == feed).values(values)
    return int(db.execute(changed.returning(_m.failures)).scalar_one())
