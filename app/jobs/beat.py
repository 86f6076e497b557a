"""The beat process: it ticks only while it holds the one beat lock of its database."""

import signal
from contextlib import suppress
from typing import Any

import structlog
from celery.beat import Scheduler, SchedulingError, Service

from app.config.fingerprint import fingerprint
from app.engine.book import Book
from app.engine.errors import AppError, Transient
from app.io.beating import Beating
from app.io.clock import monotonic, pause
from app.io.locks import SessionLock, beat_lock
from app.io.logging import configure
from app.io.store import book_states
from app.jobs import root
from app.jobs.schedule import beat_schedule

#: Wall seconds between two tries for the lock, and between two looks at it.
PATIENCE_S = 1.0


def run() -> None:
    """Send ticks until SIGTERM. A second beat waits for the lock, as does one that lost it."""
    settings = root.settings()
    configure(settings.log_level, settings.secrets())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    log = structlog.get_logger("metronome")
    while True:
        lock = _wait_for_lock(log)
        try:
            _tick(lock, settings.books, log)
            return
        except Transient as error:
            # A new process would do the same, some seconds later.
            log.warning("beat_waits", why=str(error))
        finally:
            lock.close()


def _tick(lock: SessionLock, books: tuple[Book, ...], log: Any) -> None:
    """Send ticks until SIGTERM. Raises Transient when the lock is lost."""
    GuardedScheduler.lock, GuardedScheduler.beating = lock, root.beating()
    _begin(books, log)
    app = root.sender()
    app.conf.beat_schedule = beat_schedule(books, lambda book: root.clock(book.id))
    Service(app, max_interval=PATIENCE_S, scheduler_cls=GuardedScheduler).start()


class GuardedScheduler(Scheduler):
    """Celery's scheduler in memory: slots need no memory of past runs, and no early waking.

    Celery instantiates the class itself, so lock and mark come to it as class attributes.
    """

    lock: SessionLock
    beating: Beating
    _looked_at = 0.0

    def setup_schedule(self) -> None:
        self.merge_inplace(self.app.conf.beat_schedule)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due; return the wall seconds until something may be due again.

        Asks every entry. Celery's own way keeps a heap of the wall's times, which orders them
        wrongly for as long as a clock was set back.
        """
        self._look()
        for entry in list(self.schedule.values()):
            if entry.is_due()[0]:
                self.apply_entry(self.reserve(entry))
        waits = [entry.is_due()[1] for entry in self.schedule.values()]
        return float(min([self.max_interval, *waits]))

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        log = structlog.get_logger("metronome")
        try:
            self.apply_async(entry, producer=producer, advance=False)
            log.debug("tick", entry=entry.name)
        except SchedulingError as error:
            log.warning("tick_lost", entry=entry.name, why=str(error.__context__ or error))

    def _look(self) -> None:
        if monotonic() - self._looked_at > PATIENCE_S:
            if not self.lock.alive():
                raise Transient(
                    "the beat lock was lost with its connection: another beat may have it by now"
                )
            # Without Redis nobody finds the mark, and nobody could be woken either.
            with suppress(AppError):
                self.beating.leave()
            self._looked_at = monotonic()


def _end(*_: object) -> None:
    raise SystemExit


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
