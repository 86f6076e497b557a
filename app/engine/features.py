"""What bars say, as numbers in stated ranges: arrays (symbols, bars) in, the same shape out.

Every feature of a bar is a function of the ``BARS_NEEDED`` bars that end with it and of nothing
earlier: a symbol's live window and ten years of a panel give the very same numbers. Sums run over
lags, oldest first, so that the order of additions does not depend on the array's shape.
A bar with an unknown input has the feature NaN.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from app.engine.market import Floats, Panel

FAST, SLOW, TREND_WINDOW = 8, 21, 30
RANGE = 14
MOMENTUM, RETURNS = 10, 29
MEAN = 20
FLOW = 20
SHORT = 8
#: The longest look back of any feature, in bars.
BARS_NEEDED = 30

Feature = Callable[[Panel], Floats]


def trend(panel: Panel) -> Floats:
    """Spread of a fast and a slow exponential mean of the close, in average true ranges: (-1, 1).

    The spread is Appel's (MACD, 1979); the average true range is Wilder's (1978). Both means are
    cut off after their window and normalised, so that their memory is finite.
    """
    spread = _exponential(panel.close, FAST) - _exponential(panel.close, SLOW)
    return np.tanh(_ratio(spread, average_true_range(panel)) / 3)


def momentum(panel: Panel) -> Floats:
    """Return over ten bars in units of its own volatility: (-1, 1).

    Scaled by volatility after Moskowitz, Ooi and Pedersen (2012), "Time series momentum".
    """
    change = _ratio(panel.close, _lag(panel.close, MOMENTUM)) - 1
    return np.tanh(_ratio(change, _deviation(_returns(panel), RETURNS) * MOMENTUM**0.5) / 2)


def mean_reversion(panel: Panel) -> Floats:
    """Distance of the close from its moving mean in standard deviations, negated: (-1, 1).

    The z-score of Bollinger's bands (2001), read against the move.
    """
    away = panel.close - _mean(panel.close, MEAN)
    return -np.tanh(_ratio(away, _deviation(panel.close, MEAN)) / 2)


def volume(panel: Panel) -> Floats:
    """Share of recent volume traded on rising bars less that on falling bars: [-1, 1].

    Granville's on-balance volume (1963) over a window, by total volume; no volume is 0: nobody
    traded, which speaks for neither side.
    """
    flow = _mean(np.sign(_returns(panel)) * panel.volume, FLOW)
    total = _mean(panel.volume, FLOW)
    return np.where(total == 0, 0.0 * flow, _ratio(flow, total))


def volatility(panel: Panel) -> Floats:
    """Damping factor for restless markets: (0, 1].

    Usual over recent volatility where recent is the larger, after Moreira and Muir (2017),
    "Volatility-managed portfolios"; 1 in calm.
    """
    returns = _returns(panel)
    recent, usual = _deviation(returns, SHORT), _deviation(returns, RETURNS)
    return np.where(recent > usual, _ratio(usual, recent), 1.0 + 0.0 * (recent + usual))


#: What a weight may name; volatility is no opinion but a factor on all of them.
FEATURES: dict[str, Feature] = {
    "trend": trend,
    "momentum": momentum,
    "mean_reversion": mean_reversion,
    "volume": volume,
}


def average_true_range(panel: Panel) -> Floats:
    """Mean of the largest of high-low, high-previous close, previous close-low: Wilder (1978)."""
    before = _lag(panel.close, 1)
    true_range = np.maximum(panel.high, before) - np.minimum(panel.low, before)
    return _mean(true_range, RANGE)


def tail(panel: Panel, bars: int) -> Panel:
    """Return the panel's last ``bars`` bars."""
    return replace(
        panel,
        open=panel.open[:, -bars:],
        high=panel.high[:, -bars:],
        low=panel.low[:, -bars:],
        close=panel.close[:, -bars:],
        volume=panel.volume[:, -bars:],
    )


def _lag(x: Floats, bars: int) -> Floats:
    """Shift right by ``bars``; what has no past is NaN."""
    shifted = np.full_like(x, np.nan)
    if bars < x.shape[1]:
        shifted[:, bars:] = x[:, : x.shape[1] - bars]
    return shifted


def _returns(panel: Panel) -> Floats:
    return _ratio(panel.close, _lag(panel.close, 1)) - 1


def _mean(x: Floats, bars: int) -> Floats:
    total = _lag(x, bars - 1)
    for lag in range(bars - 2, -1, -1):
        total = total + _lag(x, lag)
    return total / bars


def _deviation(x: Floats, bars: int) -> Floats:
    mean = _mean(x, bars)
    squares = (_lag(x, bars - 1) - mean) ** 2
    for lag in range(bars - 2, -1, -1):
        squares = squares + (_lag(x, lag) - mean) ** 2
    return np.sqrt(squares / bars)


def _exponential(x: Floats, span: int) -> Floats:
    keep = 1 - 2 / (span + 1)
    weights = [keep**lag for lag in range(TREND_WINDOW)]
    total = weights[-1] * _lag(x, TREND_WINDOW - 1)
    for lag in range(TREND_WINDOW - 2, -1, -1):
        total = total + weights[lag] * _lag(x, lag)
    return total / sum(weights)


def _ratio(top: Floats, bottom: Floats) -> Floats:
    """Divide; a bottom of zero (a price that never moved) has no answer: NaN."""
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)
