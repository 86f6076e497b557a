"""The strategies that a book may name, and those that state their wishes for all bars at once."""

from typing import Any

from app.engine.strategies import breakout, ema_cross, us_baskets
from app.engine.strategies.plan import AnyPlanned, Planned
from app.engine.strategies.port import Decision, SignalInputs, Strategy

__all__ = ["PLANNED", "STRATEGIES", "Decision", "SignalInputs", "Strategy"]

STRATEGIES: dict[str, Strategy[Any]] = {
    "us_baskets": Strategy(us_baskets.read, us_baskets.questions, us_baskets.decide),
}

PLANNED: dict[str, AnyPlanned] = {
    "ema_cross": Planned(ema_cross.plan, ema_cross.EmaCross(), ema_cross.RULES),
    "breakout": Planned(breakout.plan, breakout.Breakout(), breakout.RULES),
}
