"""Replay: the very same decisions once more, over the tape of a day, in memory and at its times."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from app.engine.errors import InvalidData
from app.engine.ids import digest
from app.engine.strategies import STRATEGIES, SignalInputs
from app.io.memory.memory import Memory
from app.io.store.tape import Kind, Row, said, spelled
from app.lab import tape_reader
from app.lab.frames import Frame, Frames
from app.lab.turns import Taped, begun, seen_after, taped_of
from app.pipeline import cycle, exits, signals


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


def replay(book_id: str, rows: Sequence[Row]) -> Replayed:
    """Play a day: its base, and the turns after it in their order.

    Raises InvalidData for a tape that is damaged, or of another version.
    """
    player = _Player(book_id, rows)
    for row in rows:
        player.play(row)
    return player.done()


class _Player:
    """A day being played."""

    def __init__(self, book_id: str, rows: Sequence[Row]) -> None:
        base = begun(rows)
        self._memory, self._frames = Memory(base.state), Frames(book_id, base)
        self._taped = taped_of(rows)
        self._slots = seen_after(rows, self._taped)
        self._gathered: dict[int, SignalInputs] = {}
        self._recorded: list[str] = []
        self._replayed: list[str] = []
        self._result = Replayed()

    def play(self, row: Row) -> None:
        """Make a turn's changes, or its decision; then look at the state for who did."""
        if row.kind is Kind.FACTS:
            tape_reader.apply(self._memory, row)
            self._result.changes += 1
        elif row.kind is Kind.DECISION:
            self._decide(row, self._taped[row.id])
        self._memory.said()
        for number, given in self._slots.get(row.id, ()):
            frame = self._frame(self._taped[number])
            self._gathered[number] = signals.gather(frame, self._memory, given.slot)

    def _decide(self, row: Row, taped: Taped) -> None:
        frame = self._frame(taped)
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
        given, inputs = taped.given_signals(row), self._gathered.pop(row.id)
        strategy = STRATEGIES[frame.book.strategy]
        reading = strategy.read(frame.book, inputs)
        asking = strategy.questions(frame.book, inputs, reading)
        signals.decide(frame, self._memory, inputs, (reading, asking, given.asked))

    def _frame(self, taped: Taped) -> Frame:
        return self._frames.at(taped.at, taped.settings, self._memory.state.settings)

    def done(self) -> Replayed:
        """Return what it came to."""
        self._result.recorded = digest(*self._recorded)
        self._result.replayed = digest(*self._replayed)
        return self._result


_STEPS: dict[str, Callable[[Frame, Memory], object]] = {
    cycle.STEP: cycle.decide,
    exits.STEP: exits.decide,
}


def _difference(row: Row, taped: Taped, words: bytes) -> Difference:
    """Find the first change that differs."""
    now = from_json(words)
    before = taped.said
    if before is None:
        before = [f"not kept, for its size; its digest is {taped.digest}"]
    for place in range(max(len(before), len(now))):
        one = before[place] if place < len(before) else None
        other = now[place] if place < len(now) else None
        if spelled(one) != spelled(other):
            return Difference(row.id, row.step, taped.at, one, other)
    return Difference(row.id, row.step, taped.at, before, now)
