"""Falls of a curve of equity from its peaks: how deep, from when to when, and how long."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from app.engine.market import Floats
from app.lab.result import Moments


@dataclass(frozen=True, slots=True)
class Fall:
    """The deepest fall: as money, and as a share of its peak in [0, 1].

    It began at the peak, was deepest at the bottom and ended where the peak was reached again:
    None where it was not.
    """

    amount: float
    share: float
    peak_at: datetime
    bottom_at: datetime
    recovered_at: datetime | None


def peaks(equity: Floats, capital: float) -> Floats:
    """Return the highest equity so far at each bar, the capital counted. Shape (bars,)."""
    highest: Floats = np.maximum.accumulate(np.maximum(equity, capital))
    return highest


def shares(equity: Floats, capital: float) -> Floats:
    """Return how far below its peak each bar is, as a share of it in [0, 1]. Shape (bars,).

    What is below 0 has lost all; a peak of 0 or less cannot be fallen from.
    """
    highest = peaks(equity, capital)
    fallen = np.zeros(len(equity))
    real = highest > 0
    fallen[real] = np.minimum((highest[real] - equity[real]) / highest[real], 1)
    return fallen


def deepest(at: Moments, equity: Floats, capital: float) -> Fall | None:
    """Return the deepest fall by its share, the first of equals; None where nothing fell.

    What ``engine.performance.max_drawdown`` says of a curve to which no money came, for millions
    of bars, with its dates.
    """
    fallen = shares(equity, capital)
    if not fallen.any():
        return None
    bottom = int(np.argmax(fallen))
    peak = peaks(equity, capital)[bottom]
    on_top = np.flatnonzero(equity[:bottom] >= peak)
    again = np.flatnonzero(equity[bottom:] >= peak)
    return Fall(
        amount=float(peak - equity[bottom]),
        share=float(fallen[bottom]),
        peak_at=_moment(at[on_top[-1] if len(on_top) else 0]),
        bottom_at=_moment(at[bottom]),
        recovered_at=_moment(at[bottom + again[0]]) if len(again) else None,
    )


def longest_under_water(at: Moments, equity: Floats, capital: float) -> timedelta:
    """Return the longest span from a peak until it was reached again, or until the end."""
    under = equity < peaks(equity, capital)
    on_top = np.maximum.accumulate(np.where(under, 0, np.arange(len(at))))
    since = np.concatenate(([0], on_top))[: len(at)]
    wet = under | np.concatenate(([False], under))[: len(at)]
    longest = (at - at[since])[wet].max(initial=0)
    return timedelta(microseconds=int(longest) // 1000)


def _moment(nanoseconds: np.int64) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(nanoseconds) // 1000)
