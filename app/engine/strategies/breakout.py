"""Long when the close breaks out of its range above a rising mean; a stop and a target end it."""

from dataclasses import dataclass

import numpy as np

from app.engine.series import average_true_range, exponential_mean, highest_before
from app.engine.strategies.plan import Bars, Each, Plan, Rules


@dataclass(frozen=True, slots=True)
class Breakout:
    """Spans in bars; the stop's and the target's distance from the close in average true ranges."""

    trend: int = 50
    breakout: int = 20
    range: int = 14
    stop: float = 2.0
    target: float = 3.0


RULES = Rules(max_positions=4, warm_up=1000, risk_share=0.005, notional_share=0.24)


def plan(bars: Bars, of: Breakout, each: Each) -> Plan:
    """Enter above the mean and the highest high; levels are fixed there, rounded to cents."""
    mean = each(exponential_mean, bars.close, of.trend)
    top = each(highest_before, bars.high, of.breakout)
    risk = each(average_true_range, bars.high, bars.low, bars.close, of.range)
    enter = bars.close > mean
    enter &= bars.close > top
    close, away = bars.close[enter], risk[enter]
    risk *= of.stop
    stop, target = mean, top  # are done with, and new arrays of this size take time
    stop[enter] = np.round(close - of.stop * away, 2)
    target[enter] = np.round(close + of.target * away, 2)
    return Plan(enter, np.zeros_like(enter), stop, target, risk)
