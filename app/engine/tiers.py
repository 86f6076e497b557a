"""Tiers: which symbols are due in a slot, by how often each is watched."""

from collections.abc import Collection

from app.engine.book import Book


def due(book: Book, slot: int, interest: Collection[str] = ()) -> tuple[str, ...]:
    """Return the symbols due in a slot of the quotes' interval, in the universe's order.

    Tier A and B follow their intervals. The bench is due only when something happened: it is in
    ``interest`` (what is held or has an open order), as is every other symbol named there.
    """
    second = slot * book.schedule.quotes.total_seconds()
    watched = book.universe
    tiers = (
        (watched.tier_a, watched.tier_a_interval),
        (watched.tier_b, watched.tier_b_interval),
    )
    by_clock = [s for tier, every in tiers if second % every.total_seconds() == 0 for s in tier]
    return tuple(dict.fromkeys((*by_clock, *sorted(interest))))
