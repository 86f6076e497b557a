"""What reconciliation found and did: one row a difference."""

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.engine import Connection

from app.io.store.schema import recovery_logs
from app.io.store.taping import change, reading

_r = recovery_logs.c


@dataclass(frozen=True, slots=True)
class Difference:
    """What we had, what the broker had, and what was done about it."""

    at: datetime
    kind: str
    subject: str
    ours: str | None
    theirs: str | None
    action: str


_NAMES = tuple(field.name for field in fields(Difference))
_NEWEST = (
    sa.select(*(_r[name] for name in _NAMES))
    .where(_r.book == sa.bindparam("book"), _r.kind == sa.bindparam("kind"))
    .ext(distinct_on(_r.subject))
    .order_by(_r.subject, _r.id.desc())
)


@change
def add(db: Connection, book_id: str, difference: Difference) -> None:
    """Keep a difference."""
    values = {name: getattr(difference, name) for name in _NAMES}
    db.execute(recovery_logs.insert().values(book=book_id, **values))


def listing(db: Connection, book_id: str, since: datetime | None = None) -> list[Difference]:
    """Return the differences found at or after ``since``, oldest first."""
    query = sa.select(*(_r[name] for name in _NAMES)).where(_r.book == book_id)
    if since is not None:
        query = query.where(_r.at >= since)
    return [Difference(*row) for row in db.execute(query.order_by(_r.at, _r.id))]


def known(db: Connection, book_id: str, difference: Difference) -> bool:
    """Return whether this very difference is the newest one noted about its subject."""
    newest = last(db, book_id, difference.kind, difference.subject)
    return newest is not None and replace(newest, at=difference.at) == difference


def last(db: Connection, book_id: str, kind: str, subject: str) -> Difference | None:
    """Return the newest difference that was noted about one subject of a kind."""
    query = (
        sa.select(*(_r[name] for name in _NAMES))
        .where(_r.book == book_id, _r.kind == kind, _r.subject == subject)
        .order_by(_r.id.desc())
        .limit(1)
    )
    row = db.execute(query).one_or_none()
    return Difference(*row) if row else None


def newest(db: Connection, book_id: str, kind: str) -> dict[str, Difference]:
    """Return the newest difference that was noted about each subject of a kind."""
    rows = db.execute(_NEWEST, {"book": book_id, "kind": kind})
    return {found.subject: found for found in (Difference(*row) for row in rows)}


def newest_of(
    db: Connection, book_id: str, kind: str, ours: str, subject: str | None = None
) -> Difference | None:
    """Return the newest difference of a kind with what we had, about a subject if it is named."""
    query = sa.select(*(_r[name] for name in _NAMES)).where(
        _r.book == book_id, _r.kind == kind, _r.ours == ours
    )
    if subject is not None:
        query = query.where(_r.subject == subject)
    row = db.execute(query.order_by(_r.id.desc()).limit(1)).one_or_none()
    return Difference(*row) if row else None


@reading
def noted(db: Connection, book_id: str, kind: str, subject: str, since: datetime) -> bool:
    """Return whether anything was noted about a subject at or after ``since``."""
    about = (_r.book == book_id, _r.kind == kind, _r.subject == subject, _r.at >= since)
    return db.scalar(sa.select(sa.exists().where(*about))) is True


def noted_before(
    db: Connection, book_id: str, kind: str, subjects: Collection[str], before: datetime
) -> set[str]:
    """Return those of the subjects of which something was noted before a time."""
    query = sa.select(_r.subject).where(
        _r.book == book_id, _r.kind == kind, _r.subject.in_(subjects), _r.at < before
    )
    return set(db.scalars(query))
