"""The numbers of a book: their place in its TOML file and the flat name that sets them."""

from app.config import kinds
from app.config.kinds import Kind, count, duration, number, share
from app.config.names import Name

_SECONDS = duration("seconds")
_SECONDS_OR_NONE = duration("seconds", least="0")
_MINUTES = duration("minutes", most="390")
_SIZE = number("0", "1")
_CALLS = count(1, 100_000)


def _table(table: str, *rows: tuple[str, str, Kind, str]) -> tuple[Name, ...]:
    """Return the names of a TOML table from (key, flat name, kind, what it is)."""
    return tuple(Name(name, kind, text, path=f"{table}{key}") for key, name, kind, text in rows)


#: What only the file says: it makes the book what it is.
FILE_ONLY = _table(
    "",
    ("broker", "", kinds.choice("alpaca", "paper"), "where orders go"),
    ("calendar", "", kinds.TEXT, "the exchange's code: XNYS"),
    ("strategy", "", kinds.TEXT, "how scores are made"),
    ("currency", "", kinds.choice("USD"), "the account's currency"),
)

UNIVERSE = _table(
    "universe.",
    ("tier_a", "TIER_A_TICKERS", kinds.TICKERS, "watched most often"),
    ("tier_b", "TIER_B_TICKERS", kinds.TICKERS, "watched less often"),
    ("bench", "BENCH_TICKERS", kinds.TICKERS, "watched only on an event, or while held"),
    ("inverse", "INVERSE_ETFS", kinds.MAP, "inverse ETFs and what each is against"),
    ("tier_a_interval_seconds", "TIER_A_SECONDS", _SECONDS, "how often tier A is quoted"),
    ("tier_b_interval_seconds", "TIER_B_SECONDS", _SECONDS, "how often tier B is quoted"),
    ("max_inverse_share", "MAX_INVERSE_SHARE", _SIZE, "most of the universe in inverse ETFs"),
)

SIGNALS = _table(
    "signals.",
    ("history", "SIGNAL_HISTORY_BARS", count(2, 5000), "bars of 30 s that a score needs"),
    (
        "mixer_threshold",
        "MIXER_THRESHOLD",
        _SIZE,
        "least size of a mixed score; equal to RTH_CUTOFF",
    ),
    ("cutoff_regular", "RTH_CUTOFF", _SIZE, "least size of a score in regular hours"),
    ("cutoff_extended", "EXTENDED_CUTOFF", _SIZE, "least size in extended hours"),
    ("cutoff_delta", "CUTOFF_DELTA", number("-1", "1"), "added to both cutoffs"),
    (
        "cooldown_seconds",
        "MIXER_COOLDOWN_SECONDS",
        _SECONDS_OR_NONE,
        "a symbol's rest after a signal",
    ),
    (
        "direction_lock_seconds",
        "DIRECTION_LOCK_SECONDS",
        _SECONDS_OR_NONE,
        "no flip of sign within",
    ),
    ("max_data_age_seconds", "MAX_DATA_AGE_SECONDS", _SECONDS, "older quotes make no signal"),
    ("weights", "SIGNAL_WEIGHTS", kinds.WEIGHTS, "features in a score; the sum is 1"),
)

ROUTING = _table(
    "routing.",
    ("baskets", "BASKETS", kinds.BASKETS, "stocks whose signals are evidence for an ETF"),
    (
        "basket_min_signals",
        "BASKET_MIN_SIGNALS",
        count(1, 100),
        "least number of signals that fires a basket",
    ),
    (
        "basket_min_negative_share",
        "BASKET_MIN_NEGATIVE_SHARE",
        _SIZE,
        "least share of negative ones",
    ),
    (
        "basket_max_mean",
        "BASKET_MAX_MEAN",
        number("-1", "-0.001"),
        "highest mean that fires a basket",
    ),
    ("basket_ticks", "BASKET_TICKS", count(1, 100), "for how many ticks in a row"),
    ("conflicts", "CONFLICTING_PAIRS", kinds.PAIRS, "never held together"),
    ("etf_lock_seconds", "ETF_LOCK_SECONDS", _SECONDS_OR_NONE, "one order an ETF within"),
    ("evidence_window_seconds", "EVIDENCE_WINDOW_SECONDS", _SECONDS, "a signal stays evidence for"),
    ("tick_seconds", "BASKET_TICK_SECONDS", _SECONDS, "length of a tick of basket evidence"),
)

RISK = _table(
    "risk.",
    (
        "risk_per_trade",
        "RISK_PER_TRADE",
        share("0.1"),
        "share of equity that one trade may lose at its stop",
    ),
    ("max_concurrent_risk", "MAX_CONCURRENT_RISK", share("0.5"), "of equity at all stops together"),
    (
        "daily_loss_limit",
        "DAILY_LOSS_LIMIT",
        share("0.5"),
        "share of equity lost in a day: no entry after it",
    ),
    ("max_positions", "MAX_POSITIONS", count(1, 1000), "positions held at once"),
    (
        "stop_loss",
        "STOP_LOSS_PCT",
        share("0.5"),
        "from the entry down to the stop, as a share of the price",
    ),
    ("max_exposure", "MAX_EXPOSURE", share("1", included=True), "of equity in positions"),
    ("min_slots", "MIN_SLOTS", count(1, 1000), "the exposure is split by so many or more"),
    ("max_price_age_seconds", "MAX_PRICE_AGE_SECONDS", _SECONDS, "nothing is sized on older"),
    ("max_intent_age_seconds", "MAX_INTENT_AGE_SECONDS", _SECONDS, "older intents are dropped"),
    ("orders_per_minute", "ORDERS_PER_MINUTE", count(1, 1000), "more submissions stop entries"),
)

SESSION = _table(
    "session.",
    ("pre_close_before_minutes", "PRE_CLOSE_MINUTES", _MINUTES, "before the close: liquidate"),
    ("flatten_before_minutes", "FLATTEN_MINUTES", _MINUTES, "before the close: flatten the rest"),
    ("clean_up_before_open_minutes", "CLEAN_UP_BEFORE_OPEN_MINUTES", _MINUTES, "clean-up begins"),
    ("clean_up_after_open_minutes", "CLEAN_UP_AFTER_OPEN_MINUTES", _MINUTES, "clean-up ends"),
)

SCHEDULE = _table(
    "schedule.",
    ("quotes_seconds", "QUOTES_EVERY_SECONDS", _SECONDS, "quotes are fetched every"),
    ("signals_seconds", "SIGNALS_EVERY_SECONDS", _SECONDS, "signals are made every"),
    ("pipeline_seconds", "PIPELINE_EVERY_SECONDS", _SECONDS, "routed, sized and sent every"),
    (
        "stops_seconds",
        "STOPS_EVERY_SECONDS",
        duration("seconds", most="300"),
        "stops checked every",
    ),
    ("session_seconds", "SESSION_EVERY_SECONDS", _SECONDS, "the session is moved on every"),
    ("reconcile_seconds", "RECONCILE_EVERY_SECONDS", _SECONDS, "the broker is compared every"),
)

RATES = _table(
    "rates.",
    ("quotes", "QUOTE_CALLS", _CALLS, "calls a minute for quotes"),
    ("quotes_reserve", "QUOTE_CALLS_RESERVE", count(0, 1000), "of them kept for tier A"),
    # A poll asks for up to 21 calls at once: a bucket that never holds them would refuse for ever.
    ("broker", "BROKER_CALLS", count(60, 100_000), "calls a minute to the broker"),
    ("broker_reserve", "BROKER_CALLS_RESERVE", count(0, 1000), "of them kept for orders"),
    ("history", "HISTORY_CALLS", _CALLS, "calls a minute for history"),
)

NUMBERS: tuple[Name, ...] = (*UNIVERSE, *SIGNALS, *ROUTING, *RISK, *SESSION, *SCHEDULE, *RATES)
BOOK: tuple[Name, ...] = (*FILE_ONLY, *NUMBERS)

#: The book that the flat names set.
FLAT_BOOK = "us_baskets"
