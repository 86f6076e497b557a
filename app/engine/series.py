"""What one symbol's bars say up to each of them: recursions over a whole history, as plain loops.

Functions take and give arrays of the shape (bars,) without gaps, in the subset of Python that
numba compiles, and call nothing outside of this file: ``app.lab`` compiles this very source. Where
too few bars came before, the answer is NaN.
"""

import numpy as np

from app.engine.market import Floats


def exponential_mean(values: Floats, span: int) -> Floats:
    """Average with weights that fall by 1 - 2 / (span + 1) a bar, seeded with the first value."""
    means = np.empty_like(values)
    share = 2.0 / (span + 1)
    mean = values[0] if values.size else 0.0
    for bar in range(values.size):
        mean += share * (values[bar] - mean)
        means[bar] = mean
    return means


def average_true_range(high: Floats, low: Floats, close: Floats, span: int) -> Floats:
    """Smooth the true range as Wilder (1978) did: by 1 / span a bar, from the mean of the first."""
    ranges = np.full_like(close, np.nan)
    mean = 0.0
    for bar in range(close.size):
        before = close[bar - 1] if bar else close[bar]
        true_range = max(high[bar], before) - min(low[bar], before)
        if bar < span:
            mean += true_range / span
        else:
            mean += (true_range - mean) / span
        if bar >= span - 1:
            ranges[bar] = mean
    return ranges


def highest_before(values: Floats, span: int) -> Floats:
    """Return the highest of the ``span`` values before each, without its own."""
    tops = np.full_like(values, np.nan)
    top = -np.inf
    for bar in range(1, values.size):
        top = max(top, values[bar - 1])
        if bar > span and values[bar - span - 1] >= top:  # the highest has just gone out of sight
            top = values[bar - span : bar].max()
        if bar >= span:
            tops[bar] = top
    return tops


def lagged(values: Floats, span: int) -> Floats:
    """Return the value ``span`` bars before each."""
    before = np.full_like(values, np.nan)
    before[span:] = values[: max(values.size - span, 0)]
    return before
