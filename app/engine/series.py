"""What one symbol's bars say up to each of them: recursions over a whole history, as plain loops.

Functions take arrays of the shape (bars,) without gaps and fill ``into``, of the same shape. They
are written in the subset of Python that numba compiles and call nothing outside of this file:
``app.lab`` compiles this very source. Where too few bars came before, the answer is NaN.
"""

import numpy as np

from app.engine.market import Floats


def exponential_mean(values: Floats, span: int, into: Floats) -> None:
    """Average with weights that fall by 1 - 2 / (span + 1) a bar, seeded with the first value."""
    into[:1] = values[:1]
    share = 2.0 / (span + 1)
    for bar in range(1, values.size):
        into[bar] = share * values[bar] + (1.0 - share) * into[bar - 1]


def average_true_range(high: Floats, low: Floats, close: Floats, span: int, into: Floats) -> None:
    """Smooth the true range as Wilder (1978) did: by 1 / span a bar, from the mean of the first."""
    share, total = 1.0 / span, 0.0
    for bar in range(close.size):
        before = close[max(bar - 1, 0)]
        true_range = max(high[bar], before) - min(low[bar], before)
        if bar < span:
            total += true_range
            into[bar] = total * share if bar == span - 1 else np.nan
        else:
            into[bar] = share * true_range + (1.0 - share) * into[bar - 1]


def highest_before(values: Floats, span: int, into: Floats) -> None:
    """Find the highest of the ``span`` values before each, without its own."""
    into[:span] = np.nan
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
            into[bar] = top


def crossings(values: Floats, into: Floats) -> None:
    """Mark with 1 where values that were not above zero rise above it, with -1 where they fall."""
    into[:1] = 0.0
    for bar in range(1, values.size):
        rises = values[bar] > 0.0 and values[bar - 1] <= 0.0
        falls = values[bar] < 0.0 and values[bar - 1] >= 0.0
        into[bar] = 1.0 if rises else -1.0 if falls else 0.0
