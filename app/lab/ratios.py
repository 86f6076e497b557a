"""Ratios of daily returns: growth, volatility, reward for risk, and how much of it is luck.

Returns are shares, one a session, in arrays of shape (days,). Without a risk-free rate: it is 0.
"""

import math
from statistics import NormalDist

import numpy as np

from app.engine.market import Floats

#: Sessions of a year, by which everything is annualised.
SESSIONS = 252
#: Returns that vary less than this do not vary: it is how floats round.
_STILL = 1e-12
_NORMAL = NormalDist()


def cagr(growth: float, days: int) -> float | None:
    """Return the yearly growth that compounds to ``growth``, the last equity over the capital.

    None below two days; -1 where nothing is left.
    """
    if days < 2:
        return None
    if not growth > 0:
        return -1.0
    exponent = math.log(growth) * SESSIONS / days
    return math.expm1(exponent) if exponent < 700 else None


def volatility(returns: Floats) -> float | None:
    """Return the sample standard deviation, annualised; None below two days."""
    return float(np.std(returns, ddof=1)) * math.sqrt(SESSIONS) if len(returns) > 1 else None


def sharpe(returns: Floats, a_year: int = SESSIONS) -> float | None:
    """Return mean over standard deviation, for ``a_year`` periods; None where nothing varies.

    Sharpe, "The Sharpe Ratio", Journal of Portfolio Management 21 (1994).
    """
    if len(returns) < 2:
        return None
    spread = float(np.std(returns, ddof=1))
    if not spread > _STILL:
        return None
    return float(np.mean(returns)) / spread * math.sqrt(a_year)


def sortino(returns: Floats) -> float | None:
    """Return mean over downside deviation, annualised; None where no day lost.

    Sortino and Price, "Performance Measurement in a Downside Risk Framework", Journal of Investing
    3 (1994), with a target of 0: the deviation counts every day, those that gained as 0.
    """
    if len(returns) < 2:
        return None
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0) ** 2)))
    if not downside > _STILL:
        return None
    return float(np.mean(returns)) / downside * math.sqrt(SESSIONS)


def calmar(growth_a_year: float | None, deepest: float) -> float | None:
    """Return yearly growth over the deepest drawdown's share; None where there is none.

    Young, "Calmar Ratio: A Smoother Tool", Futures 20 (1991), over the whole span.
    """
    return None if growth_a_year is None or not deepest > _STILL else growth_a_year / deepest


def skew(returns: Floats) -> float | None:
    """Return the third standardised moment; None where nothing varies."""
    return _moment(returns, 3)


def kurtosis(returns: Floats) -> float | None:
    """Return the fourth standardised moment, 3 for normal returns; None where nothing varies."""
    return _moment(returns, 4)


def expected_max_sharpe(trials: int, variance: float) -> float | None:
    """Return the best Sharpe ratio to expect of ``trials`` that are all worth nothing.

    ``variance`` is that of the trials' ratios and gives the unit. Of one trial it is 0. None where
    ``variance`` is no variance or there is no trial. Bailey and López de Prado, "The Deflated
    Sharpe Ratio", Journal of Portfolio Management 40 (2014), equation 1 with a mean of 0.
    """
    if trials < 1 or not 0 <= variance < math.inf:
        return None
    if trials == 1:
        return 0.0
    best = -_NORMAL.inv_cdf(1 / trials)  # of 1 - 1 / trials, which floats round to 1 for many
    second = -_NORMAL.inv_cdf(1 / (trials * math.e))
    return math.sqrt(variance) * ((1 - np.euler_gamma) * best + np.euler_gamma * second)


def probability_above(
    ratio: float, benchmark: float, days: int, skewed: float, tailed: float
) -> float | None:
    """Return how likely the true Sharpe ratio is above ``benchmark``, both of one day.

    ``skewed`` and ``tailed`` are skew and kurtosis (3 is normal). None where the estimate has no
    error to judge by. Bailey and López de Prado (2014), equation 2.
    """
    error = 1 - skewed * ratio + (tailed - 1) / 4 * ratio**2
    if days < 2 or not error > _STILL:
        return None
    return _NORMAL.cdf((ratio - benchmark) * math.sqrt((days - 1) / error))


def deflated_sharpe(returns: Floats, trials: int = 1, variance: float = 0.0) -> float | None:
    """Return how likely returns are worth something, being the best of ``trials``.

    ``variance`` is that of the trials' Sharpe ratios of one day (``sharpe(returns, a_year=1)``).
    With one trial it is the probability that the Sharpe ratio is above 0. None where nothing
    varies.
    """
    ratio, luck = sharpe(returns, a_year=1), expected_max_sharpe(trials, variance)
    skewed, tailed = skew(returns), kurtosis(returns)
    if ratio is None or luck is None or skewed is None or tailed is None:
        return None
    return probability_above(ratio, luck, len(returns), skewed, tailed)


def _moment(returns: Floats, power: int) -> float | None:
    if len(returns) < 2:
        return None
    away = returns - np.mean(returns)
    spread = float(np.std(returns))
    return float(np.mean((away / spread) ** power)) if spread > _STILL else None
