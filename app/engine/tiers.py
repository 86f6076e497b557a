"""Tiers: which symbols are due in a slot, by how often each is watched."""

from collections.abc import Collection
from datetime import datetime

from app.engine.book import Book


def due(book: Book, at: datetime, interest: Collection[str] = ()) -> tuple[str, ...]:
    """Return the symbols due in the slot that begins at ``at``, in the universe's order.

    Tier A and B follow their intervals. The bench is due only when something happened: it is in
    ``interest`` (what is held or has an open order), as is every other symbol named there.
    """
    second = at.timestamp()
    watched = book.universe
    tiers = (
        (watched.tier_a, watched.tier_a_interval),
        (watched.tier_b, watched.tier_b_interval),
    )
    by_clock = [s for tier, every in tiers if second % every.total_seconds() == 0 for s in tier]
    return tuple(dict.fromkeys((*by_clock, *sorted(interest))))
