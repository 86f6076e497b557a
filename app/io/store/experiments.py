"""Experiments: one row each; the index lets one run in a book at a time."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from app.engine.experiments import Experiment, State
from app.io.store.schema import experiments

_e = experiments.c
_NAMES = tuple(Experiment.__dataclass_fields__)
# Built once: it is asked every few seconds.
_RUNNING = sa.select(*(_e[name] for name in _NAMES)).where(
    _e.book == sa.bindparam("book"), _e.state == State.RUNNING
)
_LOCK = _RUNNING.with_for_update()


def start(db: Connection, book_id: str, new: Experiment) -> bool:
    """Store an experiment that runs; False where one runs already, whoever started it."""
    values = {name: getattr(new, name) for name in _NAMES}
    made = insert(experiments).values(book=book_id, **values).on_conflict_do_nothing()
    return db.execute(made.returning(_e.id)).first() is not None


def running(db: Connection, book_id: str, lock: bool = False) -> Experiment | None:
    """Return the experiment that runs, locked until the transaction ends if asked."""
    row = db.execute(_LOCK if lock else _RUNNING, {"book": book_id}).one_or_none()
    return _experiment(row) if row else None


def end(db: Connection, book_id: str, name: str, state: State, at: datetime, why: str) -> bool:
    """End the experiment of that name; False where none of that name runs."""
    return _change(db, book_id, name, state=state, ended_at=at, ended_why=why)


def measure(db: Connection, book_id: str, name: str, seen: Mapping[str, Any]) -> None:
    """Keep what was seen of the experiment that runs."""
    _change(db, book_id, name, measured=dict(seen))


def newest(db: Connection, book_id: str, limit: int = 100) -> list[Experiment]:
    """Return the experiments that were started last, newest first."""
    query = sa.select(*(_e[name] for name in _NAMES)).where(_e.book == book_id)
    rows = db.execute(query.order_by(_e.started_at.desc(), _e.id.desc()).limit(limit))
    return [_experiment(row) for row in rows]


def _change(db: Connection, book_id: str, name: str, **values: object) -> bool:
    mine = (_e.book == book_id, _e.name == name, _e.state == State.RUNNING)
    return db.execute(experiments.update().where(*mine).values(**values)).rowcount == 1


def _experiment(row: sa.Row[Any]) -> Experiment:
    return Experiment(**row._asdict() | {"state": State(row.state)})
