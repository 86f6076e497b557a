"""What if: a day played with other settings, beside the same day played with its own.

Both are played over the tape, with the fills of an exchange of the past: what differs between them
is what the settings did. Prices, texts, people's commands and the model's answers are those that
were recorded. What the broker did that day is left out, and what the book did about it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from app.adapters.paper.matching import Price, sound
from app.config import changes
from app.engine.book import Book
from app.engine.orders import WORKING, Order
from app.engine.portfolio import equity
from app.engine.rounding import decimal
from app.engine.session import pre_close_at
from app.engine.strategies import STRATEGIES, SignalInputs
from app.io.memory.memory import Memory
from app.io.store.accounts import OPENING
from app.io.store.settings_log import Entry
from app.io.store.tape import Kind, Row
from app.lab import tape_reader
from app.lab.answers import Answers
from app.lab.exchange import Exchange
from app.lab.frames import Frame, Frames
from app.lab.past import Past, clock_of
from app.lab.refused import Refused
from app.lab.shadows import Gate, Shadows
from app.lab.turns import SignalsGiven, Taped, begun, seen_after, taped_of
from app.pipeline import cycle, exits, signals

#: Of what is on the tape, what happens in any case.
_WORLD = (
    "quotes.",
    "bars.",
    "events.",
    "model_calls.",
    "settings_log.",
    "sessions.",
    "adjustments.",
)
#: Who sets a book's status without a person: what did so then need not do so now.
_BY_ITSELF = frozenset({"daily_loss", "stop", "exit", "rate_fuse"})


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be otherwise: settings by their flat names, and gates that are left out."""

    changes: Mapping[str, str] = field(default_factory=dict)
    without: frozenset[str] = frozenset()

    def __call__(self, book: Book, entry: Entry) -> Book:
        """Return the book as it would be. Raises InvalidData for a change that cannot be made."""
        return changes.wished(book, entry.values, self.changes, self.without)


@dataclass(slots=True)
class Outcome:
    """What a day came to: verdicts by (step, gate, reason), orders, money, and refused entries.

    ``unanswered`` are questions to the model that the tape has no answer to.
    """

    verdicts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    orders: tuple[Order, ...] = ()
    signals: int = 0
    asked: int = 0
    unanswered: int = 0
    equity_open: Decimal = Decimal(0)
    equity_close: Decimal = Decimal(0)
    gates: Mapping[str, Gate] = field(default_factory=dict)

    @property
    def gained(self) -> Decimal:
        return self.equity_close - self.equity_open


def play(book_id: str, rows: Sequence[Row], wish: Wish | None = None) -> Outcome:
    """Play a day, as it was or as it is wished. Raises InvalidData as ``replay.replay``."""
    day = _Day(book_id, rows, wish)
    for row in rows:
        day.play(row)
    return day.done()


class _Day:
    """A day being played."""

    def __init__(self, book_id: str, rows: Sequence[Row], wish: Wish | None) -> None:
        base = begun(rows)
        self._memory, self._frames = Memory(base.state), Frames(book_id, base, wish)
        self._exchange = Exchange(self._price)
        self._past = Past(self._memory, self._exchange)
        self._known = frozenset(base.state.orders)
        self._taped = taped_of(rows)
        self._slots = seen_after(rows, self._taped)
        self._answers = Answers(rows, base.state)
        self._gathered: dict[int, SignalInputs] = {}
        self._shadows = Shadows()
        self._refused = Refused(self._shadows)
        self._out = Outcome()
        self._last: Frame | None = None

    def play(self, row: Row) -> None:
        """Let a turn's news happen, or take its step anew."""
        if row.kind is Kind.FACTS:
            tape_reader.apply(self._memory, row, _happens_anyway)
            self._memory.said()
        elif row.kind is Kind.DECISION:
            self._step(row, self._taped[row.id])
        for number, given in self._slots.get(row.id, ()):
            frame = self._frame(self._taped[number])
            self._gathered[number] = signals.gather(frame, self._memory, given.slot)

    def _frame(self, taped: Taped) -> Frame:
        return self._frames.at(taped.at, taped.settings, self._memory.state.settings)

    def _step(self, row: Row, taped: Taped) -> None:
        frame = self._frame(taped)
        if self._last is None:
            self._begin(frame)
        self._last = frame
        self._let_prices_act(frame)
        if row.step == signals.STEP:
            self._signals(frame, row.id, taped.given_signals(row))
        elif row.step == cycle.STEP:
            self._past.cycle(frame)
        elif row.step == exits.STEP:
            self._past.exits(frame)
        self._refused.hear(frame.book, self._memory)
        self._out.verdicts += self._refused.counted()

    def _begin(self, frame: Frame) -> None:
        for order in self._memory.state.orders.values():
            if order.state in WORKING:
                self._exchange.adopt(order, clock_of(frame))
        money = self._memory.state.money
        self._out.equity_open = money.equity_open if money else Decimal(0)

    def _price(self, symbol: str) -> Price | None:
        quote = self._memory.state.quotes.get(symbol)
        return sound((decimal(quote.bid), decimal(quote.ask))) if quote else None

    def _let_prices_act(self, frame: Frame) -> None:
        hours = frame.calendar.session_for(frame.clock.now())
        ends = frame.clock.now() >= pre_close_at(hours, frame.book.session)
        self._shadows.look(self._memory.state.quotes, ends)
        if self._past.prices_moved(frame):
            self._past.cycle(frame)

    def _signals(self, frame: Frame, number: int, given: SignalsGiven) -> None:
        inputs = self._gathered.pop(number)
        strategy = STRATEGIES[frame.book.strategy]
        reading = strategy.read(frame.book, inputs)
        asking = strategy.questions(frame.book, inputs, reading)
        asked, unanswered = self._answers.to(asking.questions, given.asked, frame.book)
        self._out.asked += len(asking.questions)
        self._out.unanswered += unanswered
        decision = self._past.signals(frame, inputs, (reading, asking, asked))
        self._out.signals += len(decision.signals)
        self._refused.directions = decision.directions

    def done(self) -> Outcome:
        """Return what the day came to, once the closing auction is over."""
        state = self._memory.state
        if self._last is not None:
            frame = self._last
            close = frame.calendar.session_for(frame.clock.now()).close
            self._past.prices_moved(
                self._frames.at(max(close, frame.clock.now()), frame.settings, state.settings)
            )
        self._shadows.look(state.quotes, ends=True)
        prices = {symbol: decimal(quote.last) for symbol, quote in state.quotes.items()}
        cash = state.money.cash if state.money else Decimal(0)
        self._out.equity_close = equity(cash, state.positions.values(), prices)
        self._out.orders = tuple(
            order for order in state.orders.values() if order.client_id not in self._known
        )
        self._out.gates = self._shadows.gates
        return self._out


def _happens_anyway(name: str, args: Sequence[Any]) -> bool:
    """Is a change on the tape one of the world, and none of what the book or its broker did?"""
    if name == "book_states.set_status":
        return str(args[3]) not in _BY_ITSELF
    if name == "book_states.set_reconciled":
        return args[1] is not None
    if name == "accounts.keep":
        return bool(args[2] == OPENING)
    return name.startswith(_WORLD)
