"""What bars say, as numbers in stated ranges: arrays (symbols, bars) in, the same shape out.

Every feature of a bar is a function of the ``BARS_NEEDED`` bars that end with it and of nothing
earlier: a symbol's live window and ten years of a panel give the very same numbers. Sums run over
lags, oldest first, so that the order of additions does not depend on the array's shape.
A bar with an unknown input has the feature NaN.

Sums are made in place, over the bars that have a whole window; they are fastest where a bar's
symbols lie side by side in memory (Fortran's order), which changes no number.
"""

from collections.abc import Callable, Sequence
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
    cut off after their window and normalised, so that their memory is finite; their difference is
    one weighted sum. trend = tanh(spread / (3 x average true range)).
    """
    spread = _weighted(panel.close, _SPREAD)
    return _squashed(_ratio(spread, average_true_range(panel)), 3)


def momentum(panel: Panel) -> Floats:
    """Return over ten bars in units of its own volatility: (-1, 1).

    Scaled by volatility after Moskowitz, Ooi and Pedersen (2012), "Time series momentum".
    momentum = tanh(return / (2 x deviation of 29 returns x root of 10)).
    """
    change = _ratio(panel.close, _lag(panel.close, MOMENTUM))
    change -= 1
    expected = _deviation(_returns(panel), RETURNS)
    expected *= MOMENTUM**0.5
    return _squashed(_ratio(change, expected), 2)


def mean_reversion(panel: Panel) -> Floats:
    """Distance of the close from its moving mean in standard deviations, negated: (-1, 1).

    The z-score of Bollinger's bands (2001), read against the move.
    mean_reversion = tanh((mean of 20 - close) / (2 x deviation of 20)).
    """
    away = _mean(panel.close, MEAN)
    away -= panel.close
    return _squashed(_ratio(away, _deviation(panel.close, MEAN)), 2)


def volume(panel: Panel) -> Floats:
    """Share of recent volume traded on rising bars less that on falling bars: [-1, 1].

    Granville's on-balance volume (1963) over a window of 20, by total volume; no volume is 0:
    nobody traded, which speaks for neither side.
    """
    signed = _returns(panel)
    np.sign(signed, out=signed)
    signed *= panel.volume
    flow, total = _mean(signed, FLOW), _mean(panel.volume, FLOW)
    share = _ratio(flow, total)
    np.copyto(share, 0.0 * flow, where=total == 0)
    return share


def volatility(panel: Panel) -> Floats:
    """Damping factor for restless markets: (0, 1].

    Usual (29 returns) over recent (8) volatility where recent is the larger, after Moreira and
    Muir (2017), "Volatility-managed portfolios"; 1 in calm.
    """
    returns = _returns(panel)
    recent, usual = _deviation(returns, SHORT), _deviation(returns, RETURNS)
    restless = recent > usual
    factor = 0.0 * (recent + usual)
    factor += 1
    return np.divide(usual, recent, out=factor, where=restless)


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
    true_range = np.maximum(panel.high, before)
    true_range -= np.minimum(panel.low, before, out=before)
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
    shifted = np.empty_like(x)
    shifted[:, :bars] = np.nan
    shifted[:, bars:] = x[:, : max(x.shape[1] - bars, 0)]
    return shifted


def _returns(panel: Panel) -> Floats:
    change = _ratio(panel.close, _lag(panel.close, 1))
    change -= 1
    return change


def _windows(x: Floats, bars: int) -> list[Floats]:
    """Return the bars of every whole window by their place in it, oldest first, without a copy."""
    whole = max(x.shape[1] - bars + 1, 0)
    return [x[:, place : place + whole] for place in range(bars)]


def _padded(x: Floats, bars: int) -> tuple[Floats, Floats]:
    """Return an array like ``x``, NaN where no whole window ends, and its part where one does."""
    result = np.empty_like(x)
    result[:, : bars - 1] = np.nan
    return result, result[:, bars - 1 :]


def _mean(x: Floats, bars: int) -> Floats:
    result, total = _padded(x, bars)
    oldest, *newer = _windows(x, bars)
    total[...] = oldest
    for part in newer:
        total += part
    total /= bars
    return result


def _deviation(x: Floats, bars: int) -> Floats:
    """Return the deviation of each window from its own mean; two passes, because one cancels."""
    result, squares = _padded(x, bars)
    mean = _mean(x, bars)[:, bars - 1 :]
    away = np.empty_like(mean)
    squares[...] = 0
    for part in _windows(x, bars):
        np.subtract(part, mean, out=away)
        away *= away
        squares += away
    squares /= bars
    np.sqrt(squares, out=squares)
    return result


def _weighted(x: Floats, weights: Sequence[float]) -> Floats:
    """Return the sum of each window's bars by weight, the oldest bar's first."""
    result, total = _padded(x, len(weights))
    total[...] = 0
    product = np.empty_like(total)
    for part, weight in zip(_windows(x, len(weights)), weights, strict=True):
        total += np.multiply(part, weight, out=product)
    return result


def _exponential(span: int) -> list[float]:
    """Return the weights of an exponential mean over the window, the oldest bar's first."""
    keep = 1 - 2 / (span + 1)
    weights = [keep**lag for lag in range(TREND_WINDOW - 1, -1, -1)]
    return [weight / sum(weights) for weight in weights]


_SPREAD = [fast - slow for fast, slow in zip(_exponential(FAST), _exponential(SLOW), strict=True)]


def _ratio(top: Floats, bottom: Floats) -> Floats:
    """Divide; a bottom of zero (a price that never moved) has no answer: NaN."""
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)


def _squashed(x: Floats, by: float) -> Floats:
    """Return tanh(x / by), in place."""
    x /= by
    return np.tanh(x, out=x)
