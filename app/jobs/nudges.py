"""Nudges: a task is sent at once instead of waiting for its tick."""

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

#: The queue of each task that is nudged, and wall seconds after which a nudge is pointless.
QUEUE = {"generate_signals": "default", "pipeline_e2e": "pipeline", "reconcile": "pipeline"}
EXPIRES_S = 15


class Nudges:
    """Wakes tasks of one book. A nudge that cannot be sent is dropped: the tick comes anyway."""

    def __init__(self, app: Celery, book: str) -> None:
        self._app = app
        self._book = book

    def __call__(self, task: str, slot: int | None = None) -> None:
        args = (self._book,) if slot is None else (self._book, slot)
        try:
            self._app.send_task(task, args, queue=QUEUE[task], expires=EXPIRES_S)
        except OperationalError as error:
            structlog.get_logger("metronome").warning("nudge_lost", task=task, why=str(error))
