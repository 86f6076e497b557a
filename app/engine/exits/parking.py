"""Parked exits: what the closed market refused waits with a growing pause, and is tried once (F10).

What would be no exit any more, or is tried by itself, is not parked: a resting stop is placed anew
while the session lasts, an opposite signal is worth nothing the next day, and what misses the
closing auction is flattened before the close.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.engine.book import Book
from app.engine.orders import Purpose
from app.engine.session import SessionHours, flatten_at, pre_close_at, regular
from app.engine.verdicts import Reason

#: No pause is longer: prices must not run away from a position that could be sold.
LONGEST_PAUSE = timedelta(minutes=15)
NEVER_PARKED = frozenset({Purpose.ENTRY, Purpose.PROTECT, Purpose.OPPOSITE, Purpose.PRE_CLOSE})


@dataclass(frozen=True, slots=True)
class Parked:
    """An exit that was refused because the market is closed; ``tries`` is how often."""

    symbol: str
    purpose: Purpose
    reason: Reason
    parked_at: datetime
    retry_at: datetime
    tries: int


def park(
    book: Book,
    before: Parked | None,
    wanted: tuple[str, Purpose, Reason],
    at: datetime,
    hours: SessionHours | None,
) -> Parked:
    """Return the exit parked once more: each refusal doubles the pause, up to the longest one."""
    symbol, purpose, reason = wanted
    tries = before.tries + 1 if before else 1
    since = before.parked_at if before else at
    return Parked(symbol, purpose, reason, since, _pause_ends(book, tries, at, hours), tries)


def is_news(before: Parked | None, after: Parked) -> bool:
    """Is there something to announce: an exit parked anew, another one, or for another reason?"""
    return before is None or (before.purpose, before.reason) != (after.purpose, after.reason)


def tried(book: Book, before: Parked, at: datetime, hours: SessionHours | None) -> Parked:
    """Return the exit as it waits after it was tried: as long as it waited before."""
    return replace(before, retry_at=_pause_ends(book, before.tries, at, hours))


def pauses(parked: Parked | None, purpose: Purpose, at: datetime) -> bool:
    """Does a parked exit still hold back a sale of its own purpose? Others it never holds back."""
    return parked is not None and parked.purpose is purpose and at < parked.retry_at


def _pause_ends(book: Book, tries: int, at: datetime, hours: SessionHours | None) -> datetime:
    """Return when to try again.

    In regular hours the market may open any moment: no pause grows beyond a check of our own. At no
    time does one last beyond the open, the pre-close or the flatten.
    """
    retry, longest = book.exits.retry, LONGEST_PAUSE
    if regular(hours, at):
        longest = max(retry, book.schedule.stops)
    # The power is bounded too: an exit may be refused any number of times.
    doubled: int = 2 ** min(tries - 1, 10)
    ends = at + min(retry * doubled, longest)
    if hours is None:
        return ends
    turns = (hours.open, pre_close_at(hours, book.session), flatten_at(hours, book.session))
    return min([ends, *(turn for turn in turns if turn > at)])
