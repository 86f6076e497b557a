"""Figures of a run over the past: what it earned, for what risk, and how its trades ended."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np

from app.engine import performance
from app.engine.errors import InvalidData
from app.engine.market import Floats
from app.lab import drawdown, ratios
from app.lab.daily import Daily, daily
from app.lab.drawdown import Fall
from app.lab.result import Result, Trades


@dataclass(frozen=True, slots=True)
class Searched:
    """Of how many trials a run is the best, and the variance of their Sharpe ratios of one day."""

    trials: int = 1
    variance: float = 0.0


@dataclass(frozen=True, slots=True)
class Day:
    """A day, and what it returned as a share."""

    date: date
    returned: float


@dataclass(frozen=True, slots=True)
class Traded:
    """How trades ended, after fees, in the account's currency; None where there is none to ask.

    ``expectancy`` is the mean gain of a trade; ``average_loss`` is below 0. ``profit_factor`` is
    None where nothing was lost.
    """

    count: int
    gained: float
    fees: float
    win_rate: float | None
    profit_factor: float | None
    expectancy: float | None
    average_win: float | None
    average_loss: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """A run in numbers. Rates are shares, a year has 252 sessions; None is what has no answer.

    ``in_market`` is the share of bars at whose close anything was held, ``exposure`` the mean of
    what was held over the equity, ``turnover`` half of all that was bought and sold in a year over
    the mean equity. ``deflated_sharpe`` is the probability that the Sharpe ratio is no luck,
    ``expected_max_sharpe`` the annualised one that luck alone would have brought.
    """

    days: int
    equity: float
    total_return: float | None
    cagr: float | None
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    drawdown: Fall | None
    under_water: timedelta
    best_day: Day | None
    worst_day: Day | None
    in_market: float | None
    exposure: float | None
    turnover: float | None
    deflated_sharpe: float | None
    expected_max_sharpe: float | None
    traded: Traded


def figures(of: Result, searched: Searched | None = None) -> Figures:
    """Return the figures of a run. Raises InvalidData where any money in it is no number."""
    if not (np.isfinite(of.capital) and np.isfinite(of.exposure).all()):
        raise InvalidData("the capital, or the value of what was held at some bar, is no number")
    among = searched or Searched()
    days = daily(of.at, of.equity, of.capital, ZoneInfo(of.zone))
    last = float(of.equity[-1]) if len(of.equity) else of.capital
    growth = last / of.capital if of.capital > 0 else None
    grown = None if growth is None else ratios.cagr(growth, len(days.dates))
    fall = drawdown.deepest(of.at, of.equity, of.capital)
    luck = ratios.expected_max_sharpe(among.trials, among.variance)
    return Figures(
        days=len(days.dates),
        equity=last,
        total_return=None if growth is None else growth - 1,
        cagr=grown,
        volatility=ratios.volatility(days.returns),
        sharpe=ratios.sharpe(days.returns),
        sortino=ratios.sortino(days.returns),
        calmar=ratios.calmar(grown, fall.share if fall else 0.0),
        drawdown=fall,
        under_water=drawdown.longest_under_water(of.at, of.equity, of.capital),
        best_day=_day(days, np.argmax(days.returns)) if len(days.dates) else None,
        worst_day=_day(days, np.argmin(days.returns)) if len(days.dates) else None,
        in_market=float(np.mean(of.exposure != 0)) if len(of.at) else None,
        exposure=_exposure(of.exposure, of.equity),
        turnover=_turnover(of, len(days.dates)),
        deflated_sharpe=ratios.deflated_sharpe(days.returns, among.trials, among.variance),
        expected_max_sharpe=None if luck is None else luck * ratios.SESSIONS**0.5,
        traded=traded(of.trades.gained, float(of.trades.fees.sum())),
    )


def traded(gains: Floats, fees: float) -> Traded:
    """Return how trades ended that gained so much each, after ``fees`` in all.

    Raises InvalidData where a gain is not a number.
    """
    if not np.isfinite(gains).all():
        raise InvalidData(f"{int((~np.isfinite(gains)).sum())} trades have no number as gain")
    exact = [Decimal(float(gain)) for gain in gains]
    return Traded(
        count=len(gains),
        gained=float(gains.sum()),
        fees=fees,
        win_rate=performance.win_rate(exact),
        profit_factor=performance.profit_factor(exact),
        expectancy=_mean(gains),
        average_win=_mean(gains[gains > 0]),
        average_loss=_mean(gains[gains < 0]),
    )


def returns(trades: Trades) -> Floats:
    """Return what each trade gained after fees as a share of what it cost; 0 where it cost 0."""
    cost = np.abs(trades.entry_price * trades.quantity)
    shares: Floats = np.divide(trades.gained, cost, out=np.zeros(len(trades)), where=cost > 0)
    return shares


def _exposure(held: Floats, equity: Floats) -> float | None:
    alive = equity > 0
    return float(np.mean(np.abs(held[alive]) / equity[alive])) if alive.any() else None


def _turnover(of: Result, days: int) -> float | None:
    mean = float(np.mean(of.equity)) if days else 0.0
    if not mean > 0:
        return None
    sides = (of.trades.entry_price + of.trades.exit_price) * np.abs(of.trades.quantity)
    return float(sides.sum()) / 2 / mean / (days / ratios.SESSIONS)


def _day(days: Daily, place: np.intp) -> Day:
    return Day(days.dates[place].astype(date), float(days.returns[place]))


def _mean(values: Floats) -> float | None:
    return float(np.mean(values)) if len(values) else None
