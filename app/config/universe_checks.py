"""What a book watches and trades: tiers, inverse ETFs and baskets that do not fit together."""

from collections.abc import Iterator

from app.config.checks import Row, Values


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


def _apart(values: Values) -> Iterator[str]:
    """One signal is evidence once, and one ETF is bought for one reason."""
    named: dict[str, str] = {}
    for name, etf, members in values["routing.baskets"]:
        for symbol in (etf, *members):
            if (first := named.setdefault(symbol, name)) != name:
                yield f"{symbol} is in {first} and in {name}"


def _can_fire(values: Values) -> Iterator[str]:
    fewest = values["routing.basket_min_signals"]
    for name, etf, members in values["routing.baskets"]:
        if fewest > (witnesses := len({etf, *members})):
            yield f"{fewest}, and {name} has {witnesses} symbols, its ETF included"


def _evidence_lasts(values: Values) -> Iterator[str]:
    needed = values["routing.basket_ticks"] * values["routing.tick_seconds"]
    if values["routing.evidence_window_seconds"] < needed:
        yield f"evidence is dropped before {values['routing.basket_ticks']} ticks have passed"


def _tiers_on_ticks(values: Values) -> Iterator[str]:
    tick = values["schedule.quotes_seconds"]
    for tier in ("tier_a", "tier_b"):
        if values[f"universe.{tier}_interval_seconds"] % tick:
            yield f"{tier} falls between two quote updates"


def _funds_known(values: Values) -> Iterator[str]:
    for fund in sorted(set(values["universe.inverse"]) - set(values["risk.leverage"])):
        yield f"{fund} is an inverse ETF without leverage"
    for fund in sorted(set(values["universe.inverse"]) & set(values["risk.leverage"])):
        if values["risk.leverage"][fund] > 0:
            yield f"{fund} is an inverse ETF and would move with its index"


_TIERS = ("universe.tier_a", "universe.tier_b", "universe.bench")

UNIVERSE_CHECKS: tuple[Row, ...] = (
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
    ("BASKETS", ("routing.baskets",), "symbols, each in one basket", _apart),
    (
        "BASKET_MIN_SIGNALS",
        ("routing.basket_min_signals", "routing.baskets"),
        "a number that every basket can reach",
        _can_fire,
    ),
    (
        "EVIDENCE_WINDOW_SECONDS",
        ("routing.basket_ticks", "routing.tick_seconds", "routing.evidence_window_seconds"),
        "BASKET_TICKS x BASKET_TICK_SECONDS or more",
        _evidence_lasts,
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
    (
        "FUND_LEVERAGE",
        ("universe.inverse", "risk.leverage"),
        "a negative number for every inverse ETF",
        _funds_known,
    ),
)
