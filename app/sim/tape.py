"""One symbol's minute bars and the trades that each of them is made of."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

#: When a minute trades: at the open, at one extreme, half-way between the two, at the other, at the
#: close. Extremes are visited late in each half minute, so that prices sampled every 30 seconds,
#: and somewhat late, follow the market instead of jumping between its extremes.
TICKS = (0, 20, 30, 45, 55)
TRADES_A_MINUTE = len(TICKS)

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade of the path: price as a decimal, size in shares, and which bar and tick it is."""

    at: float
    price: Decimal
    size: int
    bar: int
    tick: int


@dataclass(frozen=True, slots=True)
class Tape:
    """Minute bars of one symbol, sorted by start (epoch seconds); prices have at most 4 decimals.

    ``low_first`` says in which order a minute visits its extremes. ``derived`` is the rule by which
    the bars were made from another symbol's, empty for a tape of its own.
    """

    symbol: str
    starts: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    low_first: NDArray[np.bool_]
    derived: str = ""

    def bar_at(self, now: float) -> int:
        """Return the index of the last bar that has started, -1 before the first."""
        return int(np.searchsorted(self.starts, now, side="right")) - 1

    def completed(self, now: float) -> int:
        """Return how many bars are over."""
        return int(np.searchsorted(self.starts, now - 60, side="right"))

    def span(self, start: float, end: float) -> tuple[int, int]:
        """Return the half-open range of bars that start in [start, end]."""
        first = int(np.searchsorted(self.starts, start, side="left"))
        return first, int(np.searchsorted(self.starts, end, side="right"))

    def price(self, bar: int, tick: int) -> Decimal:
        """Return the price of one of a minute's trades."""
        low, high = float(self.low[bar]), float(self.high[bar])
        first, second = (low, high) if self.low_first[bar] else (high, low)
        path = (float(self.open[bar]), first, (low + high) / 2, second, float(self.close[bar]))
        return Decimal(str(round(path[tick], 4)))

    def trade(self, bar: int, tick: int) -> Trade:
        """Return one of a minute's trades; their sizes sum up to the bar's volume."""
        volume = int(self.volume[bar])
        size = volume // TRADES_A_MINUTE + (tick < volume % TRADES_A_MINUTE)
        at = float(self.starts[bar]) + TICKS[tick]
        return Trade(at, self.price(bar, tick), size, bar, tick)

    def last_trade(self, now: float) -> Trade | None:
        """Return the newest trade, None before the first."""
        bar = self.bar_at(now)
        if bar < 0:
            return None
        since = now - float(self.starts[bar])
        return self.trade(bar, bisect_right(TICKS, since) - 1)

    def trades(self, start: float, end: float) -> Iterator[Trade]:
        """Yield the trades in [start, end], oldest first."""
        first, last = self.span(start - 60, end)
        for bar in range(first, last):
            for tick in range(TRADES_A_MINUTE):
                trade = self.trade(bar, tick)
                if start <= trade.at <= end:
                    yield trade


def tick_after(at: float) -> float:
    """Return the next moment at which any market trades."""
    minute = at // 60 * 60
    place = bisect_right(TICKS, at - minute)
    return minute + (TICKS[place] if place < TRADES_A_MINUTE else 60)


def low_first(symbol: str, starts: NDArray[np.int64], seed: int) -> NDArray[np.bool_]:
    """Draw for each minute whether it visits its low before its high, from the inputs alone."""
    salt = np.uint64(int.from_bytes(symbol.encode().ljust(8, b"\0")[:8], "little") ^ seed)
    with np.errstate(over="ignore"):
        z = starts.astype(np.uint64) * _STEP + salt
        z = (z ^ (z >> np.uint64(30))) * _MIX[0]
        z = (z ^ (z >> np.uint64(27))) * _MIX[1]
    return ((z ^ (z >> np.uint64(31))) & np.uint64(1)).astype(np.bool_)
