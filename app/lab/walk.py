"""A walk through bars: the live steps, one bar after the other, and an exchange of bars.

At the close of a bar its prices are known: quotes and half-minute bars are stored as the live feed
stores them, and every step is taken once. What was ordered fills in the next bar. The model is not
asked, and there are no texts.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np

from app.adapters.port import Capabilities
from app.engine.book import Book, BookStatus
from app.engine.errors import InvalidData
from app.engine.ids import slot_of
from app.engine.market import Bar, Quote, halves
from app.engine.orders import FINAL, Execution
from app.engine.portfolio import Account, Fee
from app.engine.rounding import decimal
from app.engine.session import Phase, SessionHours
from app.engine.state import BookState
from app.engine.strategies import STRATEGIES
from app.engine.strategies.plan import Bars
from app.engine.trades import REMEMBERED
from app.io.calendar import Calendar
from app.io.memory.memory import Memory
from app.io.memory.state import State
from app.io.store.accounts import OPENING
from app.io.store.book_states import BookRow
from app.io.store.sessions import SessionRow
from app.io.store.tape import said
from app.lab.bar_exchange import BarExchange, Range
from app.lab.frames import Frame, silent
from app.lab.past import Past, clock_of
from app.lab.planned import BPS, Costs, Terms
from app.lab.tape_reader import Venue
from app.lab.walked import Checkpoint, Kept, Walked
from app.pipeline import ledger, signals
from app.pipeline.model import Asked
from app.pipeline.taped_day import ORDERS
from app.pipeline.turns import Still

MINUTE = timedelta(minutes=1)
MINUTE_NS = 60_000_000_000
BROKER = Venue("bars", Capabilities(client_ids=True, auction_orders=True, stop_orders=True))


def walk(
    book: Book,
    settings: str,
    bars: Bars,
    calendar: Calendar,
    terms: Terms,
    progress: Callable[[int], None],
    kept: Kept | None = None,
) -> Walked:
    """Walk through bars of one minute; ``progress`` is told the place of each bar that is done.

    What was ``kept`` is gone on with, session by session. Raises InvalidData for bars that are not
    one minute apart.
    """
    _check_minutes(bars)
    walker = _Walker(book, settings, bars, calendar, terms)
    before = kept.load() if kept else None
    if before is not None:
        walker.go_on_with(before)
    for number, (hours, places) in enumerate(_sessions(bars, calendar), start=1):
        if before is not None and number <= before.sessions:
            continue
        walker.begin_day(hours)
        for place in places:
            walker.step(hours, place, last=place == places[-1])
            progress(place)
        if kept:
            kept.save(walker.checkpoint(number))
    return walker.walked


def _check_minutes(bars: Bars) -> None:
    if bars.span != MINUTE_NS:
        seconds = bars.span // 1_000_000_000
        raise InvalidData(f"bars of {seconds} s: a book that trades live needs bars of one minute")


def _sessions(bars: Bars, calendar: Calendar) -> Iterator[tuple[SessionHours, list[int]]]:
    """Yield each session and the places of the bars in its regular hours."""
    days: dict[date, list[int]] = {}
    for place, at in enumerate(bars.at.tolist()):
        moment = _moment(at)
        days.setdefault(moment.astimezone(calendar.zone).date(), []).append(place)
    for day, places in days.items():
        hours = calendar.session_on(day)
        if hours is None:
            continue
        inside = [p for p in places if hours.open <= _moment(int(bars.at[p])) < hours.close]
        if inside:
            yield hours, inside


def _moment(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)


def _fee(costs: Costs, fill: Execution) -> Decimal:
    """Return what the broker charges for a fill."""
    by_share = fill.quantity * decimal(costs.fee_per_share)
    by_value = fill.quantity * fill.price * decimal(costs.fee_share)
    return max(by_share + by_value, decimal(costs.least_fee))


class _Walker:
    """A walk under way."""

    def __init__(
        self, book: Book, settings: str, bars: Bars, calendar: Calendar, terms: Terms
    ) -> None:
        self._book, self._settings, self._bars = book, settings, bars
        self._calendar, self._terms = calendar, terms
        began = _moment(int(bars.at[0])) if bars.at.size else datetime.fromtimestamp(0, UTC)
        row = BookRow(
            status=BookStatus.ACTIVE,
            why="a run over the past",
            set_by="start",
            set_at=began,
            engine=BookState(),
            reconciled_at=began,
            account=None,
            cash_short=Decimal(0),
        )
        costs = terms.costs
        self._exchange = BarExchange(costs.half_spread_bps + costs.slippage_bps)
        self._begin(State(row))
        self._symbols = [s for s in book.universe.symbols if s in bars.symbols]
        self._rows = {symbol: bars.symbols.index(symbol) for symbol in self._symbols}
        self._volume = dict.fromkeys(self._symbols, 0.0)
        self.walked = Walked([""] * bars.at.size)

    def _begin(self, state: State) -> None:
        self._memory = Memory(state)
        self._past = Past(self._memory, self._exchange)

    def go_on_with(self, before: Checkpoint) -> None:
        """Go on where a walk was interrupted."""
        self._begin(before.state)
        self._exchange.go_on_with(before.resting)
        self.walked = before.walked

    def checkpoint(self, sessions: int) -> Checkpoint:
        """Return the walk as it is now."""
        return Checkpoint(sessions, self._memory.state, self._exchange.resting, self.walked)

    def begin_day(self, hours: SessionHours) -> None:
        """Open the book as a live one is: what it is worth now is the day's equity at the open."""
        state, book = self._memory.state, self._book.id
        state.orders = {
            name: order
            for name, order in state.orders.items()
            if order.state not in FINAL or order.created_at >= hours.open - ORDERS
        }
        old = hours.open - REMEMBERED
        state.fills = {n: f for n, f in state.fills.items() if f.execution.at >= old}
        self._volume = dict.fromkeys(self._symbols, 0.0)
        # Verdicts are about intents of the day, and of those that still wait.
        self.walked.tallies.intents = dict(state.intents)
        cash = state.money.cash if state.money else decimal(self._terms.capital)
        worth = ledger.equity_of(self._memory, book, cash)
        account = Account(cash, worth, cash, self._book.currency)
        self._memory.call("accounts.keep", (book, hours.open, OPENING, account), {})
        row = SessionRow(hours.date, Phase.TRADING, hours.open, hours.close, worth, cash)
        self._memory.call("sessions.save", (book, row, hours.open), {})

    def step(self, hours: SessionHours, place: int, *, last: bool) -> None:
        """Trade through a bar, then decide at its close."""
        start = _moment(int(self._bars.at[place]))
        opening, ranges = self._frame(start), self._ranges(place)
        if self._past.hear(opening, self._exchange.at_open(ranges, clock_of(opening))):
            self._past.cycle(opening)
            ranges = self._ranges(place)
        if self._past.hear(opening, self._exchange.within(ranges, clock_of(opening))):
            self._past.cycle(opening)
        end = start + MINUTE
        if last:
            closing = self._frame(min(end, hours.close))
            self._past.hear(closing, self._exchange.at_close(ranges, clock_of(closing)))
        self._store(start, place)
        self._decide(self._frame(end))
        self._note(place, end)

    def _store(self, start: datetime, place: int) -> None:
        book, end = self._book.id, start + MINUTE
        quotes: list[Quote] = []
        half_minutes: list[Bar] = []
        half = self._terms.costs.half_spread_bps / BPS
        for symbol, row in self._rows.items():
            close = float(self._bars.close[row, place])
            if not close > 0:
                continue
            bar = Bar(symbol, start, *(float(of[row, place]) for of in self._columns()))
            self._volume[symbol] += bar.volume
            bid, ask = close * (1 - half), close * (1 + half)
            quotes.append(Quote(symbol, end, bid, ask, close, self._volume[symbol]))
            half_minutes += halves(bar)
        self._memory.call("quotes.save", (book, quotes), {})
        self._memory.call("bars.insert", (book, half_minutes, "bars"), {})
        self._memory.call("book_states.set_reconciled", (book, end), {})

    def _columns(self) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]], ...]:
        bars = self._bars
        return bars.open, bars.high, bars.low, bars.close, bars.volume

    def _decide(self, frame: Frame) -> None:
        number = slot_of(frame.clock.now(), self._book.schedule.signals)
        inputs = signals.gather(frame, self._memory, number)
        strategy = STRATEGIES[self._book.strategy]
        reading = strategy.read(self._book, inputs)
        asking = strategy.questions(self._book, inputs, reading)
        self._past.signals(frame, inputs, (reading, asking, Asked()))
        self._past.exits(frame)
        self._past.cycle(frame)

    def _note(self, place: int, end: datetime) -> None:
        """Keep what was said and filled, charge the fees, and mark the book."""
        left = self.walked
        calls = self._memory.said()
        left.tallies.hear(calls)
        for name, args, _ in calls:
            if name == "fills.insert_once":
                self._charge(args[3], end)
            elif name == "orders.insert":
                made = args[0]
                intent = left.tallies.intents.get(made.intent_id)
                left.purposes[made.client_id] = made.purpose
                left.causes[made.client_id] = (intent and intent.basket) or "signal"
        left.digests[place] = said(calls)[0]
        money = ledger.read(self._memory, self._book.id)
        left.at.append(int(self._bars.at[place]) + MINUTE_NS)
        left.equity.append(float(money.equity))
        left.exposure.append(float(money.equity - money.cash))

    def _charge(self, executions: Sequence[Execution], end: datetime) -> None:
        for one in executions:
            self.walked.fills.append(one)
            if fee := _fee(self._terms.costs, one):
                self.walked.fees[one.id] = fee
                charged = [Fee(one.id, end.date(), fee)]
                given = (self._book.id, BROKER.name, charged, end.date())
                self._memory.call("fees.insert_once", given, {})

    def _ranges(self, place: int) -> dict[str, Range]:
        """Return the bars of what rests at the exchange."""
        known = {symbol: self._range(symbol, place) for symbol in self._exchange.symbols()}
        return {symbol: bar for symbol, bar in known.items() if bar is not None}

    def _range(self, symbol: str, place: int) -> Range | None:
        row = self._rows.get(symbol)
        if row is None or not self._bars.close[row, place] > 0:
            return None
        prices = (float(of[row, place]) for of in self._columns()[:4])
        return Range(*(decimal(price) for price in prices))

    def _frame(self, at: datetime) -> Frame:
        still = Still(at, 1.0)
        return Frame(self._book, self._settings, still, self._calendar, BROKER, silent)
