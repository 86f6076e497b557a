"""What the market says: bars, quotes, and the panel of bars that scoring works on."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bar:
    """Open, high, low, close and volume over the span that starts at ``at``."""

    symbol: str
    at: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True, slots=True)
class Quote:
    """The newest trade and best bid and ask of a symbol; ``day_volume`` is the session's so far."""

    symbol: str
    at: datetime
    bid: float
    ask: float
    last: float
    day_volume: float


@dataclass(frozen=True, slots=True)
class Panel:
    """The last N bars of several symbols on one time grid, oldest first.

    Arrays have the shape (symbols, bars), float64. A slot without a trade carries the previous
    close with volume 0; slots before a symbol's first bar are NaN.
    """

    symbols: tuple[str, ...]
    end: datetime
    span: timedelta
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


def halves(minute: Bar) -> tuple[Bar, Bar]:
    """Cut a one-minute bar into two of 30 seconds that merge back into it.

    They meet halfway between open and close. A falling minute had its high first, a rising one its
    low; the volume belongs to both alike.
    """
    middle, falling = (minute.open + minute.close) / 2, minute.open >= minute.close
    first = replace(
        minute,
        high=minute.high if falling else middle,
        low=middle if falling else minute.low,
        close=middle,
        volume=minute.volume / 2,
    )
    second = replace(
        minute,
        at=minute.at + timedelta(seconds=30),
        open=middle,
        high=middle if falling else minute.high,
        low=minute.low if falling else middle,
        volume=minute.volume / 2,
    )
    return first, second


def sampled_bar(before: Quote, after: Quote, start: datetime) -> Bar:
    """Return the bar between two samples of a symbol: it opens at the earlier, closes at the later.

    Volume is the growth of the day's volume; a new day's smaller count starts from zero.
    """
    grown = after.day_volume - before.day_volume
    return Bar(
        symbol=after.symbol,
        at=start,
        open=before.last,
        high=max(before.last, after.last),
        low=min(before.last, after.last),
        close=after.last,
        volume=grown if grown >= 0 else after.day_volume,
    )
