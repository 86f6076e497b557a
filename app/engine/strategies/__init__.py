"""The strategies that a book may name."""

from typing import Any

from app.engine.strategies import us_baskets
from app.engine.strategies.port import Decision, SignalInputs, Strategy

__all__ = ["STRATEGIES", "Decision", "SignalInputs", "Strategy"]

STRATEGIES: dict[str, Strategy[Any]] = {
    "us_baskets": Strategy(us_baskets.read, us_baskets.questions, us_baskets.decide),
}
