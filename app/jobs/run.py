"""How a task runs: at most once a slot, never beside itself, and with its end written down."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from app.engine.errors import AppError
from app.engine.ids import slot_of
from app.io.locks import alone
from app.io.store import task_slots
from app.pipeline import in_force
from app.pipeline.services import Services

Step = Callable[[Services], str]


def run_slot(to: Services, task: str, slot: int, interval: timedelta, step: Step) -> None:
    """Run a step for one slot: the first to claim it runs it, everyone after that finds it taken.

    A slot more than one interval old is not run: what it would have done, the next one does. The
    step is given the book as it is when it begins, settings that were changed since the start
    included.
    """
    with _told(to, task), to.database.keep():
        late = slot_of(to.clock.now(), interval) - slot
        with to.database.begin() as db:
            if not task_slots.claim(db, to.book.id, task, slot, to.owner):
                return
            if late > 1:
                task_slots.finish(db, to.book.id, task, slot, "skipped", f"{late} slots late")
                return
        with alone(to.database, f"{to.book.id}:{task}") as first:
            if first:
                _run(to, task, slot, step)
            else:
                with to.database.begin() as db:
                    task_slots.finish(db, to.book.id, task, slot, "skipped", "still running")


def run_nudged(to: Services, task: str, step: Step) -> None:
    """Run a step that was woken between two ticks; its lease keeps it from running twice."""
    with _told(to, task), to.database.keep():
        step(in_force.current(to))


@contextmanager
def _told(to: Services, task: str) -> Iterator[None]:
    """Tell of an error with a name, which ends here; a defect goes on up."""
    try:
        yield
    except AppError as error:
        to.log(
            "task_failed", book=to.book.id, task=task, error=type(error).__name__, why=str(error)
        )


def _run(to: Services, task: str, slot: int, step: Step) -> None:
    status, detail = "failed", "died"
    try:
        detail = step(in_force.current(to))
        status = "done"
    except AppError as error:
        detail = str(error)
        raise
    except Exception as error:
        detail = f"defect: {type(error).__name__}"
        raise
    finally:
        with to.database.begin() as db:
            task_slots.finish(db, to.book.id, task, slot, status, detail)
