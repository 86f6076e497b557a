"""The numbers of a book: their place in its TOML file and the flat name that sets them."""

from app.config import kinds
from app.config.names import Name

_SECONDS = kinds.duration("seconds")
_SECONDS_OR_NONE = kinds.duration("seconds", least="0")
_MINUTES = kinds.duration("minutes", most="390")
_SIZE = kinds.number("0", "1")


def _row(path: str, name: str, kind: kinds.Kind, text: str) -> Name:
    return Name(name, kind, text, path=path)


#: What only the file says: it makes the book what it is.
FILE_ONLY: tuple[Name, ...] = (
    _row("broker", "", kinds.choice("alpaca", "paper"), "where orders go"),
    _row("calendar", "", kinds.TEXT, "the exchange's code: XNYS"),
    _row("strategy", "", kinds.TEXT, "how scores are made"),
    _row("currency", "", kinds.choice("USD"), "the account's currency"),
)

UNIVERSE = (
    _row("universe.tier_a", "TIER_A_TICKERS", kinds.TICKERS, "watched most often"),
    _row("universe.tier_b", "TIER_B_TICKERS", kinds.TICKERS, "watched less often"),
    _row("universe.bench", "BENCH_TICKERS", kinds.TICKERS, "watched only on an event"),
    _row("universe.inverse", "INVERSE_ETFS", kinds.MAP, "inverse ETFs and what they are against"),
    _row(
        "universe.tier_a_interval_seconds",
        "TIER_A_SECONDS",
        _SECONDS,
        "how often tier A is watched",
    ),
    _row(
        "universe.tier_b_interval_seconds",
        "TIER_B_SECONDS",
        _SECONDS,
        "how often tier B is watched",
    ),
    _row("universe.max_inverse_share", "MAX_INVERSE_SHARE", _SIZE, "inverse ETFs in the universe"),
)

SIGNALS = (
    _row("signals.history", "SIGNAL_HISTORY_BARS", kinds.count(2, 5000), "bars of 30 s scored on"),
    _row("signals.mixer_threshold", "MIXER_THRESHOLD", _SIZE, "equal to RTH_CUTOFF"),
    _row("signals.cutoff_regular", "RTH_CUTOFF", _SIZE, "least size of a score, regular hours"),
    _row("signals.cutoff_extended", "EXTENDED_CUTOFF", _SIZE, "least size, extended hours"),
    _row("signals.cutoff_delta", "CUTOFF_DELTA", kinds.number("-1", "1"), "added to the cutoffs"),
    _row(
        "signals.cooldown_seconds",
        "MIXER_COOLDOWN_SECONDS",
        _SECONDS_OR_NONE,
        "rest after a signal of the same symbol",
    ),
    _row(
        "signals.direction_lock_seconds",
        "DIRECTION_LOCK_SECONDS",
        _SECONDS_OR_NONE,
        "no change of sign within",
    ),
    _row("signals.max_data_age_seconds", "MAX_DATA_AGE_SECONDS", _SECONDS, "older bars are stale"),
    _row("signals.weights", "SIGNAL_WEIGHTS", kinds.WEIGHTS, "parts of a score; they sum to 1"),
)

ROUTING = (
    _row("routing.baskets", "BASKETS", kinds.BASKETS, "stocks that are evidence for an ETF"),
    _row("routing.basket_min_signals", "BASKET_MIN_SIGNALS", kinds.count(1, 100), "least evidence"),
    _row(
        "routing.basket_min_negative_share",
        "BASKET_MIN_NEGATIVE_SHARE",
        _SIZE,
        "least share of negative evidence",
    ),
    _row(
        "routing.basket_max_mean",
        "BASKET_MAX_MEAN",
        kinds.number("-1", "-0.001"),
        "highest mean that fires",
    ),
    _row("routing.basket_ticks", "BASKET_TICKS", kinds.count(1, 100), "ticks in a row"),
    _row("routing.conflicts", "CONFLICTING_PAIRS", kinds.PAIRS, "never held together"),
    _row("routing.etf_lock_seconds", "ETF_LOCK_SECONDS", _SECONDS_OR_NONE, "one order an ETF"),
    _row(
        "routing.evidence_window_seconds",
        "EVIDENCE_WINDOW_SECONDS",
        _SECONDS,
        "how long a signal stays evidence",
    ),
    _row("routing.tick_seconds", "BASKET_TICK_SECONDS", _SECONDS, "length of a basket's tick"),
)

RISK = (
    _row("risk.risk_per_trade", "RISK_PER_TRADE", kinds.share("0.1"), "equity risked by a trade"),
    _row("risk.max_concurrent_risk", "MAX_CONCURRENT_RISK", kinds.share("0.5"), "by all together"),
    _row("risk.daily_loss_limit", "DAILY_LOSS_LIMIT", kinds.share("0.5"), "no entries after it"),
    _row("risk.max_positions", "MAX_POSITIONS", kinds.count(1, 1000), "held at once"),
    _row("risk.stop_loss", "STOP_LOSS_PCT", kinds.share("0.5"), "distance of the stop, a share"),
    _row("risk.max_exposure", "MAX_EXPOSURE", kinds.share("1", included=True), "of equity"),
    _row("risk.min_slots", "MIN_SLOTS", kinds.count(1, 1000), "positions the exposure is split by"),
    _row("risk.max_price_age_seconds", "MAX_PRICE_AGE_SECONDS", _SECONDS, "older is not sized on"),
    _row("risk.max_intent_age_seconds", "MAX_INTENT_AGE_SECONDS", _SECONDS, "older is dropped"),
    _row(
        "risk.orders_per_minute",
        "ORDERS_PER_MINUTE",
        kinds.count(1, 1000),
        "more submissions halt the book",
    ),
)

SESSION = (
    _row(
        "session.pre_close_before_minutes",
        "PRE_CLOSE_MINUTES",
        _MINUTES,
        "liquidate before the close",
    ),
    _row("session.flatten_before_minutes", "FLATTEN_MINUTES", _MINUTES, "flatten before the close"),
    _row(
        "session.clean_up_before_open_minutes",
        "CLEAN_UP_BEFORE_OPEN_MINUTES",
        _MINUTES,
        "clean up leftovers from",
    ),
    _row(
        "session.clean_up_after_open_minutes",
        "CLEAN_UP_AFTER_OPEN_MINUTES",
        _MINUTES,
        "clean up leftovers until",
    ),
)

SCHEDULE = (
    _row("schedule.quotes_seconds", "QUOTES_EVERY_SECONDS", _SECONDS, "quote update"),
    _row("schedule.signals_seconds", "SIGNALS_EVERY_SECONDS", _SECONDS, "signal generation"),
    _row("schedule.pipeline_seconds", "PIPELINE_EVERY_SECONDS", _SECONDS, "route, size, send"),
    _row(
        "schedule.stops_seconds",
        "STOPS_EVERY_SECONDS",
        kinds.duration("seconds", most="300"),
        "stop check",
    ),
    _row("schedule.session_seconds", "SESSION_EVERY_SECONDS", _SECONDS, "session life cycle"),
    _row("schedule.reconcile_seconds", "RECONCILE_EVERY_SECONDS", _SECONDS, "broker against us"),
)

_CALLS = kinds.count(1, 100_000)
RATES = (
    _row("rates.quotes", "QUOTE_CALLS", _CALLS, "calls a minute for quotes"),
    _row("rates.quotes_reserve", "QUOTE_CALLS_RESERVE", kinds.count(0, 1000), "kept for tier A"),
    _row("rates.broker", "BROKER_CALLS", _CALLS, "calls a minute to the broker"),
    _row("rates.broker_reserve", "BROKER_CALLS_RESERVE", kinds.count(0, 1000), "kept for orders"),
    _row("rates.history", "HISTORY_CALLS", _CALLS, "calls a minute for history"),
)

NUMBERS: tuple[Name, ...] = (*UNIVERSE, *SIGNALS, *ROUTING, *RISK, *SESSION, *SCHEDULE, *RATES)
BOOK: tuple[Name, ...] = (*FILE_ONLY, *NUMBERS)

#: The book that the flat names set.
FLAT_BOOK = "us_baskets"
