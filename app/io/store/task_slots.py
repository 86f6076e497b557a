"""Task slots: a tick of a task runs only if it got the row, so it runs at most once."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from app.io.store.schema import task_slots

_t = task_slots.c
_WALL = sa.func.clock_timestamp()


def claim(db: Connection, book_id: str, task: str, slot: int, owner: str) -> bool:
    """Take a slot; False when it was taken before, by whomever."""
    return _insert(db, book=book_id, task=task, slot=slot, owner=owner, status="running")


def finish(
    db: Connection, book_id: str, task: str, slot: int, status: str, detail: str | None = None
) -> None:
    """Note how the run of a slot ended: done, failed or skipped."""
    db.execute(
        task_slots.update()
        .where(_t.book == book_id, _t.task == task, _t.slot == slot)
        .values(status=status, detail=detail, finished_wall=_WALL)
    )


def skip(
    db: Connection, book_id: str, task: str, slot: int, owner: str, detail: str | None = None
) -> bool:
    """Count a slot that did not run because the one before has not ended; False if it was taken."""
    ended = {"status": "skipped", "detail": detail, "finished_wall": _WALL}
    return _insert(db, book=book_id, task=task, slot=slot, owner=owner, **ended)


def _insert(db: Connection, **values: object) -> bool:
    new = insert(task_slots).values(**values).on_conflict_do_nothing().returning(_t.slot)
    return db.execute(new).first() is not None
