"""What the market says: bars, quotes, and the panel of bars that scoring works on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

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


def sampled_bars(before: Quote, after: Quote, starts: Sequence[datetime]) -> list[Bar]:
    """Return the bars between two samples of a symbol, one a start, that merge into one.

    The first opens at the earlier sample, the last closes at the later. What happened in between
    nobody saw: as in ``halves`` the price is taken to have gone straight from one to the other,
    and the volume to have been spread evenly. The bars are known when the later sample is, and
    hold nothing that came after it. Volume is the growth of the day's volume; a new day's smaller
    count starts from zero.
    """
    count = len(starts)
    grown = after.day_volume - before.day_volume
    volume = (grown if grown >= 0 else after.day_volume) / count
    step = (after.last - before.last) / count
    ways = [*(before.last + n * step for n in range(count)), after.last]
    return [
        Bar(after.symbol, at, opened, max(opened, closed), min(opened, closed), closed, volume)
        for at, (opened, closed) in zip(starts, pairwise(ways), strict=True)
    ]
