"""A symbol that may become a signal, what its gates may know, and what a gate is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from app.engine.book import Book, SignalPolicy
from app.engine.caps import DayCounts
from app.engine.session import SessionHours, regular
from app.engine.state import LastSignal
from app.engine.verdicts import Reason, Verdict


@dataclass(frozen=True, slots=True)
class Candidate:
    """One symbol's score in one slot; ``bars`` counts its closes, ``last`` is its newest signal.

    ``score`` is the mixed one, ``own`` the technical score alone. ``event_at`` is when the newest
    known event about the symbol happened, ``flaw`` what is wrong with its bars, ``unanswered`` why
    the model did not answer a question about it.
    """

    symbol: str
    score: float
    own: float
    price: float
    bars: int
    due: bool
    held: bool
    quoted_at: datetime | None
    last: LastSignal | None
    event_at: datetime | None = None
    flaw: str | None = None
    unanswered: Reason | None = None

    @property
    def direction(self) -> int:
        """Return 1 for buy, -1 for sell, 0 for neither (a score of zero or not a number)."""
        return (self.score > 0) - (self.score < 0)


@dataclass(frozen=True, slots=True)
class SignalContext:
    """What all candidates of one slot share; ``entries`` are the day's so far."""

    at: datetime
    hours: SessionHours | None
    book: Book
    entries: DayCounts = field(default_factory=DayCounts)

    @property
    def policy(self) -> SignalPolicy:
        return self.book.signals

    @property
    def cutoff(self) -> float:
        """Return the cutoff in force."""
        return cutoff_of(self.policy, in_regular_hours=regular(self.hours, self.at))


def cutoff_of(policy: SignalPolicy, *, in_regular_hours: bool) -> float:
    """Return the mixer's threshold or the hours' cutoff, whichever is larger, plus the delta.

    The delta moves both: added to the cutoff alone, a negative one would do nothing, because the
    threshold equals the cutoff of the regular hours.
    """
    of_hours = policy.cutoff_regular if in_regular_hours else policy.cutoff_extended
    return round(max(policy.mixer_threshold, of_hours) + policy.cutoff_delta, 9)


#: A gate answers with a verdict either way, so that what passed has left its numbers too.
Gate = Callable[[Candidate, SignalContext], Verdict]
