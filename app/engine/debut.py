"""The first real orders: a tenth of their size, and one symbol on the first day (E9)."""

from dataclasses import dataclass, replace
from decimal import Decimal

#: What the first real order is of its size, at most.
SHARE = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Debut:
    """A real book until its first day of trading is over; afterwards, and on paper, there is none.

    ``accepted``: the broker has taken an entry of the book. ``symbols`` are those of the entries
    that it has taken or that may still reach it.
    """

    accepted: bool
    symbols: frozenset[str]

    def with_entry(self, symbol: str) -> "Debut":
        """Return the debut once one more entry is on its way."""
        return replace(self, symbols=self.symbols | {symbol})


def first_size(debut: Debut | None, shares: Decimal) -> Decimal:
    """Return the whole shares of ``shares`` that an entry may have: all, or a tenth at first.

    Until the broker has taken one, each entry may turn out to be the first.
    """
    if debut is None or debut.accepted:
        return shares
    return shares * SHARE // 1
