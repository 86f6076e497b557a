"""The numbers of a book: their place in its TOML file and the flat name that sets them."""

from app.config import kinds
from app.config.kinds import Kind, count, duration, number, share
from app.config.names import Name

_SECONDS = duration("seconds")
_SECONDS_OR_NONE = duration("seconds", least="0")
_UP_TO_A_WEEK = duration("seconds", most="604800")
_MINUTES = duration("minutes", most="390")
_SIZE = number("0", "1")
_CALLS = count(1, 100_000)
_MONEY = kinds.amount("0", "100000000")


def _table(table: str, *rows: tuple[str, str, Kind, str]) -> tuple[Name, ...]:
    """Return the names of a TOML table from (key, flat name, kind, what it is)."""
    return tuple(Name(name, kind, text, path=f"{table}{key}") for key, name, kind, text in rows)


#: Brokers of which each book has one of its own; at the others all books have one account.
OWN_LEDGERS = frozenset({"paper"})

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
    ("apply_proposals", "APPLY_TIER_PROPOSALS", kinds.FLAG, "1: the weekly proposal is applied"),
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
    ("extended_hours", "EXTENDED_HOURS", kinds.FLAG, "1: signals from 04:00 to 20:00 New York"),
    ("max_bar_move", "MAX_BAR_MOVE", number("0.01", "10"), "a larger move of one bar is no price"),
    ("weights", "SIGNAL_WEIGHTS", kinds.WEIGHTS, "features in a score; the sum is 1"),
)

MIXER = _table(
    "mixer.",
    ("weights", "MIXER_WEIGHTS", kinds.WEIGHTS, "technical, news, filing, model; the sum is 1"),
    ("news_half_life_seconds", "NEWS_HALF_LIFE_SECONDS", _SECONDS, "news lose half in"),
    ("filing_half_life_seconds", "FILING_HALF_LIFE_SECONDS", _SECONDS, "filings lose half in"),
    (
        "model_half_life_seconds",
        "LLM_HALF_LIFE_SECONDS",
        _SECONDS,
        "what the model says of them, half in",
    ),
    ("text_bound", "TEXT_BOUND", _SIZE, "most that all texts move a score by"),
    ("model_bound", "LLM_BOUND", _SIZE, "most that the model moves a score by"),
    (
        "own_share",
        "OWN_SCORE_SHARE",
        _SIZE,
        "of the cutoff that the technical score must reach by itself",
    ),
)

CAPS = _table(
    "caps.",
    ("tier_a", "TIER_A_DAILY_CAP", count(0, 10_000), "entries a day of a tier A ticker"),
    ("tier_b", "TIER_B_DAILY_CAP", count(0, 10_000), "entries a day of a tier B ticker"),
    ("bench", "BENCH_DAILY_CAP", count(0, 10_000), "entries a day of a bench ticker"),
    ("total", "RTH_DAILY_CAP", count(0, 100_000), "entries a day of all tickers"),
    ("slot_seconds", "CAP_SLOT_SECONDS", _SECONDS, "entries of a ticker within count once"),
)

EVENTS = _table(
    "events.",
    ("min_relevance", "EVENT_MIN_RELEVANCE", _SIZE, "less relevant news are left out"),
    (
        "window_seconds",
        "EVENT_WINDOW_SECONDS",
        _SECONDS,
        "an event wakes a bench ticker, and is asked about, for",
    ),
    ("spike_factor", "SPIKE_FACTOR", number("1", "1000"), "times the usual volume is a spike"),
    ("spike_bars", "SPIKE_BARS", count(2, 5000), "bars that say what volume is usual"),
    ("spike_min_volume", "SPIKE_MIN_VOLUME", number("0", "1000000000"), "least volume of a spike"),
)

MODEL = _table(
    "model.",
    ("enabled", "LLM_ENABLED", kinds.FLAG, "0: the model is never asked"),
    ("name", "LLM_MODEL", kinds.TEXT, "the model's name at its server; LLM_PRICES has its price"),
    ("events", "LLM_EVENTS", kinds.EVENTS, "the events that it is asked about"),
    ("min_score", "LLM_MIN_SIGNAL_SCORE", _SIZE, "least size of a score that it is asked about"),
    ("calls_per_day", "LLM_DAILY_CALLS", count(0, 1_000_000), "most calls a day"),
    ("monthly_krw", "LLM_MONTHLY_KRW", _MONEY, "most won a month"),
    ("monthly_usd", "LLM_MONTHLY_USD", _MONEY, "most dollars a month; whichever is reached first"),
    ("krw_per_usd", "KRW_PER_USD", kinds.amount("1", "100000"), "won for a dollar"),
    ("prices", "LLM_PRICES", kinds.PRICES, "dollars for a million tokens sent, and answered"),
    ("max_output_tokens", "LLM_MAX_OUTPUT_TOKENS", count(16, 100_000), "longest answer"),
    ("max_prompt_bytes", "LLM_MAX_PROMPT_BYTES", count(2_000, 1_000_000), "longest prompt"),
    ("cache_seconds", "LLM_CACHE_SECONDS", _SECONDS, "an answer is used again for"),
    ("timeout_s", "LLM_TIMEOUT_SECONDS", number("0.1", "25"), "wall seconds for all of a round"),
    ("questions_per_slot", "LLM_QUESTIONS_PER_ROUND", count(1, 100), "most questions in a round"),
    (
        "fallback",
        "LLM_FALLBACK",
        kinds.choice("technical", "refuse"),
        "without an answer: the score as it is without the model, or no signal",
    ),
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
    (
        "max_intent_age_seconds",
        "MAX_INTENT_AGE_SECONDS",
        _SECONDS,
        "older intents are dropped, older entries cancelled",
    ),
    ("orders_per_minute", "ORDERS_PER_MINUTE", count(1, 1000), "more submissions stop entries"),
    ("kelly_fraction", "KELLY_FRACTION", share("1", included=True), "of Kelly's share, as a cap"),
    ("kelly_min_trades", "KELLY_MIN_TRADES", count(2, 100_000), "closed trades that Kelly needs"),
    (
        "max_look_through",
        "MAX_LOOK_THROUGH",
        share("10", included=True),
        "most of equity in positions, each times its fund's leverage",
    ),
    ("leverage", "FUND_LEVERAGE", kinds.LEVERAGE, "how many times a fund moves with its index"),
)

EXITS = _table(
    "exits.",
    ("take_profit", "TAKE_PROFIT_PCT", share("10"), "gain at which a position is sold"),
    ("trailing_stop", "TRAILING_STOP_PCT", share("0.5"), "below the best price since entry"),
    ("trailing_after", "TRAILING_AFTER_PCT", share("10"), "gain from which the stop trails"),
    ("trend_break", "TREND_BREAK_SCORE", _SIZE, "a trend this much against a position ends it"),
    ("gap", "GAP_PCT", kinds.amount("0", "0.9"), "fall at the open that ends a long; 0: off"),
    ("gap_epsilon", "GAP_EPSILON", kinds.amount("0", "0.1"), "added to the fall"),
    ("opposite_score", "OPPOSITE_SCORE", _SIZE, "an opposite signal this strong sells a part"),
    ("opposite_share", "OPPOSITE_SHARE", share("1", included=True), "the part that it sells"),
    ("broker_stops", "BROKER_STOPS", kinds.FLAG, "1: stops rest at the broker where it has them"),
    ("stop_within_seconds", "STOP_WITHIN_SECONDS", _SECONDS, "longer without a stop ends entries"),
    (
        "stop_failure",
        "STOP_FAILURE",
        kinds.choice("hold", "close"),
        "a position without a stop at the broker is watched, or sold",
    ),
    ("exit_tries", "EXIT_TRIES", count(1, 100), "refusals of a sale before entries end"),
    ("retry_seconds", "EXIT_RETRY_SECONDS", _SECONDS, "first pause of a parked exit"),
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
    ("news_seconds", "NEWS_EVERY_SECONDS", _SECONDS, "news are looked for every"),
    ("filings_seconds", "FILINGS_EVERY_SECONDS", _SECONDS, "filings are looked for every"),
    ("kpis_seconds", "KPIS_EVERY_SECONDS", _SECONDS, "key figures are written every"),
    ("tiers_seconds", "TIERS_EVERY_SECONDS", _UP_TO_A_WEEK, "tiers are proposed anew every"),
    ("tape_days", "TAPE_DAYS", count(1, 3650), "days that can be played again are kept for"),
)

RATES = _table(
    "rates.",
    ("tier_a", "TIER_A_CALLS", _CALLS, "calls a minute for quotes of tier A"),
    ("tier_b", "TIER_B_CALLS", _CALLS, "calls a minute for quotes of tier B and of events"),
    ("reserve", "QUOTE_CALLS_RESERVE", _CALLS, "calls a minute that tier A may fall back on"),
    ("reserve_fallback", "QUOTE_RESERVE_FALLBACK", kinds.FLAG, "0: the reserve is left alone"),
    # A poll asks for up to 21 calls at once: a bucket that never holds them would refuse for ever.
    ("broker", "BROKER_CALLS", count(60, 100_000), "calls a minute to the broker"),
    ("broker_reserve", "BROKER_CALLS_RESERVE", count(0, 1000), "of them kept for orders"),
    ("history", "HISTORY_CALLS", _CALLS, "calls a minute for history"),
    ("alphavantage", "ALPHAVANTAGE_CALLS_PER_DAY", _CALLS, "calls a day for news"),
    ("news", "NEWS_CALLS", _CALLS, "calls a minute for the broker's news"),
    ("filings", "FILINGS_CALLS", count(1, 300), "calls a minute for filings"),
    ("model", "LLM_CALLS_PER_MINUTE", _CALLS, "calls a minute to the model"),
)

NUMBERS: tuple[Name, ...] = (
    *UNIVERSE,
    *SIGNALS,
    *MIXER,
    *CAPS,
    *EVENTS,
    *MODEL,
    *ROUTING,
    *RISK,
    *EXITS,
    *SESSION,
    *SCHEDULE,
    *RATES,
)
BOOK: tuple[Name, ...] = (*FILE_ONLY, *NUMBERS)

#: The book that the flat names set.
FLAT_BOOK = "us_baskets"
