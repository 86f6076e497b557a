"""News: the feeds that are due, so that the calls of a day last for its session."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from app.engine.book import RateLimit
from app.engine.session import SessionHours
from app.io.feeds.port import EventSource
from app.io.store.feed_marks import Mark
from app.pipeline import intake
from app.pipeline.filings import BUCKET as FILINGS
from app.pipeline.services import Services

#: Calls that are counted by the day are made from this long before the open until the close.
BEFORE_OPEN = timedelta(minutes=30)
#: Rate limits over this long and longer are spread over the session.
BY_THE_DAY = timedelta(hours=12)
_NEVER = datetime.min.replace(tzinfo=UTC)


def scan(to: Services) -> str:
    """Ask the feeds of news that are due, in the order in which they were wired."""
    feeds = {name: feed for name, feed in to.events.items() if feed.bucket != FILINGS}
    return intake.scan(to, feeds, lambda marks, now: _due(to, feeds, marks, now))


def _due(
    to: Services, feeds: Mapping[str, EventSource], marks: Mapping[str, Mark], now: datetime
) -> list[str]:
    """Return the feeds that are due: of those that share a day's calls, the longest unasked."""
    hours = to.calendar.session_for(now)
    due: list[str] = []
    for bucket in dict.fromkeys(feed.bucket for feed in feeds.values()):
        names = [name for name, feed in feeds.items() if feed.bucket == bucket]
        limit = to.book.rate_limits[bucket]
        able = [name for name in names if intake.rested(marks.get(name), now)]
        if limit.per >= BY_THE_DAY:
            ready = ready_calls([marks[n].asked_at for n in names if n in marks], limit, hours, now)
            able = sorted(able, key=lambda n: marks[n].asked_at if n in marks else _NEVER)[:ready]
        due += able
    return due


def ready_calls(
    asked: Iterable[datetime], limit: RateLimit, hours: SessionHours, now: datetime
) -> int:
    """Return how many of a day's calls are due, after those that were ``asked``.

    One is due once a ``capacity``-th of the session has passed since the last one.
    """
    start = hours.open - BEFORE_OPEN
    if not start <= now < hours.close:
        return 0
    spacing = (hours.close - start) / limit.capacity
    last = max((at for at in asked if start <= at <= now), default=start - spacing)
    return int((now - last) / spacing)
