"""Replay: the very same decisions once more, over the tape of a day, in memory and at its times."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import from_json

from app.config import changes
from app.engine.book import Book
from app.engine.errors import InvalidData
from app.engine.ids import digest
from app.engine.strategies import STRATEGIES, SignalInputs
from app.io.calendar import Calendar, ExchangeCalendar
from app.io.memory.memory import Memory
from app.io.store.tape import Kind, Row, said, spelled
from app.lab import tape_reader
from app.lab.tape_reader import Base, Venue
from app.pipeline import cycle, exits, signals
from app.pipeline.model import Asked
from app.pipeline.turns import Still


@dataclass(frozen=True, slots=True)
class Frame:
    """What a decision of the past has besides the state."""

    book: Book
    settings: str
    clock: Still
    calendar: Calendar
    broker: Venue
    log: Callable[..., None]


@dataclass(frozen=True, slots=True)
class Taped:
    """A decision as the tape has it; ``said`` is None where only its digest was kept."""

    settings: str
    given: dict[str, Any]
    heard: list[timedelta]
    digest: str
    said: list[Any] | None


@dataclass(frozen=True, slots=True)
class SignalsGiven:
    """What a slot of signals was handed: its number, the last turn it saw, the model's word."""

    slot: int
    as_of: int
    asked: Asked


@dataclass(frozen=True, slots=True)
class Difference:
    """The first decision that came out otherwise, and the first thing in it that did.

    ``recorded`` and ``replayed`` are one change each, None where the other side has one more.
    """

    row: int
    step: str
    at: datetime
    recorded: Any
    replayed: Any


@dataclass(slots=True)
class Replayed:
    """What a replay came to; equal digests are equal decisions, byte for byte.

    ``decisions`` counts them by step, ``changes`` the turns in between; ``different`` is how many
    decisions came out otherwise.
    """

    decisions: Counter[str] = field(default_factory=Counter)
    changes: int = 0
    different: int = 0
    recorded: str = ""
    replayed: str = ""
    difference: Difference | None = None

    @property
    def equal(self) -> bool:
        return not self.different and self.recorded == self.replayed


_TAPED, _GIVEN = TypeAdapter(Taped), TypeAdapter(SignalsGiven)


def replay(book_id: str, rows: Sequence[Row]) -> Replayed:
    """Play a day: its base, and the turns after it in their order.

    Raises InvalidData for a tape that is damaged, or of another version.
    """
    player = _Player(book_id, _begun(rows))
    player.expect(rows)
    for row in rows:
        player.play(row)
    return player.done()


def book_of(book_id: str, rows: Sequence[Row]) -> Book:
    """Return the book as it was when a day began. Raises as ``replay``."""
    begun = _begun(rows)
    if not begun.state.settings:
        raise InvalidData("the tape does not say what the settings of the day were")
    (entry,) = begun.state.settings.values()
    return changes.as_shown(book_id, entry.values, mode=begun.mode, auto=begun.auto)


def _begun(rows: Sequence[Row]) -> Base:
    if not rows or rows[0].kind is not Kind.BASE:
        raise InvalidData("the tape does not begin with a day's base: it was cut off")
    return tape_reader.base(rows[0])


class _Player:
    """A day being played."""

    def __init__(self, book_id: str, base: Base) -> None:
        self._book_id, self._base = book_id, base
        self._memory = Memory(base.state)
        self._books: dict[str, Book] = {}
        self._calendars: dict[str, Calendar] = {}
        self._taped: dict[int, Taped] = {}
        self._slots: dict[int, list[tuple[int, SignalsGiven]]] = {}
        self._gathered: dict[int, SignalInputs] = {}
        self._recorded: list[str] = []
        self._replayed: list[str] = []
        self._result = Replayed()

    def expect(self, rows: Iterable[Row]) -> None:
        """Note after which turn each slot of signals looked at the state."""
        first = min((row.id for row in rows), default=0)
        for row in rows:
            if row.kind is not Kind.DECISION:
                continue
            taped = self._taped[row.id] = tape_reader.read(_TAPED, row.read(), row)
            if row.step == signals.STEP:
                given = tape_reader.read(_GIVEN, taped.given, row)
                seen = max(given.as_of, first)
                self._slots.setdefault(seen, []).append((row.id, given))

    def play(self, row: Row) -> None:
        """Make a turn's changes, or its decision; then look at the state for who did."""
        if row.kind is Kind.FACTS:
            tape_reader.apply(self._memory, row)
            self._result.changes += 1
        elif row.kind is Kind.DECISION:
            self._decide(row, self._taped.pop(row.id))
        self._memory.said()
        for number, given in self._slots.pop(row.id, ()):
            frame = self._frame(self._taped[number].settings, _SOME_TIME)
            self._gathered[number] = signals.gather(frame, self._memory, given.slot)

    def _decide(self, row: Row, taped: Taped) -> None:
        if row.at is None:
            raise InvalidData(f"tape row {row.id}: a decision without a time")
        frame = self._frame(taped.settings, row.at)
        self._memory.contacts.answers = list(taped.heard)
        if row.step == signals.STEP:
            self._signals(row, frame, taped)
        elif row.step in _STEPS:
            _STEPS[row.step](frame, self._memory)
        else:
            raise InvalidData(f"tape row {row.id}: no step is called {row.step[:40]!r}")
        name, words = said(self._memory.said())
        self._result.decisions[row.step] += 1
        self._recorded.append(taped.digest)
        self._replayed.append(name)
        if name != taped.digest:
            self._result.different += 1
            self._result.difference = self._result.difference or _difference(row, taped, words)

    def _signals(self, row: Row, frame: Frame, taped: Taped) -> None:
        given: SignalsGiven = tape_reader.read(_GIVEN, taped.given, row)
        inputs = self._gathered.pop(row.id)
        strategy = STRATEGIES[frame.book.strategy]
        reading = strategy.read(frame.book, inputs)
        asking = strategy.questions(frame.book, inputs, reading)
        signals.decide(frame, self._memory, inputs, (reading, asking, given.asked))

    def _frame(self, settings: str, at: datetime) -> Frame:
        book = self._book(settings)
        calendar = self._calendars.get(book.calendar)
        if calendar is None:
            calendar = self._calendars[book.calendar] = ExchangeCalendar(book.calendar)
        return Frame(book, settings, Still(at, 1.0), calendar, self._base.broker, _silent)

    def _book(self, settings: str) -> Book:
        known = self._books.get(settings)
        if known is None:
            entry = self._memory.state.settings.get(settings)
            if entry is None:
                raise InvalidData(f"the tape does not say what the settings {settings} were")
            known = self._books[settings] = changes.as_shown(
                self._book_id, entry.values, mode=self._base.mode, auto=self._base.auto
            )
        return known

    def done(self) -> Replayed:
        """Return what it came to."""
        self._result.recorded = digest(*self._recorded)
        self._result.replayed = digest(*self._replayed)
        return self._result


_SOME_TIME = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_STEPS: dict[str, Callable[[Frame, Memory], object]] = {
    cycle.STEP: cycle.decide,
    exits.STEP: exits.decide,
}


def _silent(event: str, **_: object) -> None:
    """Say nothing: it was said when it happened."""


def _difference(row: Row, taped: Taped, words: bytes) -> Difference:
    """Find the first change that differs."""
    now = from_json(words)
    before = taped.said
    if before is None:
        before = [f"not kept, for its size; its digest is {taped.digest}"]
    assert row.at is not None
    for place in range(max(len(before), len(now))):
        one = before[place] if place < len(before) else None
        other = now[place] if place < len(now) else None
        if spelled(one) != spelled(other):
            return Difference(row.id, row.step, row.at, one, other)
    return Difference(row.id, row.step, row.at, before, now)
