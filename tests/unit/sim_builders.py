"""Small worlds for the simulated exchange's tests: two sessions, a few symbols, a clock by hand."""

from datetime import date, time
from decimal import Decimal
from typing import Any

import numpy as np

from app.sim.clock import SimClock
from app.sim.exchange import Exchange, Update
from app.sim.market import Market
from app.sim.settings import Terms
from app.sim.tape import Tape, low_first
from app.sim.times import new_york
from app.sim.timetable import Session, Timetable

DAYS = [date(2026, 3, 19), date(2026, 3, 20), date(2026, 3, 23), date(2026, 3, 24)]
FRIDAY = DAYS[1]
SESSIONS = [Session(d, new_york(d, time(9, 30)), new_york(d, time(16))) for d in DAYS]
TIMETABLE = Timetable(SESSIONS)


class HandClock:
    """A wall that stands still until a test moves it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def a_tape(symbol: str = "AAPL", volume: int = 40_000, **prices: list[float]) -> Tape:
    """Three sessions of minute bars; ``close`` repeats, the other prices default to it."""
    starts = np.concatenate([np.arange(s.open, s.close, 60, dtype=np.int64) for s in SESSIONS[:3]])
    close = np.resize(np.array(prices.get("close", [100.0])), starts.size)
    columns = {
        name: np.resize(np.array(prices[name]), starts.size) if name in prices else close
        for name in ("open", "high", "low")
    }
    return Tape(
        symbol=symbol,
        starts=starts,
        close=close,
        volume=np.full(starts.size, float(volume)),
        low_first=low_first(symbol, starts, 1),
        **columns,
    )


class Desk:
    """An exchange at a time of Friday, New York, and everything that it said."""

    def __init__(self, *tapes: Tape, at: time = time(9, 20), terms: Terms | None = None) -> None:
        self.wall = HandClock()
        clock = SimClock(new_york(FRIDAY, at), 1.0, self.wall)
        market = Market({t.symbol: t for t in tapes or (a_tape(),)}, "test")
        self.exchange = Exchange(market, TIMETABLE, clock, terms or Terms())
        self.updates: list[Update] = []
        self.exchange.on_update = self.updates.append
        self._sent = 0

    def until(self, at: time, day: date = FRIDAY) -> None:
        """Let the market act until a time, New York."""
        self.wall.seconds += new_york(day, at) - self.exchange.clock.now()
        self.exchange.advance()

    def send(self, **changes: Any) -> str:
        """Send an order, by default to buy 10 AAPL at the market; returns its id."""
        body = {
            "symbol": "AAPL",
            "qty": "10",
            "side": "buy",
            "type": "market",
            "time_in_force": "day",
            **changes,
        }
        return self.exchange.submit({k: v for k, v in body.items() if v is not None})[0].id

    def status(self, order_id: str) -> str:
        return self.exchange.book.find(order_id).status

    def average(self, order_id: str) -> Decimal | None:
        return self.exchange.book.find(order_id).average

    def events(self, order_id: str) -> list[str]:
        return [u.event for u in self.updates if u.order.id == order_id]
