"""The beat process: it ticks only while it holds the one beat lock of its database."""

from typing import Any

import structlog
from celery.apps.beat import Beat
from celery.beat import Scheduler

from app.config.fingerprint import fingerprint
from app.engine.book import Book
from app.engine.errors import Transient
from app.io.clock import monotonic, pause
from app.io.locks import SessionLock, beat_lock
from app.io.logging import configure
from app.io.store import book_states
from app.jobs import root
from app.jobs.celery_app import make_app
from app.jobs.schedule import beat_schedule

#: Wall seconds between two tries for the lock, and between two looks at it.
PATIENCE_S = 1.0


def run() -> None:
    """Send ticks until SIGTERM. A second beat waits for the lock; a lost lock ends the process."""
    settings = root.settings()
    configure(settings.log_level, settings.secrets())
    log = structlog.get_logger("metronome")
    lock = _wait_for_lock(log)
    _begin(settings.books, log)
    app = make_app(settings.broker_url())
    app.conf.beat_schedule = beat_schedule(settings.books, lambda book: root.clock(book.id))
    GuardedScheduler.lock = lock
    Beat(
        app=app,
        scheduler_cls=GuardedScheduler,
        max_interval=PATIENCE_S,
        loglevel=settings.log_level,
        quiet=True,
    ).run()


class GuardedScheduler(Scheduler):
    """Celery's scheduler in memory: slots need no memory of past runs, and no early waking.

    Celery instantiates the class itself, so the lock comes to it as a class attribute.
    """

    lock: SessionLock
    _looked_at = 0.0

    def setup_schedule(self) -> None:
        self.merge_inplace(self.app.conf.beat_schedule)

    def adjust(self, n: float, drift: float = 0.0) -> float:
        return n

    def tick(self, *args: Any, **kwargs: Any) -> float:
        if monotonic() - self._looked_at > PATIENCE_S:
            if not self.lock.alive():
                raise SystemExit("the beat lock was lost with its connection; starting again")
            self._looked_at = monotonic()
        return float(super().tick(*args, **kwargs))


def _wait_for_lock(log: Any) -> SessionLock:
    told = False
    while True:
        try:
            if lock := beat_lock(root.database()):
                return lock
            if not told:
                log.warning("beat_waits", why="another beat holds the lock of this database")
                told = True
        except Transient as error:
            log.warning("beat_waits", why=str(error))
        pause(PATIENCE_S)


def _begin(books: tuple[Book, ...], log: Any) -> None:
    """Wait for each market's clock; then no book enters before it has been reconciled anew."""
    for book in books:
        while True:
            try:
                now = root.clock(book.id).now()
                with root.database().begin() as db:
                    book_states.ensure(db, book, fingerprint(root.settings()), now)
                    book_states.set_reconciled(db, book.id, None)
                break
            except Transient as error:
                log.warning("beat_waits", book=book.id, why=str(error))
                pause(PATIENCE_S)
