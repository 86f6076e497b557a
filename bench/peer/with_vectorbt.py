"""Both benchmarks in vectorbt: flexible order functions, compiled by numba, as a user writes them.

Counted are indicators, simulation and the curve of equity.
"""

import numpy as np
import vectorbt as vbt
from measuring import CASH, WARM_UP, Bars, CameTo, measure
from numba import njit
from vectorbt.portfolio.enums import Direction, NoOrder
from vectorbt.portfolio.nb import order_nb

MOST = 4


@njit
def ema(values: np.ndarray, span: int) -> np.ndarray:
    means, share = np.empty_like(values), 2 / (span + 1)
    means[0] = values[0]
    for bar in range(1, values.shape[0]):
        means[bar] = share * values[bar] + (1 - share) * means[bar - 1]
    return means


@njit
def atr(high: np.ndarray, low: np.ndarray, close: np.ndarray, span: int) -> np.ndarray:
    ranges = high - low
    for bar in range(1, close.shape[0]):
        for col in range(close.shape[1]):
            before = close[bar - 1, col]
            wide = max(high[bar, col], before) - min(low[bar, col], before)
            ranges[bar, col] = ranges[bar - 1, col] + (wide - ranges[bar - 1, col]) / span
    return ranges


@njit
def highest_before(high: np.ndarray, span: int) -> np.ndarray:
    tops = np.full_like(high, np.inf)
    for bar in range(span, high.shape[0]):
        for col in range(high.shape[1]):
            tops[bar, col] = high[bar - span : bar, col].max()
    return tops


@njit
def cross(c, opened, fast, slow):  # type: ignore[no-untyped-def]
    """Order at the open for what the bar before said."""
    before, held = c.i - 1, c.position_now > 0
    if before < WARM_UP:
        return NoOrder
    is_above = fast[before, 0] > slow[before, 0]
    was_above = fast[before - 1, 0] > slow[before - 1, 0]
    if is_above and not was_above and not held:
        return order_nb(100.0, opened[c.i, 0], direction=Direction.LongOnly)
    if not is_above and was_above and held:
        return order_nb(-100.0, opened[c.i, 0], direction=Direction.LongOnly)
    return NoOrder


def s1(bars: Bars) -> CameTo:
    fast, slow = ema(bars.close, 12), ema(bars.close, 26)
    portfolio = vbt.Portfolio.from_order_func(
        bars.close, cross, bars.open, fast, slow, init_cash=CASH, max_orders=bars.at.size // 10
    )
    return _came_to(portfolio)


@njit
def size_up(c, wish, close, away, pending):  # type: ignore[no-untyped-def]
    """Judge the bar before at its closes; entries wait in ``pending``."""
    before = c.i - 1
    if before >= WARM_UP:
        equity, taken = c.last_cash[c.group], 0
        for col in range(c.from_col, c.to_col):
            equity += c.last_position[col] * close[before, col]
            taken += c.last_position[col] > 0
        for col in range(c.from_col, c.to_col):
            if wish[before, col] and c.last_position[col] == 0 and taken < MOST:
                most = min(0.005 * equity / away[before, col], 0.24 * equity / close[before, col])
                pending[col] = np.floor(most)
                taken += pending[col] > 0
    return ()


@njit
def breakout(c, bars, stops, targets, pending, level):  # type: ignore[no-untyped-def]
    """Return the bar's next order: entries at the open first, then stops and targets."""
    opened, high, low = bars
    for col in range(c.from_col, c.to_col):
        if pending[col] > 0:
            size, pending[col] = pending[col], 0.0
            level[0, col], level[1, col] = stops[c.i - 1, col], targets[c.i - 1, col]
            return col, order_nb(size, opened[c.i, col], direction=Direction.LongOnly)
    for col in range(c.from_col, c.to_col):
        if c.last_position[col] > 0:
            price, stop, target = opened[c.i, col], level[0, col], level[1, col]
            if stop < price < target:
                price = stop if low[c.i, col] <= stop else target
                if low[c.i, col] > stop and high[c.i, col] < target:
                    continue
            return col, order_nb(-c.last_position[col], price, direction=Direction.LongOnly)
    return -1, NoOrder


def s2(bars: Bars) -> CameTo:
    ranges = atr(bars.high, bars.low, bars.close, 14)
    wish = (bars.close > ema(bars.close, 50)) & (bars.close > highest_before(bars.high, 20))
    stops = np.round(bars.close - 2 * ranges, 2)
    targets = np.round(bars.close + 3 * ranges, 2)
    pending, level = np.zeros(len(bars.symbols)), np.zeros((2, len(bars.symbols)))
    portfolio = vbt.Portfolio.from_order_func(
        bars.close,
        breakout,
        (bars.open, bars.high, bars.low),
        stops,
        targets,
        pending,
        level,
        flexible=True,
        pre_segment_func_nb=size_up,
        pre_segment_args=(wish, bars.close, 2 * ranges, pending),
        init_cash=CASH,
        cash_sharing=True,
        group_by=True,
        max_orders=bars.at.size,
    )
    return _came_to(portfolio)


def _came_to(portfolio: vbt.Portfolio) -> CameTo:
    orders = portfolio.order_records
    return CameTo(int((orders["side"] == 0).sum()), float(np.ravel(portfolio.value())[-1]))


if __name__ == "__main__":
    measure({"s1": s1, "s2": s2}, warm=True)
