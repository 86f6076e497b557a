"""A book: account x broker x calendar x strategy x limits, as plain values.

Nothing here has a default: every number stands in ``books/*.toml`` or the environment, once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum


class Mode(StrEnum):
    PAPER = "PAPER"
    REAL = "REAL"


class BookStatus(StrEnum):
    """What a book may send: everything, exits only, or nothing.

    Orders of a blocked purpose that still work at the broker are cancelled there.
    """

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


@dataclass(frozen=True, slots=True)
class Universe:
    """Which symbols are watched, and how often. ``inverse`` maps an inverse ETF to its opposite."""

    tier_a: tuple[str, ...]
    tier_b: tuple[str, ...]
    bench: tuple[str, ...]
    inverse: Mapping[str, str]
    tier_a_interval: timedelta
    tier_b_interval: timedelta
    max_inverse_share: float

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.tier_a, *self.tier_b, *self.bench)))


@dataclass(frozen=True, slots=True)
class SignalPolicy:
    """How a score is made and what it must pass. Scores and cutoffs are in [0, 1] by size."""

    history: int
    mixer_threshold: float
    cutoff_regular: float
    cutoff_extended: float
    cutoff_delta: float
    cooldown: timedelta
    direction_lock: timedelta
    max_data_age: timedelta
    weights: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Basket:
    """Stocks whose signals are evidence for one ETF."""

    name: str
    members: tuple[str, ...]
    etf: str
    min_signals: int
    min_negative_share: float
    max_mean: float
    ticks: int


@dataclass(frozen=True, slots=True)
class RoutePolicy:
    """How signals become intents. ``tick`` is the length of one tick of basket evidence."""

    baskets: tuple[Basket, ...]
    conflicts: tuple[tuple[str, str], ...]
    etf_lock: timedelta
    evidence_window: timedelta
    tick: timedelta

    def rivals(self, symbol: str) -> tuple[str, ...]:
        """Return what must never be held together with a symbol."""
        pairs = (pair for pair in self.conflicts if symbol in pair)
        return tuple(sorted({other for pair in pairs for other in pair} - {symbol}))


@dataclass(frozen=True, slots=True)
class RiskPolicy:
    """Limits as shares of equity, but for counts. See requirement F3."""

    risk_per_trade: Decimal
    max_concurrent_risk: Decimal
    daily_loss_limit: Decimal
    max_positions: int
    stop_loss: Decimal
    max_exposure: Decimal
    min_slots: int
    max_price_age: timedelta
    max_intent_age: timedelta
    orders_per_minute: int


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """Times of a session relative to its open and close, so that half days move them all."""

    pre_close_before: timedelta
    flatten_before: timedelta
    clean_up_before_open: timedelta
    clean_up_after_open: timedelta


@dataclass(frozen=True, slots=True)
class SchedulePolicy:
    """Intervals of the book's tasks, on the market's clock."""

    quotes: timedelta
    signals: timedelta
    pipeline: timedelta
    stops: timedelta
    session: timedelta
    reconcile: timedelta


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A token bucket: ``capacity`` tokens, refilled evenly over ``per``, on the market's clock."""

    capacity: int
    per: timedelta
    reserve: int


@dataclass(frozen=True, slots=True)
class Book:
    """Everything that distinguishes one account's trading from another's."""

    id: str
    broker: str
    calendar: str
    strategy: str
    currency: str
    mode: Mode
    auto: bool
    universe: Universe
    signals: SignalPolicy
    routing: RoutePolicy
    risk: RiskPolicy
    session: SessionPolicy
    schedule: SchedulePolicy
    rate_limits: Mapping[str, RateLimit]
