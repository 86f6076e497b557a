"""What people ask a book to do: written by whoever asks, carried out by the pipeline."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.io.store.schema import commands

_c = commands.c
#: The result of a command that was taken back before anybody carried it out.
WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Command:
    """A request and, once it was carried out, its result.

    ``waited`` is how long ago it was asked for, by the database's clock alone.
    """

    id: int
    book: str
    kind: str
    asked_by: str
    why: str
    asked_wall: datetime
    waited: timedelta
    arguments: Mapping[str, Any] = field(default_factory=dict)
    done_wall: datetime | None = None
    result: str | None = None


_WAITED = (sa.func.clock_timestamp() - _c.asked_wall).label("waited")
_COLUMNS = tuple(_c.get(name, _WAITED) for name in Command.__dataclass_fields__)


def ask(
    db: Connection,
    book_id: str,
    kind: str,
    arguments: Mapping[str, Any],
    asked_by: str,
    why: str,
) -> int:
    """Ask for a command and return its number."""
    row = {"book": book_id, "kind": kind, "arguments": dict(arguments)}
    new = commands.insert().values(**row, asked_by=asked_by, why=why).returning(_c.id)
    return int(db.execute(new).scalar_one())


def waiting(db: Connection, book_id: str, kinds: Collection[str]) -> list[int]:
    """Return the numbers of the commands of some kinds that wait, oldest first."""
    query = sa.select(_c.id).where(_c.book == book_id, _c.done_wall.is_(None), _c.kind.in_(kinds))
    return list(db.scalars(query.order_by(_c.id)))


# Built once: it is asked in every pass.
_KINDS_WAITING = (
    sa.select(_c.kind).distinct().where(_c.book == sa.bindparam("book"), _c.done_wall.is_(None))
)


def kinds_waiting(db: Connection, book_id: str) -> frozenset[str]:
    """Return the kinds of the commands that wait."""
    return frozenset(db.scalars(_KINDS_WAITING, {"book": book_id}))


def take(db: Connection, command_id: int) -> Command | None:
    """Return a command that waits, locked; None where it was carried out, or is being."""
    query = sa.select(*_COLUMNS).where(_c.id == command_id, _c.done_wall.is_(None))
    row = db.execute(query.with_for_update(skip_locked=True)).one_or_none()
    return Command(**row._asdict()) if row else None


def overtaken(db: Connection, command: Command, kinds: Collection[str]) -> Command | None:
    """Return the newest command of some kinds that was asked for after this one and stands."""
    later = (_c.book == command.book, _c.kind.in_(kinds), _c.id > command.id)
    query = sa.select(*_COLUMNS).where(*later, _c.result.is_distinct_from(WITHDRAWN))
    row = db.execute(query.order_by(_c.id.desc()).limit(1)).one_or_none()
    return Command(**row._asdict()) if row else None


def withdraw(db: Connection, command_id: int) -> bool:
    """Take a command back unless it was carried out; False where it was, or is being."""
    if take(db, command_id) is None:
        return False
    done(db, command_id, WITHDRAWN)
    return True


def done(db: Connection, command_id: int, result: str) -> None:
    """Note that a command was carried out, and with what result."""
    db.execute(
        commands.update()
        .where(_c.id == command_id)
        .values(done_wall=sa.func.clock_timestamp(), result=result)
    )


def get(db: Connection, command_id: int) -> Command | None:
    """Return a command by its number."""
    row = db.execute(sa.select(*_COLUMNS).where(_c.id == command_id)).one_or_none()
    return Command(**row._asdict()) if row else None
