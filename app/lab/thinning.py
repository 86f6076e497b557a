"""Long series made short enough to draw, without losing how high and how low they went."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.engine.market import Floats
from app.lab.result import Candles

Places = NDArray[np.intp]


class Buckets(NamedTuple):
    """Neighbours that are drawn as one: where each bucket starts, ``size`` bars at most."""

    starts: Places
    size: int


def buckets(bars: int, most: int) -> Buckets:
    """Return at most ``most`` buckets that cover ``bars`` bars, alike in size."""
    size = max(1, -(-bars // most))
    return Buckets(np.arange(0, bars, size, dtype=np.intp), size)


def extremes(values: Floats, within: Buckets) -> Places:
    """Return the places of each bucket's start, lowest and highest value, and of the last of all.

    Ascending, each once.
    """
    if within.size == 1:
        return within.starts
    parts = np.split(values, within.starts[1:])
    low = within.starts + [int(np.argmin(part)) for part in parts]
    high = within.starts + [int(np.argmax(part)) for part in parts]
    return np.unique(np.concatenate((within.starts, low, high, [len(values) - 1])))


def means(values: Floats, within: Buckets) -> Floats:
    """Return the mean of each bucket. Shape (buckets,)."""
    counts = np.diff(np.append(within.starts, len(values)))
    mean: Floats = np.add.reduceat(values, within.starts) / counts
    return mean


def candles(of: Candles, within: Buckets) -> Candles:
    """Return one candle a bucket: its first open, highest, lowest and last close."""
    ends = np.append(within.starts[1:], len(of.at)) - 1
    return Candles(
        at=of.at[within.starts],
        open=of.open[within.starts],
        high=np.maximum.reduceat(of.high, within.starts),
        low=np.minimum.reduceat(of.low, within.starts),
        close=of.close[ends],
    )


def largest(values: Floats, most: int) -> Places:
    """Return the places, ascending, of the ``most`` values that are farthest from 0."""
    if len(values) <= most:
        return np.arange(len(values))
    return np.sort(np.argsort(-np.abs(values), kind="stable")[:most])


def cloud(columns: tuple[Floats, ...], most: int) -> Places:
    """Return at most ``most`` places, evenly chosen, a fifth of them each column's farthest out."""
    rows = len(columns[0])
    if rows <= most:
        return np.arange(rows)
    outer = [largest(column, most // 5 // len(columns)) for column in columns]
    even = np.linspace(0, rows - 1, most - most // 5).astype(np.intp)
    return np.unique(np.concatenate((even, *outer)))
