"""Tiers: which symbols are due in a slot, and which tier each symbol should be in."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import fsum, isfinite, log, nan, sqrt

from app.engine.book import Book, Universe
from app.engine.events import Event, is_fresh


@dataclass(frozen=True, slots=True)
class Due:
    """Symbols to be quoted, by whose calls pay for them: ``others`` are tier B and what woke."""

    tier_a: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def symbols(self) -> tuple[str, ...]:
        return (*self.tier_a, *self.others)


def due(book: Book, at: datetime, interest: Collection[str] = ()) -> Due:
    """Return the symbols due in the slot that begins at ``at``, in the universe's order.

    Tier A and B follow their intervals. The bench is due only when something happened: it is in
    ``interest`` (what is held, has an open order or had an event), as is every other symbol named
    there.
    """
    watched, second = book.universe, at.timestamp()
    tier_a = watched.tier_a if second % watched.tier_a_interval.total_seconds() == 0 else ()
    tier_b = watched.tier_b if second % watched.tier_b_interval.total_seconds() == 0 else ()
    others = dict.fromkeys((*tier_b, *sorted(interest)))
    return Due(tier_a, tuple(symbol for symbol in others if symbol not in tier_a))


def interval(book: Book, symbol: str) -> timedelta:
    """Return how often a symbol is quoted while it is due; the bench as often as quotes run."""
    if symbol in book.universe.tier_a:
        return book.universe.tier_a_interval
    if symbol in book.universe.tier_b:
        return book.universe.tier_b_interval
    return book.schedule.quotes


def woken(book: Book, events: Iterable[Event], at: datetime) -> frozenset[str]:
    """Return the bench's symbols that an event about themselves has woken.

    Events about the whole market wake nobody: they would make the bench another tier B.
    """
    bench = frozenset(book.universe.bench)
    return frozenset(
        event.symbol
        for event in events
        if event.symbol in bench and is_fresh(event, at, book.events.window)
    ) - {None}


def realised_volatility(days: Iterable[Sequence[float]]) -> float:
    """Return the volatility of a day from each day's closes above 0, oldest first; else NaN.

    The root of the mean over the days of the sum of squared log returns within the day: the
    realised variance of Andersen and Bollerslev (1998), "Answering the skeptics". Nights are left
    out, and so are days of fewer than two closes.
    """
    variances = [
        fsum(log(after / before) ** 2 for before, after in pairwise(closes))
        for closes in days
        if len(closes) > 1
    ]
    return sqrt(fsum(variances) / len(variances)) if variances else nan


def propose(
    book: Book, volatility: Mapping[str, float]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return tier A, tier B and bench by realised volatility, the liveliest watched most often.

    Tiers keep their sizes and inverse ETFs their places, so that their share of the universe stays
    what it is; a symbol whose volatility is not known comes after all others, in today's order.
    Each tier lists its symbols in the order of today's universe, so that the same tiers are the
    same text.
    """
    watched = book.universe
    order = {symbol: place for place, symbol in enumerate(watched.symbols)}
    free = [symbol for symbol in watched.symbols if symbol not in watched.inverse]
    ranked = sorted(free, key=lambda s: (-_known(volatility.get(s)), order[s]))
    tiers = []
    for tier in (watched.tier_a, watched.tier_b, watched.bench):
        stay = [symbol for symbol in tier if symbol in watched.inverse]
        moved, ranked = ranked[: len(tier) - len(stay)], ranked[len(tier) - len(stay) :]
        tiers.append(tuple(sorted((*stay, *moved), key=order.__getitem__)))
    return tiers[0], tiers[1], tiers[2]


def changed(universe: Universe, proposed: tuple[tuple[str, ...], ...]) -> bool:
    """Does a proposal put any symbol elsewhere?"""
    today = (universe.tier_a, universe.tier_b, universe.bench)
    return [set(tier) for tier in today] != [set(tier) for tier in proposed]


def _known(volatility: float | None) -> float:
    return volatility if volatility is not None and isfinite(volatility) else -1.0
