"""The ports of what comes in from outside: prices, and events of the world."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from app.engine.errors import Transient
from app.engine.events import Event
from app.engine.market import Bar, Quote


@dataclass(frozen=True, slots=True)
class Source:
    """Where prices are asked for, who we are there, and how long we wait (wall seconds)."""

    url: str
    key: str = field(repr=False)
    secret: str = field(repr=False)
    connect_timeout_s: float = 3.0
    read_timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class BadEntry:
    """What a source said of a symbol that cannot be used, why, and its words (at most 500)."""

    symbol: str
    reason: str
    payload: str


@dataclass(frozen=True, slots=True)
class Quotes:
    """Usable quotes by symbol, and what was left out."""

    good: Mapping[str, Quote]
    bad: tuple[BadEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Bars:
    """Usable bars by symbol, then time, and what was left out."""

    good: tuple[Bar, ...]
    bad: tuple[BadEntry, ...] = ()


class Throttled(Transient):
    """Our own rate limit refuses a request: the source was not asked, and did not fail."""


#: Called before every request, a repeated one too: raises Throttled where the limit refuses it.
Take = Callable[[], None]


class QuoteSource(Protocol):
    """Somewhere to ask for prices. Raises only Transient or Rejected.

    A Transient with ``retry_after_s``, in seconds of the market's clock, was not asked again: the
    source counts our calls and has had enough of them.

    An entry that cannot be used is no error: it is left out and stands in ``bad``, as a symbol does
    whose quote is asked for and that the source does not know.
    """

    def latest(self, symbols: Sequence[str], take: Take) -> Quotes:
        """Return the newest quote of each symbol in one request.

        ``at`` of a quote is the time of its last trade.
        """

    def minute_bars(
        self, symbols: Sequence[str], start: datetime, end: datetime, take: Take
    ) -> Bars:
        """Return the one-minute bars that start in [start, end), by symbol, then time."""


@dataclass(frozen=True, slots=True)
class Events:
    """Usable events, oldest first, and what was left out. Repeats of known events are allowed."""

    good: tuple[Event, ...]
    bad: tuple[BadEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Watched:
    """Whose events are wanted, and from which relevance on."""

    symbols: tuple[str, ...]
    min_relevance: float


class EventSource(Protocol):
    """Somewhere to ask what happened. Raises only Transient or Rejected.

    ``retry_after_s`` of a Transient is in seconds of ``now``'s clock. What cannot be used is no
    error: it is left out and stands in ``bad``. An answer that is not the source's is Transient.
    """

    @property
    def bucket(self) -> str:
        """Return the rate limit that each request takes from."""

    def fetch(self, watched: Watched, since: datetime, now: datetime, take: Take) -> Events:
        """Return what became known of the watched from ``since`` on; ``now`` is when we see it."""
