"""What one symbol's bars say up to each of them: recursions over a whole history, as plain loops.

Functions take and give arrays of the shape (bars,) without gaps, in the subset of Python that
numba compiles, and call nothing outside of this file: ``app.lab`` compiles this very source. Where
too few bars came before, the answer is NaN.
"""

import numpy as np

from app.engine.market import Floats


def exponential_mean(values: Floats, span: int) -> Floats:
    """Average with weights that fall by 1 - 2 / (span + 1) a bar, seeded with the first value."""
    means = values.copy()
    share = 2.0 / (span + 1)
    for bar in range(1, values.size):
        means[bar] = share * values[bar] + (1.0 - share) * means[bar - 1]
    return means


def average_true_range(high: Floats, low: Floats, close: Floats, span: int) -> Floats:
    """Smooth the true range as Wilder (1978) did: by 1 / span a bar, from the mean of the first."""
    ranges = high - low
    for bar in range(1, close.size):
        ranges[bar] = max(high[bar], close[bar - 1]) - min(low[bar], close[bar - 1])
    mean, share = ranges[:span].sum() / span, 1.0 / span
    ranges[: span - 1] = np.nan
    ranges[span - 1 : span] = mean
    for bar in range(span, ranges.size):
        mean = share * ranges[bar] + (1.0 - share) * mean
        ranges[bar] = mean
    return ranges


def highest_before(values: Floats, span: int) -> Floats:
    """Return the highest of the ``span`` values before each, without its own."""
    tops = np.full_like(values, np.nan)
    top, age = -np.inf, 0
    for bar in range(1, values.size):
        age += 1
        if values[bar - 1] >= top:
            top, age = values[bar - 1], 0
        elif age >= span:  # the highest has just gone out of sight
            top = -np.inf
            for place in range(max(bar - span, 0), bar):
                if values[place] >= top:
                    top, age = values[place], bar - 1 - place
        if bar >= span:
            tops[bar] = top
    return tops


def lagged(values: Floats, span: int) -> Floats:
    """Return the value ``span`` bars before each."""
    before = np.full_like(values, np.nan)
    before[span:] = values[: max(values.size - span, 0)]
    return before
