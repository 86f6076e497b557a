"""Long while a fast exponential mean of the closes is above a slow one."""

from dataclasses import dataclass

import numpy as np

from app.engine.series import exponential_mean, lagged
from app.engine.strategies.plan import Bars, Each, Plan, Rules, levels


@dataclass(frozen=True, slots=True)
class EmaCross:
    """Spans of the two means, in bars."""

    fast: int = 12
    slow: int = 26


RULES = Rules(max_positions=1, warm_up=1000, lot=100)


def plan(bars: Bars, of: EmaCross, each: Each) -> Plan:
    """Enter where the fast mean crosses above the slow one, leave where it crosses below."""
    spread = each(exponential_mean, bars.close, span=of.fast)
    spread -= each(exponential_mean, bars.close, span=of.slow)
    before = each(lagged, spread, span=1)
    enter = (spread > 0) & (before <= 0)
    unused = levels(enter, np.nan)
    return Plan(enter, (spread < 0) & (before >= 0), unused, unused, unused)
