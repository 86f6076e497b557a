"""How a task runs: at most once a slot, never beside itself, and with its end written down."""

from collections.abc import Callable
from datetime import timedelta

from app.engine.errors import AppError
from app.engine.ids import slot_of
from app.io.store import task_slots
from app.pipeline.services import Services

Step = Callable[[Services], str]


def run_slot(to: Services, task: str, slot: int, interval: timedelta, step: Step) -> None:
    """Run a step for one slot: the first to claim it runs it, everyone after that finds it taken.

    A slot more than one interval old is not run: what it would have done, the next one does.
    """
    with to.database.keep():
        _run_once(to, task, slot, interval, step)


def _run_once(to: Services, task: str, slot: int, interval: timedelta, step: Step) -> None:
    current = slot_of(to.clock.now(), interval)
    with to.database.begin() as db:
        if not task_slots.claim(db, to.book.id, task, slot, to.owner):
            return
        if current - slot > 1:
            task_slots.finish(db, to.book.id, task, slot, "skipped", f"{current - slot} slots late")
            return
    status, detail = "failed", "died"
    try:
        status, detail = _outcome(to, task, step)
    finally:
        with to.database.begin() as db:
            task_slots.finish(db, to.book.id, task, slot, status, detail)


def run_nudged(to: Services, task: str, step: Step) -> None:
    """Run a step that was woken between two ticks; its lease keeps it from running twice."""
    with to.database.keep():
        _outcome(to, task, step)


def _outcome(to: Services, task: str, step: Step) -> tuple[str, str]:
    """Run the step; an error with a name is a result, any other is a defect and goes on up."""
    try:
        return "done", step(to)
    except AppError as error:
        to.log(
            "task_failed", book=to.book.id, task=task, error=type(error).__name__, why=str(error)
        )
        return "failed", str(error)
