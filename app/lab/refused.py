"""Refused: what the gates said of entries, counted, and handed to the shadows."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from app.engine.book import Book
from app.engine.orders import Purpose
from app.engine.portfolio import equity
from app.engine.rounding import decimal
from app.engine.verdicts import BELOW_NOISE, Judged, Reason
from app.io.memory.memory import Memory
from app.lab.shadows import Shadows

#: Gates that make an order one at all: what they refuse could not have been traded.
NEEDED = frozenset(
    {"history", "bad_data", "price", "numbers", "quantity", "holding", "at_broker", "stop"}
)
#: Refusals that are no no: evidence is not traded itself, and what is open or held was entered.
_NO_ENTRY = BELOW_NOISE | {
    Reason.NOT_TRADED_ITSELF,
    Reason.POSITION_EXISTS,
    Reason.ORDER_PENDING,
    Reason.AUTO_MODE_OFF,
}


class Refused:
    """The verdicts of one day; ``directions`` is where the newest scores point, by symbol."""

    def __init__(self, shadows: Shadows) -> None:
        self.directions: Mapping[str, int] = {}
        self._shadows = shadows
        self._entries: set[str] = set()
        self._counted: Counter[tuple[str, str, str]] = Counter()

    def hear(self, book: Book, memory: Memory) -> None:
        """Take in what the steps have said since the last time."""
        for name, args, _ in memory.said():
            if name == "intents.insert_once":
                made = args[0]
                self._entries |= {i.id for i in made if i.purpose is Purpose.ENTRY}
            elif name == "verdicts.add":
                for step, judged in args[3].items():
                    self._judged(book, memory, step, judged)

    def counted(self) -> Counter[tuple[str, str, str]]:
        """Return how often each gate said what since this was last asked."""
        counted, self._counted = self._counted, Counter()
        return counted

    def _judged(self, book: Book, memory: Memory, step: str, judged: Iterable[Judged]) -> None:
        for symbol, subject, verdict in judged:
            self._counted[step, verdict.gate, verdict.reason] += 1
            if verdict.passed or verdict.reason in _NO_ENTRY or verdict.gate in NEEDED:
                continue
            if self._is_entry(book, step, symbol, subject):
                worth = _equity(memory)
                self._shadows.refuse(book, verdict.gate, symbol, memory.state.quotes, worth)

    def _is_entry(self, book: Book, step: str, symbol: str, subject: str) -> bool:
        if step == "signals":
            return self.directions.get(symbol) == 1 and symbol not in book.universe.inverse
        if step == "route":
            return not subject.startswith("opposite:")
        return step == "risk" and subject.removeprefix("intent:") in self._entries


def _equity(memory: Memory) -> Any:
    state = memory.state
    prices = {symbol: decimal(quote.last) for symbol, quote in state.quotes.items()}
    cash = state.money.cash if state.money else decimal(0)
    return equity(cash, state.positions.values(), prices)
