"""A book's numbers that are right by themselves and wrong together."""

from collections.abc import Iterator, Sequence

from app.config.book_names import OWN_LEDGERS
from app.config.checks import Row, Values
from app.config.errors import Problem
from app.config.model_checks import MODEL_CHECKS
from app.config.universe_checks import UNIVERSE_CHECKS
from app.engine.book import MOST_BROKER_CALLS, Book

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


def check_accounts(books: Sequence[Book]) -> Iterator[Problem]:
    """Name the books that share an account: each would size by all of its cash."""
    for broker in sorted({book.broker for book in books} - OWN_LEDGERS):
        sharing = [book.id for book in books if book.broker == broker]
        if len(sharing) > 1:
            said = f"{' and '.join(sharing)} trade on one account at {broker}"
            yield Problem("METRONOME_BOOKS", said, "one book an account")


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


def _trade_within_all(values: Values) -> Iterator[str]:
    one, all_ = values["risk.risk_per_trade"], values["risk.max_concurrent_risk"]
    if one > all_:
        yield f"{one} a trade, {all_} together"


def _close_in_order(values: Values) -> Iterator[str]:
    if values["session.pre_close_before_minutes"] <= values["session.flatten_before_minutes"]:
        yield "flattening would come before the pre-close"


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


def _broker_left(values: Values) -> Iterator[str]:
    calls, reserve = values["rates.broker"], values["rates.broker_reserve"]
    if calls - reserve < MOST_BROKER_CALLS:
        yield f"{reserve} of {calls} leave {calls - reserve}"


_BOOK_CHECKS: tuple[Row, ...] = (
    *UNIVERSE_CHECKS,
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
    ("MIXER_WEIGHTS", ("mixer.weights",), f"{', '.join(SOURCES)}; the sum is 1", _sources_known),
    *MODEL_CHECKS,
    (
        "TRAILING_AFTER_PCT, TRAILING_STOP_PCT",
        ("exits.trailing_after", "exits.trailing_stop"),
        "a gain of at least the distance",
        _trail_within_gain,
    ),
    (
        "BROKER_CALLS_RESERVE",
        ("rates.broker", "rates.broker_reserve"),
        f"at most BROKER_CALLS less {MOST_BROKER_CALLS}, which one look at the broker may need",
        _broker_left,
    ),
)
