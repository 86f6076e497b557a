"""What runs when: the beat schedule, generated from the books, in slots of the market's clock."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from celery.beat import BeatLazyFunc
from celery.schedules import BaseSchedule

from app.engine.book import Book
from app.engine.ids import slot_of
from app.io.clock import wall
from app.pipeline.services import Clock


@dataclass(frozen=True, slots=True)
class Timetable:
    """When a task of a book runs: every ``interval``, ``offset`` into its slot."""

    task: str
    interval: timedelta
    offset: timedelta
    queue: str


def timetables(book: Book) -> tuple[Timetable, ...]:
    """Return every task that beat sends for a book.

    Signals are normally nudged by the quotes of their slot; beat's own tick comes half an interval
    later and finds the slot taken. It is the safety net, not the latency.
    """
    every, at_once = book.schedule, timedelta(0)
    return (
        Timetable("advance_session", every.session, at_once, "default"),
        Timetable("update_quotes", every.quotes, at_once, "default"),
        Timetable("generate_signals", every.signals, every.signals / 2, "default"),
        Timetable("check_exits", every.stops, every.stops / 3, "pipeline"),
        Timetable("pipeline_e2e", every.pipeline, at_once, "pipeline"),
        Timetable("reconcile", every.reconcile, every.reconcile / 7, "pipeline"),
        Timetable("watch_broker", every.session, every.session / 2, "default"),
        Timetable("watch_experiment", watch_every(book), watch_every(book) / 2, "default"),
        # A minute into the hour: the last decisions before it are written by then.
        Timetable("write_kpis", every.kpis, every.kpis / 60, "default"),
        # Between the quotes and apart from each other, for one of them at a time is read.
        Timetable("scan_news", every.news, every.news / 4, "default"),
        Timetable("scan_filings", every.filings, every.filings * 3 / 4, "default"),
        Timetable("propose_tiers", look_for_week(book), at_once, "default"),
    )


def watch_every(book: Book) -> timedelta:
    """Return how often experiments are looked at: as the session is, and once a minute at least."""
    return min(book.schedule.session, timedelta(minutes=1))


def look_for_week(book: Book) -> timedelta:
    """Return how often it is looked whether tiers are to be proposed: hourly at least.

    Beat sends nothing for the slot in which it starts. A week's slot would be missed by every
    process that does not run at its first instant; the step knows by its rows whether it is due.
    """
    return min(book.schedule.tiers, timedelta(hours=1))


class SlotSchedule(BaseSchedule):
    """Due once in every slot of the market's clock, aligned to the slot and free of drift.

    Celery's own interval schedule counts from the last run: it drifts, has no phase, and stands
    still when the wall's clock is set back. Here a tick is due when the slot is another than the
    one sent last, so a late tick never moves the next one, and missed slots are gone instead of
    piling up. The slot in which the schedule is made counts as sent.
    """

    def __init__(self, clock: Clock, interval: timedelta, offset: timedelta) -> None:
        super().__init__(nowfun=lambda: wall())
        self.clock = clock
        self.interval = interval
        self.offset = offset
        self._sent = self._slot(clock.now())

    def take(self) -> int:
        """Return the number of the slot that is now; it counts as sent."""
        self._sent = self._slot(self.clock.now())
        return self._sent

    def is_due(self, last_run_at: datetime) -> tuple[bool, float]:
        """Return whether the slot that is now was not sent, and the wall seconds to the next."""
        now = self.clock.now()
        slot = self._slot(now)
        next_start = (slot + 1) * self.interval.total_seconds() + self.offset.total_seconds()
        wait = (next_start - now.timestamp()) / self.clock.speed
        return slot != self._sent, max(wait, 0.0)

    def remaining_estimate(self, last_run_at: datetime) -> timedelta:
        return timedelta(seconds=self.is_due(last_run_at)[1])

    def _slot(self, now: datetime) -> int:
        return slot_of(now - self.offset, self.interval)

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = BaseSchedule.__hash__


def beat_schedule(
    books: Iterable[Book], clock_of: Callable[[Book], Clock]
) -> dict[str, dict[str, Any]]:
    """Return Celery's ``beat_schedule``: each entry sends (book, slot) and expires."""
    entries = {}
    for book in books:
        clock = clock_of(book)
        for row in timetables(book):
            schedule = SlotSchedule(clock, row.interval, row.offset)
            entries[f"{book.id}.{row.task}"] = {
                "task": row.task,
                "schedule": schedule,
                "args": (book.id, BeatLazyFunc(schedule.take)),
                "options": {
                    "queue": row.queue,
                    "expires": 0.8 * row.interval.total_seconds() / clock.speed,
                },
            }
    return entries
