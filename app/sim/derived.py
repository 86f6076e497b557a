"""Tapes made from other symbols' tapes by a stated rule."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from app.sim.tape import Tape

Floats = NDArray[np.float64]


def inverse(of: Tape, symbol: str, times: float, first_price: float) -> Tape:
    """Return a fund whose every minute returns ``-times`` what ``of`` returns.

    A minute starts at the previous close, so that its open, extremes and close are the fund's
    previous close times one minus ``times`` the original's return since then; highs mirror lows.
    """
    before = np.concatenate([of.open[:1], of.close[:-1]])
    close_factor = 1 - times * (of.close / before - 1)
    base = first_price * np.concatenate([[1.0], np.cumprod(close_factor)[:-1]])

    def mirrored(prices: Floats) -> Floats:
        mirror: Floats = np.round(base * (1 - times * (prices / before - 1)), 4)
        return mirror

    return Tape(
        symbol=symbol,
        starts=of.starts,
        open=mirrored(of.open),
        high=mirrored(of.low),
        low=mirrored(of.high),
        close=mirrored(of.close),
        volume=of.volume,
        low_first=~of.low_first,
        derived=f"-{times:g} x the minute returns of {of.symbol}",
    )


def same(of: Tape, symbol: str) -> Tape:
    """Return another share class of ``of``, priced alike."""
    return replace(of, symbol=symbol, derived=f"= {of.symbol}")
