"""A book's numbers that are right by themselves and wrong together."""

from collections.abc import Iterator

from app.config.checks import Row, Values
from app.config.errors import Problem
from app.config.model_checks import MODEL_CHECKS

#: What a mixed score is made of; each has a weight.
SOURCES = ("technical", "news", "filing", "model")


def check_book(book_id: str, values: Values) -> list[Problem]:
    """Return what is wrong between a book's numbers; a check that misses one is left out."""
    return [
        Problem(f"{book_id}: {names}", said, accepted)
        for names, needs, accepted, check in _BOOK_CHECKS
        if values.keys() >= set(needs)
        for said in check(values)
    ]


def _symbols(values: Values) -> tuple[str, ...]:
    return (*values["universe.tier_a"], *values["universe.tier_b"], *values["universe.bench"])


def _disjoint(values: Values) -> Iterator[str]:
    symbols = _symbols(values)
    if not symbols:
        yield "no symbol at all"
    for symbol in sorted({s for s in symbols if symbols.count(s) > 1}):
        yield f"{symbol} is in two tiers"


def _few_inverse(values: Values) -> Iterator[str]:
    symbols = set(_symbols(values))
    inverse = len(symbols & set(values["universe.inverse"]))
    if inverse > values["universe.max_inverse_share"] * len(symbols):
        yield f"{inverse} of {len(symbols)} symbols are inverse ETFs"


def _inside_universe(values: Values) -> Iterator[str]:
    known = set(_symbols(values))
    for name, etf, members in values["routing.baskets"]:
        for symbol in sorted({etf, *members} - known):
            yield f"{name} names {symbol}, which is in no tier"


def _inverse_etfs(values: Values) -> Iterator[str]:
    for name, etf, members in values["routing.baskets"]:
        if etf not in values["universe.inverse"]:
            yield f"{name} trades {etf}, which is not among INVERSE_ETFS"
        for symbol in sorted(set(members) & set(values["universe.inverse"])):
            yield f"{name} has the inverse ETF {symbol} as a member"


def _can_fire(values: Values) -> Iterator[str]:
    fewest = values["routing.basket_min_signals"]
    for name, etf, members in values["routing.baskets"]:
        if fewest > (witnesses := len({etf, *members})):
            yield f"{fewest}, and {name} has {witnesses} symbols, its ETF included"


def _mixer_is_cutoff(values: Values) -> Iterator[str]:
    mixer, cutoff = values["signals.mixer_threshold"], values["signals.cutoff_regular"]
    if mixer != cutoff:
        yield f"{mixer:g} and {cutoff:g}"


def _cutoffs_left(values: Values) -> Iterator[str]:
    delta = values["signals.cutoff_delta"]
    for name in ("cutoff_regular", "cutoff_extended"):
        if not 0 < (left := values[f"signals.{name}"] + delta) < 1:
            yield f"{name} is {left:g} with the delta"


def _weights_sum(values: Values) -> Iterator[str]:
    total = sum(values["signals.weights"].values())
    if abs(total - 1) > 1e-9:
        yield f"the sum is {total:g}"


def _features_known(values: Values) -> Iterator[str]:
    from app.engine.features import FEATURES  # imported here: it pulls numpy

    for name in sorted(set(values["signals.weights"]) - set(FEATURES)):
        yield f"{name} is no feature: {', '.join(FEATURES)}"


def _enough_history(values: Values) -> Iterator[str]:
    from app.engine.features import BARS_NEEDED  # imported here: it pulls numpy

    if values["signals.history"] < BARS_NEEDED:
        yield f"{values['signals.history']}, and features need {BARS_NEEDED}"


def _strategy_known(values: Values) -> Iterator[str]:
    from app.engine.strategies import STRATEGIES  # imported here: it pulls numpy

    if values["strategy"] not in STRATEGIES:
        yield f"{values['strategy']!r} is none of {', '.join(STRATEGIES)}"


def _evidence_lasts(values: Values) -> Iterator[str]:
    needed = values["routing.basket_ticks"] * values["routing.tick_seconds"]
    if values["routing.evidence_window_seconds"] < needed:
        yield f"evidence is dropped before {values['routing.basket_ticks']} ticks have passed"


def _trade_within_all(values: Values) -> Iterator[str]:
    one, all_ = values["risk.risk_per_trade"], values["risk.max_concurrent_risk"]
    if one > all_:
        yield f"{one} a trade, {all_} together"


def _close_in_order(values: Values) -> Iterator[str]:
    if values["session.pre_close_before_minutes"] <= values["session.flatten_before_minutes"]:
        yield "flattening would come before the pre-close"


def _tiers_on_ticks(values: Values) -> Iterator[str]:
    tick = values["schedule.quotes_seconds"]
    for tier in ("tier_a", "tier_b"):
        if values[f"universe.{tier}_interval_seconds"] % tick:
            yield f"{tier} falls between two quote updates"


def _sources_known(values: Values) -> Iterator[str]:
    weights = values["mixer.weights"]
    if set(weights) != set(SOURCES):
        yield f"{', '.join(sorted(set(weights) ^ set(SOURCES)))} missing or unknown"
    if abs(sum(weights.values()) - 1) > 1e-9:
        yield f"the sum is {sum(weights.values()):g}"
    if not weights.get("technical"):
        yield "technical has no weight"


def _trail_within_gain(values: Values) -> Iterator[str]:
    after, below = values["exits.trailing_after"], values["exits.trailing_stop"]
    if after < below:
        yield f"trails {below} below a gain of {after}: the stop would begin below the entry"


def _funds_known(values: Values) -> Iterator[str]:
    for fund in sorted(set(values["universe.inverse"]) - set(values["risk.leverage"])):
        yield f"{fund} is an inverse ETF without leverage"
    for fund in sorted(set(values["universe.inverse"]) & set(values["risk.leverage"])):
        if values["risk.leverage"][fund] > 0:
            yield f"{fund} is an inverse ETF and would move with its index"


def _broker_left(values: Values) -> Iterator[str]:
    if values["rates.broker_reserve"] >= values["rates.broker"]:
        yield "nothing but reserve"


_TIERS = ("universe.tier_a", "universe.tier_b", "universe.bench")

_BOOK_CHECKS: tuple[Row, ...] = (
    (
        "TIER_A_TICKERS, TIER_B_TICKERS, BENCH_TICKERS",
        _TIERS,
        "symbols, each in one tier",
        _disjoint,
    ),
    (
        "INVERSE_ETFS",
        (*_TIERS, "universe.inverse", "universe.max_inverse_share"),
        "at most MAX_INVERSE_SHARE of the universe",
        _few_inverse,
    ),
    ("BASKETS", (*_TIERS, "routing.baskets"), "symbols of the universe", _inside_universe),
    (
        "BASKETS",
        ("universe.inverse", "routing.baskets"),
        "stocks as members, an inverse ETF as the trade",
        _inverse_etfs,
    ),
    (
        "BASKET_MIN_SIGNALS",
        ("routing.basket_min_signals", "routing.baskets"),
        "a number that every basket can reach",
        _can_fire,
    ),
    (
        "MIXER_THRESHOLD, RTH_CUTOFF",
        ("signals.mixer_threshold", "signals.cutoff_regular"),
        "the same number",
        _mixer_is_cutoff,
    ),
    (
        "CUTOFF_DELTA",
        ("signals.cutoff_regular", "signals.cutoff_extended", "signals.cutoff_delta"),
        "cutoffs above 0 and below 1 after it",
        _cutoffs_left,
    ),
    ("SIGNAL_WEIGHTS", ("signals.weights",), "weights that sum to 1", _weights_sum),
    ("SIGNAL_WEIGHTS", ("signals.weights",), "weights of features", _features_known),
    ("SIGNAL_HISTORY_BARS", ("signals.history",), "what features need or more", _enough_history),
    ("strategy", ("strategy",), "a strategy", _strategy_known),
    (
        "EVIDENCE_WINDOW_SECONDS",
        ("routing.basket_ticks", "routing.tick_seconds", "routing.evidence_window_seconds"),
        "BASKET_TICKS x BASKET_TICK_SECONDS or more",
        _evidence_lasts,
    ),
    (
        "RISK_PER_TRADE, MAX_CONCURRENT_RISK",
        ("risk.risk_per_trade", "risk.max_concurrent_risk"),
        "no more for one than for all",
        _trade_within_all,
    ),
    (
        "PRE_CLOSE_MINUTES, FLATTEN_MINUTES",
        ("session.pre_close_before_minutes", "session.flatten_before_minutes"),
        "the pre-close earlier than the flattening",
        _close_in_order,
    ),
    (
        "TIER_A_SECONDS, TIER_B_SECONDS",
        (
            "universe.tier_a_interval_seconds",
            "universe.tier_b_interval_seconds",
            "schedule.quotes_seconds",
        ),
        "multiples of QUOTES_EVERY_SECONDS",
        _tiers_on_ticks,
    ),
    ("MIXER_WEIGHTS", ("mixer.weights",), f"{', '.join(SOURCES)}; the sum is 1", _sources_known),
    *MODEL_CHECKS,
    (
        "TRAILING_AFTER_PCT, TRAILING_STOP_PCT",
        ("exits.trailing_after", "exits.trailing_stop"),
        "a gain of at least the distance",
        _trail_within_gain,
    ),
    (
        "FUND_LEVERAGE",
        ("universe.inverse", "risk.leverage"),
        "a negative number for every inverse ETF",
        _funds_known,
    ),
    (
        "BROKER_CALLS_RESERVE",
        ("rates.broker", "rates.broker_reserve"),
        "less than BROKER_CALLS",
        _broker_left,
    ),
)
