"""What a run over the past came to: money bar by bar, trades, and why the others were not made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from app.engine.funnel import Stage
from app.engine.market import Floats

Moments = NDArray[np.int64]
Codes = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Trades:
    """Positions from flat to flat, a row each, in the order in which they ended.

    All arrays have the shape (trades,). ``symbol`` is a place in ``symbols``, ``opened_by`` and
    ``closed_by`` one in ``why``: a strategy's or a basket's name, and the purpose of the sale.
    Moments are nanoseconds UTC, prices and fees in the account's currency. ``worst`` and ``best``
    are the excursions while it was held (MAE, MFE), as shares of the entry price: the one at most
    0, the other at least 0.
    """

    symbols: tuple[str, ...]
    why: tuple[str, ...]
    symbol: Codes
    quantity: Floats
    entry_at: Moments
    entry_price: Floats
    exit_at: Moments
    exit_price: Floats
    fees: Floats
    opened_by: Codes
    closed_by: Codes
    worst: Floats
    best: Floats

    @property
    def gained(self) -> Floats:
        """Return what each trade gained after fees, in the account's currency."""
        gross: Floats = (self.exit_price - self.entry_price) * self.quantity
        return gross - self.fees

    def __len__(self) -> int:
        return len(self.quantity)


@dataclass(frozen=True, slots=True)
class Candles:
    """One symbol's bars as they are drawn: moments are their starts; arrays have shape (bars,)."""

    at: Moments
    open: Floats
    high: Floats
    low: Floats
    close: Floats


@dataclass(frozen=True, slots=True)
class Result:
    """A run of one book over [began, ended].

    ``at``, ``equity`` and ``exposure`` (the value of what is held) have the shape (bars,): as of
    the close of each bar. ``changes`` are the settings that differ from the book's own, by flat
    name, ``settings`` is the fingerprint of all in force. ``warnings`` say what was wrong with the
    data, and how much of it. ``zone`` is the exchange's, by its IANA name: its dates are the days.
    """

    name: str
    book: str
    strategy: str
    settings: str
    currency: str
    began: datetime
    ended: datetime
    capital: float
    at: Moments
    equity: Floats
    exposure: Floats
    trades: Trades
    funnel: tuple[Stage, ...] = ()
    changes: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    candles: Mapping[str, Candles] = field(default_factory=dict)
    zone: str = "UTC"
