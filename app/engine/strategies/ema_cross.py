"""Long while a fast exponential mean of the closes is above a slow one."""

from dataclasses import dataclass

import numpy as np

from app.engine.series import crossings, exponential_mean
from app.engine.strategies.plan import Bars, Each, Plan, Rules


@dataclass(frozen=True, slots=True)
class EmaCross:
    """Spans of the two means, in bars."""

    fast: int = 12
    slow: int = 26


RULES = Rules(max_positions=1, warm_up=1000, lot=100)


def plan(bars: Bars, of: EmaCross, each: Each) -> Plan:
    """Enter where the fast mean crosses above the slow one, leave where it crosses below."""
    spread = each(exponential_mean, bars.close, of.fast)
    spread -= each(exponential_mean, bars.close, of.slow)
    turn = each(crossings, spread)
    enter, leave = turn > 0, turn < 0
    unused = spread  # is done with, and new arrays of this size take time
    unused.fill(np.nan)
    return Plan(enter, leave, unused, unused, unused)
