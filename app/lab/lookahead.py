"""Look-ahead: does any decision change when what comes after it is another future, or none?

A run over all bars is held against runs over the same bars up to a moment: after it they are cut
off, or drawn anew in another order. What was decided before that moment must be the same, digest by
digest. A strategy that reads the future in any way, through whatever it was computed from, decides
otherwise.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from app.engine.strategies.plan import AnyPlanned, Bars, each_symbol

_COLUMNS = ("open", "high", "low", "close", "volume")
#: What is decided at the close of each bar, by whatever name: equal names, equal decisions.
Decide = Callable[[Bars], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Seen:
    """A decision that the future has changed: when it was made, and by which future."""

    at: datetime
    future: str


@dataclass(frozen=True, slots=True)
class Checked:
    """How many decisions were held against how many futures, and the first that had changed."""

    decisions: int
    futures: int
    seen: Seen | None


def check(bars: Bars, decide: Decide, cuts: Sequence[int], seed: int = 1) -> Checked:
    """Hold decisions against other futures after each of ``cuts``, places of bars."""
    whole = decide(bars)
    decisions = futures = 0
    for known, name, other in _futures(bars, cuts, seed):
        futures += 1
        made = decide(other)
        upto = min(known, len(whole), len(made))
        decisions += upto
        for place in range(upto):
            if made[place] != whole[place]:
                return Checked(decisions, futures, Seen(_moment(bars, place), name))
    return Checked(decisions, futures, None)


def _futures(bars: Bars, cuts: Sequence[int], seed: int) -> Iterator[tuple[int, str, Bars]]:
    """Yield other futures, each with how many decisions it may not change, and its name."""
    draw = np.random.default_rng(seed)
    for cut in cuts:
        # The last bar that there is ends its session: that much everybody sees of an end.
        ends = f"cut off after {_moment(bars, cut - 1):%Y-%m-%d %H:%M}"
        yield cut - 1, ends, cut_off(bars, cut)
        order = np.concatenate([np.arange(cut), cut + draw.permutation(bars.at.size - cut)])
        yield cut, f"shuffled after {_moment(bars, cut - 1):%Y-%m-%d %H:%M}", _ordered(bars, order)


def cut_off(bars: Bars, cut: int) -> Bars:
    """Return the first bars."""
    columns = {name: getattr(bars, name)[:, :cut] for name in _COLUMNS}
    return replace(bars, at=bars.at[:cut], **columns)


def _ordered(bars: Bars, order: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Bars:
    """Return the same moments with other bars at them."""
    return replace(bars, **{name: getattr(bars, name)[:, order] for name in _COLUMNS})


def _moment(bars: Bars, place: int) -> datetime:
    return datetime.fromtimestamp(int(bars.at[place]) / 1e9, UTC)


def even_cuts(bars: int, count: int) -> list[int]:
    """Return places that part bars into ``count`` + 1 pieces of about one length."""
    return sorted({max(2, bars * n // (count + 1)) for n in range(1, count + 1)})


def planned(strategy: AnyPlanned) -> Decide:
    """Return what a planned strategy wishes at the close of each bar."""

    def decide(bars: Bars) -> list[str]:
        plan = strategy.plan(bars, strategy.params, each_symbol)
        # Levels count where something is entered; elsewhere they may be anything.
        levels = (plan.stop, plan.target, plan.risk)
        parts = (plan.enter, plan.leave, *(np.where(plan.enter, each, 0) for each in levels))
        return [
            "|".join(np.ascontiguousarray(part[:, place]).tobytes().hex() for part in parts)
            for place in range(bars.at.size)
        ]

    return decide
