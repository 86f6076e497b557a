"""What a strategy is given, what it answers, and what it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from app.engine.book import Book
from app.engine.market import Panel
from app.engine.session import SessionHours
from app.engine.signals import Signal
from app.engine.state import BookState
from app.engine.verdicts import Judged


@dataclass(frozen=True, slots=True)
class SignalInputs:
    """One slot's inputs: the panel of bars, when each symbol was last quoted, whose turn it is.

    ``slot`` is ``ids.slot_of(at, schedule.signals)``; held symbols are always due.
    """

    at: datetime
    slot: int
    hours: SessionHours | None
    panel: Panel
    quoted_at: Mapping[str, datetime]
    due: frozenset[str]
    held: frozenset[str]


@dataclass(frozen=True, slots=True)
class Decision:
    """The book's new memory, the actionable signals by symbol, and every verdict that led there."""

    state: BookState
    signals: tuple[Signal, ...]
    judged: tuple[Judged, ...]


Strategy = Callable[[Book, BookState, SignalInputs], Decision]
