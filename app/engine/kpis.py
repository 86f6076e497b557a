"""Key figures of an hour: values in, figures out (requirement I5)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from math import isfinite
from statistics import median
from typing import Any, NamedTuple

from app.engine.experiments import Reading, spent
from app.engine.rounding import decimal, plain
from app.engine.trades import Trade
from app.engine.verdicts import Reason

#: A signal is strong when its size is above the cutoff by this much.
STRONG = 0.2
#: A change of direction within this time of the symbol's signal before it is a flip-flop.
FLIP_WITHIN = timedelta(minutes=10)
_TINY = 1e-9
#: What an excursion is rounded to, as a share of the price: a hundredth of a basis point.
_STEP = Decimal("0.000001")


class Score(NamedTuple):
    """A signal that passed its gates; ``score`` is in [-1, 1]."""

    symbol: str
    at: datetime
    score: float


class Range(NamedTuple):
    """The lowest and the highest price of a span of time."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Hour:
    """What happened in [since, until).

    ``scores`` are the signals in it and in the ten minutes before it, oldest first; ``refused``
    counts the refusals of all gates by reason; ``held`` are the trades that were open in it, each
    with its prices while it was, where there are any; ``before`` and ``now`` are the buckets'
    counters at the beginning and at the end, None where they could not be read.
    """

    since: datetime
    until: datetime
    scores: Sequence[Score]
    refused: Mapping[str, int]
    held: Sequence[tuple[Trade, Range | None]]
    model_calls: int
    model_usd: Decimal
    before: Mapping[str, Reading] | None = None
    now: Mapping[str, Reading] | None = None
    settings: str = field(default="")


def figures(hour: Hour, cutoff: Callable[[datetime], float]) -> dict[str, Any]:
    """Return the key figures as JSON values; what cannot be known is None, never 0.

    - ``generated``: signals that passed their gates; ``suppressed``: refusals of every gate, by
      reason.
    - ``strong_rate``: the share of generated signals with |score| >= cutoff + 0.2.
    - ``flip_flops``: generated signals whose symbol's last signal pointed the other way and is at
      most ten minutes old.
    - ``mae_median``, ``mfe_median``: over the positions held in the hour, the median of how far the
      price went against and for each of them, as a share of its entry (Sweeney's maximum adverse
      and favourable excursion), from its opening to its end or the end of the hour.
    - ``tokens``: what each bucket granted and refused, and the share refused, ``overflow``.
    """
    fresh = [s for s in hour.scores if hour.since <= s.at < hour.until]
    strong = sum(abs(s.score) >= cutoff(s.at) + STRONG - _TINY for s in fresh)
    moves = [excursions(trade, seen) for trade, seen in hour.held if seen is not None]
    moved = [each for each in moves if each is not None]
    return {
        "since": hour.since.isoformat(),
        "until": hour.until.isoformat(),
        "settings": hour.settings,
        "generated": len(fresh),
        "suppressed": {r: n for r, n in sorted(hour.refused.items()) if r != Reason.PASSED},
        "strong": strong,
        "strong_rate": round(strong / len(fresh), 6) if fresh else None,
        "flip_flops": flip_flops(hour.scores, hour.since),
        "positions": len(hour.held),
        "mae_median": _median(adverse for adverse, _ in moved),
        "mfe_median": _median(favourable for _, favourable in moved),
        "tokens": tokens(hour.before, hour.now),
        "model_calls": hour.model_calls,
        "model_usd": plain(hour.model_usd),
        "direction_locks": hour.refused.get(Reason.DIRECTION_LOCK, 0),
    }


def flip_flops(scores: Iterable[Score], since: datetime) -> int:
    """Count the signals from ``since`` on that turned their symbol's last signal around.

    Oldest first. A signal of 0 has no direction and turns nothing around.
    """
    last: dict[str, Score] = {}
    count = 0
    for each in scores:
        before = last.get(each.symbol)
        if before is not None and each.at >= since:
            turned = before.score * each.score < 0
            count += turned and each.at - before.at <= FLIP_WITHIN
        last[each.symbol] = each
    return count


def held_in(of: Iterable[Trade], since: datetime, until: datetime) -> list[Trade]:
    """Return the trades that were open at some moment of [since, until)."""
    return [t for t in of if t.opened_at < until and (t.closed_at is None or t.closed_at > since)]


def excursions(trade: Trade, seen: Range) -> tuple[Decimal, Decimal] | None:
    """Return how far the price went against and for a long, as shares of its entry, 0 at least."""
    if not (isfinite(seen.low) and isfinite(seen.high) and trade.entry > 0):
        return None
    against = (trade.entry - decimal(seen.low)) / trade.entry
    in_favour = (decimal(seen.high) - trade.entry) / trade.entry
    nothing = Decimal(0)
    return decimal(max(against, nothing), _STEP), decimal(max(in_favour, nothing), _STEP)


def tokens(
    before: Mapping[str, Reading] | None, now: Mapping[str, Reading] | None
) -> dict[str, Any] | None:
    """Return what each bucket granted and refused between two readings; None without both."""
    if before is None or now is None:
        return None
    return {name: _spent(before[name], reading) for name, reading in now.items() if name in before}


def _spent(before: Reading, now: Reading) -> dict[str, Any]:
    granted, refused = spent([before, now])
    asked = granted + refused
    overflow = round(refused / asked, 6) if asked else None
    return {"granted": granted, "refused": refused, "overflow": overflow}


def _median(shares: Iterable[Decimal]) -> str | None:
    known = list(shares)
    return plain(decimal(median(known), _STEP)) if known else None
