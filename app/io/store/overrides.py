"""Settings changed on a running book: by name and by who changed them, until a time or for good."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from app.engine.experiments import EXPERIMENT, State
from app.io.store.schema import experiments, overrides

_o, _e = overrides.c, experiments.c


@dataclass(frozen=True, slots=True)
class Override:
    """A setting's text in the place of another; ``source`` is tiers, experiment:X, rollback:X."""

    name: str
    source: str
    value: str
    set_at: datetime
    until_at: datetime | None


_COLUMNS = tuple(_o[name] for name in Override.__dataclass_fields__)
_ENDS = sa.or_(_o.until_at.is_(None), _o.until_at > sa.bindparam("now"))
# Built once: it stands at the start of every task.
_ACTIVE = (
    sa.select(*_COLUMNS)
    .where(_o.book == sa.bindparam("book"), _ENDS)
    .order_by(_o.set_at, _o.source, _o.name)
)


def set(
    db: Connection,
    book_id: str,
    name: str,
    value: str,
    source: str,
    *,
    at: datetime,
    until: datetime | None = None,
) -> None:
    """Let a source change a setting, until a time if one is given; its last word counts."""
    values = {"value": value, "set_at": at, "until_at": until}
    db.execute(
        insert(overrides)
        .values(book=book_id, name=name, source=source, **values)
        .on_conflict_do_update(index_elements=[_o.book, _o.name, _o.source], set_=values)
    )


def active(db: Connection, book_id: str, at: datetime) -> list[Override]:
    """Return what is changed at ``at``, oldest first; several sources may change one setting."""
    return [Override(*row) for row in db.execute(_ACTIVE, {"book": book_id, "now": at})]


def standing(db: Connection, book_id: str) -> list[Override]:
    """Return what is changed until somebody ends it, and by the experiment that runs.

    For readers that do not know the market's time.
    """
    by_running = sa.exists().where(
        _e.book == _o.book,
        _e.state == State.RUNNING,
        _o.source == EXPERIMENT + _e.name,
        _o.until_at == _e.until_at,
    )
    query = sa.select(*_COLUMNS).where(
        _o.book == book_id, sa.or_(_o.until_at.is_(None), by_running)
    )
    return [Override(*row) for row in db.execute(query.order_by(_o.source, _o.name))]


def drop(
    db: Connection, book_id: str, source: str, at: datetime, names: Sequence[str] | None = None
) -> int:
    """End what a source changed, all of it or the named settings; return how much that was."""
    ended = overrides.update().where(_o.book == book_id, _o.source == source, _ENDS)
    if names is not None:
        ended = ended.where(_o.name.in_(names))
    return db.execute(ended.values(until_at=at), {"now": at}).rowcount
