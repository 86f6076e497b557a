"""The market data port."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from app.engine.market import Bar, Quote


class QuoteSource(Protocol):
    """Somewhere to ask for prices. Raises only Transient, Rejected or InvalidData."""

    def latest(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Return the newest quote of each symbol in one request; unknown symbols are absent."""

    def minute_bars(self, symbols: Sequence[str], start: datetime, end: datetime) -> Sequence[Bar]:
        """Return the one-minute bars that start in [start, end), by symbol, then time."""
