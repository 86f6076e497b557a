"""A signal: one symbol's score at one slot, with the evidence that made it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Signal:
    """Score in [-1, 1], positive for buy; ``components`` sum up to it, ``price`` is the close."""

    id: str
    book: str
    symbol: str
    slot: int
    at: datetime
    score: float
    price: float
    components: Mapping[str, float] = field(default_factory=dict)
