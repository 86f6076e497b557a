"""A book: account x broker x calendar x strategy x limits, as plain values.

Nothing here has a default: every number stands in ``books/*.toml`` or the environment, once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple


class Mode(StrEnum):
    PAPER = "PAPER"
    REAL = "REAL"


class BookStatus(StrEnum):
    """What a book may send, the widest first: ``engine.permissions`` says what each admits.

    Orders of a blocked purpose that still work at the broker are cancelled there.
    """

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    FLATTENING = "FLATTENING"
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
    apply_proposals: bool

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
    extended_hours: bool
    max_bar_move: float
    weights: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class MixPolicy:
    """How technical, news, filing and model evidence become one score.

    ``weights`` sum to 1; evidence loses half of its weight in a half-life. Texts together move a
    score by at most ``text_bound``, the model by at most ``model_bound``, and a signal needs a
    technical score of at least ``own_share`` of the cutoff in its own direction.
    """

    weights: Mapping[str, float]
    news_half_life: timedelta
    filing_half_life: timedelta
    model_half_life: timedelta
    text_bound: float
    model_bound: float
    own_share: float


@dataclass(frozen=True, slots=True)
class CapPolicy:
    """Entries a day of the exchange: for a ticker by its tier, and all together (C4).

    Several entries of one symbol within ``slot`` count once.
    """

    tier_a: int
    tier_b: int
    bench: int
    total: int
    slot: timedelta


@dataclass(frozen=True, slots=True)
class EventPolicy:
    """Which events count, and for how long they wake the bench and are asked about (``window``).

    A spike is a bar of ``spike_factor`` times the mean volume of the ``spike_bars`` before it.
    """

    min_relevance: float
    window: timedelta
    spike_factor: float
    spike_bars: int
    spike_min_volume: float


class Price(NamedTuple):
    """US dollars for a million tokens, sent and answered."""

    sent: Decimal
    answered: Decimal


@dataclass(frozen=True, slots=True)
class ModelPolicy:
    """When the language model is asked, what it may cost, and what happens without an answer.

    Money is what the provider bills, in US dollars; the budget in won is compared at
    ``krw_per_usd``. ``prices`` are by the model's name, also for ``name``. ``fallback`` is
    ``technical`` (the score as it is without the model) or ``refuse``.
    """

    enabled: bool
    name: str
    events: tuple[str, ...]
    min_score: float
    calls_per_day: int
    monthly_krw: Decimal
    monthly_usd: Decimal
    krw_per_usd: Decimal
    prices: Mapping[str, Price]
    max_output_tokens: int
    max_prompt_bytes: int
    cache: timedelta
    timeout_s: float
    questions_per_slot: int
    fallback: str

    @property
    def price(self) -> Price:
        """Return what the model that is asked costs."""
        return self.prices[self.name]


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
    kelly_fraction: Decimal
    kelly_min_trades: int
    max_look_through: Decimal
    leverage: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class ExitPolicy:
    """When positions end besides the stop loss and the end of the day; shares of a price.

    A trailing stop follows the best price since entry once the gain reached ``trailing_after``.
    ``gap`` of 0 switches gap protection off (F9). ``stop_failure`` is ``hold`` or ``close``, and
    ``stop_within`` how long shares may be held that nothing at the broker would sell.
    """

    take_profit: Decimal
    trailing_stop: Decimal
    trailing_after: Decimal
    trend_break: float
    gap: Decimal
    gap_epsilon: Decimal
    opposite_score: float
    opposite_share: Decimal
    broker_stops: bool
    stop_within: timedelta
    stop_failure: str
    exit_tries: int
    retry: timedelta


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """Times of a session relative to its open and close, so that half days move them all."""

    pre_close_before: timedelta
    flatten_before: timedelta
    clean_up_before_open: timedelta
    clean_up_after_open: timedelta


@dataclass(frozen=True, slots=True)
class SchedulePolicy:
    """Intervals of the book's tasks, on the market's clock, and for how long its tape is kept."""

    quotes: timedelta
    signals: timedelta
    pipeline: timedelta
    stops: timedelta
    session: timedelta
    reconcile: timedelta
    news: timedelta
    filings: timedelta
    kpis: timedelta
    tiers: timedelta
    tape_days: int


#: So many calls to the broker at most are one step's: their tokens are taken together.
MOST_BROKER_CALLS = 21


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A token bucket: ``capacity`` tokens, refilled evenly over ``per``, on the market's clock."""

    capacity: int
    per: timedelta
    reserve: int


@dataclass(frozen=True, slots=True)
class Book:
    """Everything that distinguishes one account's trading from another's.

    ``gates_off`` names the gates whose refusals do not count: none of a book that trades, only of
    one that asks what a past day would have been without them.
    """

    id: str
    broker: str
    calendar: str
    strategy: str
    currency: str
    mode: Mode
    auto: bool
    universe: Universe
    signals: SignalPolicy
    mixer: MixPolicy
    caps: CapPolicy
    events: EventPolicy
    model: ModelPolicy
    routing: RoutePolicy
    risk: RiskPolicy
    exits: ExitPolicy
    session: SessionPolicy
    schedule: SchedulePolicy
    rate_limits: Mapping[str, RateLimit]
    gates_off: frozenset[str]
