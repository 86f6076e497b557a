"""Closed trades of a book, and the share of equity that they give reason to risk."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from app.engine.orders import Side
from app.engine.rounding import decimal

#: How long a closed trade speaks. By time and not by count, so that a book which its own trades
#: have stopped is let in again by itself: it makes no new ones, and old ones fall silent.
REMEMBERED = timedelta(days=28)
#: So many of a book's newest orders are read at most: about two a trade.
MOST_LEGS = 500


@dataclass(frozen=True, slots=True)
class Leg:
    """What one order filled: shares, and the money they cost or brought; ``at`` its first fill."""

    symbol: str
    side: Side
    quantity: Decimal
    amount: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class _Open:
    held: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    proceeds: Decimal = Decimal(0)


def gains(legs: Iterable[Leg]) -> tuple[Decimal, ...]:
    """Fold legs, oldest first, into round trips; return each one's gain as a share of its cost.

    A trip begins with a purchase while nothing is held and ends when all is sold. What began before
    the first leg, and what sold more than was bought, is not counted: its cost is not known.
    """
    open_trips: dict[str, _Open] = {}
    closed: list[Decimal] = []
    for leg in sorted(legs, key=lambda leg: (leg.at, leg.symbol, leg.side)):
        trip = _after(open_trips.get(leg.symbol, _Open()), leg)
        if trip.held > 0:
            open_trips[leg.symbol] = trip
            continue
        open_trips.pop(leg.symbol, None)
        if trip.held == 0 and trip.cost > 0:
            closed.append(decimal((trip.proceeds - trip.cost) / trip.cost))
    return tuple(closed)


def _after(trip: _Open, leg: Leg) -> _Open:
    if leg.side is Side.BUY:
        return _Open(trip.held + leg.quantity, trip.cost + leg.amount, trip.proceeds)
    return _Open(trip.held - leg.quantity, trip.cost, trip.proceeds + leg.amount)


def kelly(of: Sequence[Decimal]) -> Decimal:
    """Return the share f = p - (1 - p) / b, in [-1, 1], cut toward zero.

    p is the share of winners and b the mean win over the mean loss (Kelly, "A New Interpretation
    of Information Rate", 1956). A trade that gained nothing is a loss of nothing. Without a winner
    it is -1, without anything lost it is p.
    """
    wins = [gain for gain in of if gain > 0]
    losses = [-gain for gain in of if not gain > 0]
    if not wins:
        return Decimal(-1)
    p, won = Decimal(len(wins)) / len(of), sum(wins, Decimal(0)) / len(wins)
    lost = sum(losses, Decimal(0)) / len(losses) if losses else Decimal(0)
    return max(Decimal(-1), decimal(p - (1 - p) * lost / won))
