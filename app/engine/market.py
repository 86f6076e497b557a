"""What the market says: bars, quotes, and the panel of bars that scoring works on."""

from dataclasses import dataclass
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
