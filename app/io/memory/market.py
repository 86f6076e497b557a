"""Quotes, bars, events and what the model answered."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from app.engine.book import Book
from app.engine.events import Event
from app.engine.market import Bar, Panel, Quote
from app.engine.opinions import Opinion
from app.engine.verdicts import Reason
from app.io.memory.state import ModelCall, State
from app.io.store.bars import on_grid
from app.io.store.model_calls import AGAIN, Known, Outcome, opinion

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Quotes:
    """``store.quotes``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def save(self, book: str, new: Sequence[Quote]) -> None:
        for quote in sorted(new, key=lambda q: q.at):
            before = self._state.quotes.get(quote.symbol)
            if before is None or before.at <= quote.at:
                self._state.quotes[quote.symbol] = quote

    def load(self, book: str, symbols: Sequence[str] | None = None) -> dict[str, Quote]:
        known = sorted(self._state.quotes.items())
        return {symbol: q for symbol, q in known if symbols is None or symbol in symbols}


class Bars:
    """``store.bars``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def insert(self, book: str, bars: Sequence[Bar], source: str) -> int:
        return sum(self._insert(bar) for bar in bars)

    def _insert(self, bar: Bar) -> bool:
        mine = self._state.bars.setdefault(bar.symbol, [])
        place = len(mine) if not mine or mine[-1].at < bar.at else _place(mine, bar.at)
        if place < len(mine) and mine[place].at == bar.at:
            return False
        mine.insert(place, bar)
        return True

    def panel(
        self, book: str, symbols: Sequence[str], end: datetime, span: timedelta, count: int
    ) -> Panel:
        end = _EPOCH + (end - _EPOCH) // span * span
        start = end - count * span
        rows: list[tuple[float, ...]] = []
        for row, symbol in enumerate(symbols):
            mine = self._state.bars.get(symbol, [])
            first, last = _place(mine, start), _place(mine, end)
            if first:
                close = mine[first - 1].close
                rows.append((row, -1, close, close, close, close, 0))
            rows += [
                (row, (b.at - start) // span, b.open, b.high, b.low, b.close, b.volume)
                for b in mine[first:last]
            ]
        cells = np.array(rows, dtype=np.float64).reshape(-1, 7)
        return Panel(tuple(symbols), end, span, *on_grid(cells, len(symbols), count))

    def last_at(self, book: str, symbols: Sequence[str]) -> dict[str, datetime]:
        known = self._state.bars
        return {symbol: known[symbol][-1].at for symbol in symbols if known.get(symbol)}

    def gaps(
        self,
        book: str,
        symbols: Sequence[str],
        opening: tuple[datetime, datetime],
        closing: tuple[datetime, datetime],
    ) -> dict[str, tuple[float, float]]:
        found = {}
        for symbol in symbols:
            mine = self._state.bars.get(symbol, [])
            first = mine[_place(mine, opening[0]) : _place(mine, opening[1])]
            last = mine[_place(mine, closing[0]) : _place(mine, closing[1])]
            if first and last:
                found[symbol] = (first[0].open, last[-1].close)
        return found


def _place(bars: Sequence[Bar], at: datetime) -> int:
    return bisect_left(bars, at, key=lambda bar: bar.at)


class Events:
    """``store.events``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def insert_once(self, book_id: str, new: Sequence[Event]) -> list[Event]:
        known = self._state.events
        fresh = {event.id: event for event in new if event.id not in known}
        known |= fresh
        return list(fresh.values())

    def add_tones(self, book_id: str, tones: Mapping[str, float], at: datetime) -> dict[str, float]:
        added = {}
        for name, tone in sorted(tones.items()):
            event = self._state.events.get(name)
            if event is not None and event.tone is None:
                self._state.events[name] = replace(event, tone=tone, tone_at=at)
                added[name] = tone
        return added

    def listing(self, book_id: str, since: datetime, kind: str | None = None) -> list[Event]:
        late = [e for e in self._state.events.values() if e.first_seen_at >= since]
        named = [e for e in late if kind is None or e.kind == kind]
        return sorted(named, key=lambda event: (event.first_seen_at, event.id))


class ModelCalls:
    """``store.model_calls``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def opened(self, number: int, at: datetime, symbol: str, event_id: str, key: str) -> None:
        self._state.calls[number] = ModelCall(at, symbol, event_id, key)

    def settle(self, call: int, outcome: Outcome) -> bool:
        made = self._state.calls.get(call)
        if made is None or made.outcome is not None:
            return False
        answer: dict[str, Any] | None = None if outcome.answer is None else dict(outcome.answer)
        self._state.calls[call] = replace(made, outcome=outcome.name, answer=answer)
        return True

    def opinions(self, book_id: str, since: datetime) -> tuple[Opinion, ...]:
        newest: dict[tuple[str, str], Opinion] = {}
        for number, call in sorted(self._state.calls.items()):
            if call.at >= since and call.outcome == Reason.PASSED:
                known = Known(number, call.at, call.outcome, call.answer)
                newest[call.symbol, call.event_id] = opinion(call.event_id, call.symbol, known)
        return tuple(sorted(newest.values(), key=lambda o: (o.at, o.call)))

    def kept(self, book: Book, at: datetime) -> frozenset[str]:
        cache = book.model.cache
        return frozenset(
            call.key
            for call in self._state.calls.values()
            if at - cache < call.at < at + cache and call.outcome not in AGAIN
        )
