"""Virtual time and prices: one clock for the market, the machines and the database."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from app.adapters.port import BrokerClock
from app.engine.market import Quote
from app.io.calendar import ExchangeCalendar
from app.io.feeds.port import Bars, Quotes, Take

CALENDAR = ExchangeCalendar("XNYS")


@dataclass
class Market:
    """Prices and a time that move only when they are told to; ``told`` learns of each move."""

    at: datetime
    prices: dict[str, tuple[Decimal, Decimal]]
    told: Callable[[datetime], None]
    speed: float = field(default=1.0, init=False)

    def now(self) -> datetime:
        return self.at

    def wait(self, seconds: float) -> None:
        """Let time pass, or jump back where it is negative."""
        self.at += timedelta(seconds=seconds)
        self.told(self.at)

    def session(self) -> BrokerClock:
        hours = CALENDAR.session_for(self.at)
        coming = hours if self.at < hours.open else CALENDAR.next_after(hours.date)
        closing = hours if self.at < hours.close else coming
        is_open = hours.open <= self.at < hours.close
        return BrokerClock(self.at, is_open, coming.open, closing.close)

    def latest(self, symbols: Sequence[str], take: Take = lambda: None) -> Quotes:
        take()
        return Quotes({s: self.quote(s) for s in symbols if s in self.prices})

    def quote(self, symbol: str) -> Quote:
        bid, ask = (float(side) for side in self.prices[symbol])
        return Quote(symbol, self.at, bid, ask, (bid + ask) / 2, 1e6)

    def minute_bars(
        self, symbols: Sequence[str], start: datetime, end: datetime, take: Take
    ) -> Bars:
        """Return none: what is simulated begins at signals, which are given."""
        take()
        return Bars(())
