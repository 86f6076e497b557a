"""What the language model is asked and what it answers: evidence with a bound, never an order."""

from dataclasses import dataclass
from datetime import datetime

from app.engine.events import Event


@dataclass(frozen=True, slots=True)
class Question:
    """One event to be read for one symbol; ``score`` is the symbol's mixed score without it."""

    symbol: str
    event: Event
    score: float


@dataclass(frozen=True, slots=True)
class Opinion:
    """An answer: ``stance`` in [-1, 1] (negative: the price should fall), ``confidence`` in [0, 1].

    ``call`` is the number of the ledger's row that holds prompt, answer and cost.
    """

    event_id: str
    symbol: str
    at: datetime
    stance: float
    confidence: float
    call: int
