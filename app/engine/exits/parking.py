"""Parked exits: what the closed market refused waits with a growing pause, and is tried once (F10).

What would be no exit any more, or is tried by itself, is not parked: a resting stop is placed anew
while the session lasts, an opposite signal is worth nothing the next day, and what misses the
closing auction is flattened before the close.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.engine.orders import Purpose
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
    before: Parked | None, wanted: tuple[str, Purpose, Reason], at: datetime, retry: timedelta
) -> Parked:
    """Return the exit parked once more: each refusal doubles the pause, up to ``LONGEST_PAUSE``."""
    symbol, purpose, reason = wanted
    tries = before.tries + 1 if before else 1
    since = before.parked_at if before else at
    return Parked(symbol, purpose, reason, since, at + _pause(tries, retry), tries)


def is_news(before: Parked | None, after: Parked) -> bool:
    """Is there something to announce: an exit parked anew, another one, or for another reason?"""
    return before is None or (before.purpose, before.reason) != (after.purpose, after.reason)


def tried(before: Parked, at: datetime, retry: timedelta) -> Parked:
    """Return the exit as it waits after it was tried: as long as it waited before."""
    return replace(before, retry_at=at + _pause(before.tries, retry))


def _pause(tries: int, retry: timedelta) -> timedelta:
    # The power is bounded too: an exit may be refused any number of times.
    doubled: int = 2 ** min(tries - 1, 10)
    return min(retry * doubled, LONGEST_PAUSE)
