"""Daily caps: how many entries a day of the exchange has seen, counted from the orders themselves.

An entry counts once its order was made, that is after cutoff and risk, and several entries of one
symbol within a slot count once (C4).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.engine.book import Book
from app.engine.ids import slot_of


@dataclass(frozen=True, slots=True)
class DayCounts:
    """Entries of the day so far, by symbol and all together."""

    by_symbol: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.by_symbol.values())


def counted(book: Book, entries: Iterable[tuple[str, datetime]]) -> DayCounts:
    """Count a day's (symbol, time) of entries that became orders, once a symbol and slot."""
    slots = {(symbol, slot_of(at, book.caps.slot)) for symbol, at in entries}
    by_symbol: dict[str, int] = {}
    for symbol, _ in sorted(slots):
        by_symbol[symbol] = by_symbol.get(symbol, 0) + 1
    return DayCounts(by_symbol)


def cap_of(book: Book, symbol: str) -> int:
    """Return how many entries a day a symbol may have; what is in no tier has the bench's cap."""
    if symbol in book.universe.tier_a:
        return book.caps.tier_a
    return book.caps.tier_b if symbol in book.universe.tier_b else book.caps.bench
