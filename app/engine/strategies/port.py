"""What a strategy is given, what it answers, and what it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from app.engine.book import Book
from app.engine.caps import DayCounts
from app.engine.events import Event
from app.engine.market import Panel
from app.engine.opinions import Opinion, Question
from app.engine.session import SessionHours
from app.engine.signals import Signal
from app.engine.state import BookState
from app.engine.verdicts import Judged, Reason

#: A strategy's own reading of the prices.
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class SignalInputs:
    """One slot's inputs: the panel of bars, when each symbol was last quoted, whose turn it is.

    ``slot`` is ``ids.slot_of(at, schedule.signals)``; held symbols are always due. ``events`` are
    those that are still evidence, ``opinions`` the model's answers about them, ``unanswered`` why
    it did not answer about a symbol, ``kept`` the contents of which the ledger keeps a call,
    ``entries`` the day's entries so far.
    """

    at: datetime
    slot: int
    hours: SessionHours | None
    panel: Panel
    quoted_at: Mapping[str, datetime]
    due: frozenset[str]
    held: frozenset[str]
    events: tuple[Event, ...] = ()
    opinions: tuple[Opinion, ...] = ()
    unanswered: Mapping[str, Reason] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()
    entries: DayCounts = field(default_factory=DayCounts)


@dataclass(frozen=True, slots=True)
class Decision:
    """The book's new memory, the actionable signals by symbol, and every verdict that led there.

    ``directions`` says of each symbol that was judged where its score points: 1, -1, or 0.
    """

    state: BookState
    signals: tuple[Signal, ...]
    judged: tuple[Judged, ...]
    directions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Asking:
    """What to ask the model about, and why it is not asked about other fresh events."""

    questions: tuple[Question, ...] = ()
    passed_over: tuple[Judged, ...] = ()


@dataclass(frozen=True, slots=True)
class Strategy(Generic[R]):
    """Three pure functions: what prices say, what to ask the model about, and what follows.

    What prices say is read once; both others are given it.
    """

    read: Callable[[Book, SignalInputs], R]
    questions: Callable[[Book, SignalInputs, R], Asking]
    decide: Callable[[Book, BookState, SignalInputs, R], Decision]
