"""A symbol that may become a signal, what its gates may know, and what a gate is."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.engine.book import SignalPolicy
from app.engine.session import SessionHours
from app.engine.state import LastSignal
from app.engine.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Candidate:
    """One symbol's score in one slot; ``bars`` counts its closes, ``last`` is its newest signal."""

    symbol: str
    score: float
    price: float
    bars: int
    due: bool
    quoted_at: datetime | None
    last: LastSignal | None

    @property
    def direction(self) -> int:
        """Return 1 for buy, -1 for sell, 0 for neither (a score of zero or not a number)."""
        return (self.score > 0) - (self.score < 0)


@dataclass(frozen=True, slots=True)
class SignalContext:
    """What all candidates of one slot share."""

    at: datetime
    hours: SessionHours | None
    policy: SignalPolicy


#: A gate answers with a verdict either way, so that what passed has left its numbers too.
Gate = Callable[[Candidate, SignalContext], Verdict]
