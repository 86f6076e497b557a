"""What a step is given: everything outside the engine, wired once by a composition root."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from app.adapters.port import Broker, Capabilities
from app.engine.book import Book
from app.engine.in_force import InForce
from app.io.buckets import Buckets
from app.io.calendar import Calendar
from app.io.feeds.port import EventSource, QuoteSource
from app.io.llm.port import Model
from app.io.locks import Leases
from app.io.store.database import Database
from app.io.streams import Streams


class Clock(Protocol):
    """The market's time and how fast it runs against the wall's."""

    @property
    def speed(self) -> float: ...

    def now(self) -> datetime:
        """Return the market's time, aware UTC."""


class Venue(Protocol):
    """What a decision may know of a broker: its name and what it can do."""

    @property
    def name(self) -> str: ...

    @property
    def capabilities(self) -> Capabilities: ...


class Frame(Protocol):
    """What a decision has besides the book's state: nothing that could be asked of the outside.

    While something is decided the clock stands still.
    """

    @property
    def book(self) -> Book: ...

    @property
    def settings(self) -> str: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def calendar(self) -> Calendar: ...

    @property
    def broker(self) -> Venue: ...

    @property
    def log(self) -> Callable[..., None]: ...


class Nudge(Protocol):
    """Wake a task at once. Never raises: the task's own tick is the safety net."""

    def __call__(self, task: str, slot: int | None = None) -> None: ...


class Rebook(Protocol):
    """Make the book anew with some of its settings changed, by their flat names."""

    def __call__(self, changes: Mapping[str, str]) -> InForce:
        """Return what is in force then. Raises InvalidData, which names every wrong change."""


@dataclass(slots=True)
class Identity:
    """Whose account this process trades in, learnt once in its life; empty until the broker says.

    ``proven``: it is the one that the book is in. ``told`` is what was logged about it.
    """

    account: str = ""
    proven: bool = False
    told: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Services:
    """The services of one book.

    ``settings`` is the fingerprint of the settings in force; ``resolve_delays_s`` are the wall
    seconds between two look-ups of an order in doubt, after which it counts as not found.
    ``adopt``: a book that never traded takes over what the account holds of its universe.
    ``events`` are the feeds of news and filings by name; ``model`` is None where none was set up.
    ``book`` and ``settings`` are those of the start until a task asks what is in force (in_force),
    which uses ``rebook``; ``noted`` is what this process has written to the log of settings.
    """

    book: Book
    settings: str
    database: Database
    streams: Streams
    buckets: Buckets
    leases: Leases
    broker: Broker
    quotes: QuoteSource
    clock: Clock
    calendar: Calendar
    nudge: Nudge
    log: Callable[..., None]
    resolve_delays_s: tuple[float, ...]
    owner: str
    rebook: Rebook
    commit: str | None = None
    noted: dict[str, str] = field(default_factory=dict)
    identity: Identity = field(default_factory=Identity)
    adopt: bool = False
    events: Mapping[str, EventSource] = field(default_factory=dict)
    model: Model | None = None
