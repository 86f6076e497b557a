"""One feed of events asked: rate limit, fetch, validate, store once, and say how it went."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.engine import classify
from app.engine.book import Book
from app.engine.errors import InvalidData, Rejected, Transient
from app.engine.events import Event
from app.io.feeds.port import BadEntry, Events, EventSource, Throttled, Watched
from app.io.locks import alone
from app.io.store import events, feed_marks, quarantine
from app.io.store.feed_marks import Mark
from app.pipeline import calls
from app.pipeline.services import Services

#: What a feed is asked for when it was never read, and at most after an outage.
FIRST_LOOK, LONGEST_GAP = timedelta(hours=1), timedelta(days=1)
#: The pause after a failure, doubled with each one in a row.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(minutes=30)
#: Bad entries of one answer that are kept; the others are counted.
MOST_BAD = 100


#: Which feeds are due, by what is known of each.
Due = Callable[[Mapping[str, Mark], datetime], Sequence[str]]


@dataclass
class _Calls:
    """What a fetch asks before each request; the first one that is allowed is written down."""

    to: Services
    feed: str
    bucket: str
    since: datetime
    made: int = 0

    def __call__(self) -> None:
        calls.take(self.to, self.bucket)
        if not self.made:
            self.note(self.to.clock.now())
        self.made += 1

    def note(self, now: datetime) -> None:
        with self.to.database.begin() as db:
            feed_marks.asking(db, self.to.book.id, self.feed, self.since, now)


def watched(book: Book) -> Watched:
    """Return whose events a book wants as it is now."""
    return Watched(book.universe.symbols, book.events.min_relevance)


def rested(mark: Mark | None, now: datetime) -> bool:
    """Say whether a feed may be asked again: at once, or after the pause that its failures cost."""
    if mark is None or not mark.failures:
        return True
    pause = min(FIRST_PAUSE * 2 ** min(mark.failures - 1, 10), LONGEST_PAUSE)
    return not mark.asked_at <= now < mark.asked_at + pause


def scan(to: Services, feeds: Mapping[str, EventSource], due: Due) -> str:
    """Ask those of the feeds that are due, one after the other; return what came of it.

    A feed that hangs holds one worker at most: the others are needed for prices and orders.
    """
    with alone(to.database, f"{to.book.id}:feeds") as first:
        if not first:
            return "another feed is being read"
        with to.database.begin() as db:
            marks = feed_marks.load(db, to.book.id)
        told = [ask(to, name, feeds[name], marks.get(name)) for name in due(marks, to.clock.now())]
    return "; ".join(told) or "no feed is due"


def ask(to: Services, feed: str, source: EventSource, mark: Mark | None) -> str:
    """Ask one feed for what is new and store it. A failure is written down, and ends here."""
    now = to.clock.now()
    since = now - FIRST_LOOK if mark is None else min(max(mark.read_to, now - LONGEST_GAP), now)
    made = _Calls(to, feed, source.bucket, since)
    try:
        seen = source.fetch(watched(to.book), since, now, made)
    except Throttled as error:
        return f"{feed}: {error}"
    except (Transient, Rejected, InvalidData) as error:
        return _failed(to, source.bucket, made, error)
    new = take_in(to, feed, seen, read_to=now)
    return f"{feed}: {new} new, {len(seen.bad)} refused"


def _failed(to: Services, bucket: str, made: _Calls, error: Exception) -> str:
    now = to.clock.now()
    pause = error.retry_after_s if isinstance(error, Transient) else None
    if pause:
        to.buckets.penalise(bucket, now + timedelta(seconds=pause))
    if not made.made:
        made.note(now)
    with to.database.begin() as db:
        failures = feed_marks.failed(db, to.book.id, made.feed, str(error))
    to.log("feed_failed", book=to.book.id, feed=made.feed, failures=failures, why=str(error))
    return f"{made.feed}: {error}"


def take_in(to: Services, feed: str, seen: Events, read_to: datetime | None = None) -> int:
    """Store what a feed said: new events once, bad entries in quarantine, both on record.

    Of an event that another feed told before, the tone is kept if it had none. That is no news: it
    wakes nobody and asks nothing, and counts from now on.

    Returns how many events were new. The next slot of signals is the first that knows them.
    """
    book, now = to.book.id, to.clock.now()
    good, bad = _dated(seen, now)
    with to.database.begin() as db:
        since = min((event.at for event in good), default=now) - classify.FUTURE
        known = events.listing(db, book, max(since, now - LONGEST_GAP)) if good else ()
        fresh = sorted(classify.unrepeated(good, known), key=lambda event: event.id)
        new = events.insert_once(db, book, fresh)
        for entry in _kept(bad):
            said = {"said": entry.payload}
            quarantine.add_once(db, book, now, feed, entry.symbol or None, entry.reason, said)
        events.add_tones(db, book, classify.added_tones(good, known), now)
        if read_to is not None:
            feed_marks.answered(db, book, feed, read_to)
    return len(new)


def _dated(seen: Events, now: datetime) -> tuple[list[Event], list[BadEntry]]:
    good, bad = [], list(seen.bad)
    for event in seen.good:
        if (at_most_now := classify.dated(event, now)) is not None:
            good.append(at_most_now)
        else:
            why = f"dated {event.at:%Y-%m-%d %H:%M} UTC, in the future"
            bad.append(BadEntry(event.symbol or "", why, ascii(event.title)[:500]))
    return good, bad


def _kept(bad: Sequence[BadEntry]) -> Iterator[BadEntry]:
    yield from bad[:MOST_BAD]
    if len(bad) > MOST_BAD:
        yield BadEntry("", f"{len(bad) - MOST_BAD} more entries of one answer are refused", "")
