"""Trades of a book from flat to flat, and the share of equity that they give reason to risk."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from app.engine.orders import Execution, Side
from app.engine.portfolio import Adjustment, Position, adjusted, after_fill
from app.engine.rounding import decimal

#: How long a closed trade speaks. By time and not by count, so that a book which its own trades
#: have stopped is let in again by itself: it makes no new ones, and old ones fall silent.
REMEMBERED = timedelta(days=28)
#: So many of a book's newest orders are read at most: about two a trade.
MOST_ORDERS = 500


@dataclass(frozen=True, slots=True)
class Trade:
    """A position from flat to flat at its average cost; ``closed_at`` is None while it is held.

    ``bought`` are all its shares, ``realised`` what its sales have gained so far, before fees, and
    ``cost`` what the shares that they sold had cost: 0 where nothing was sold or that is not known.
    """

    symbol: str
    opened_at: datetime
    closed_at: datetime | None
    entry: Decimal
    bought: Decimal
    realised: Decimal
    cost: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class _Trip:
    """A trade that goes on: ``position`` is what it holds, ``entry`` what that cost a share."""

    position: Position
    opened_at: datetime
    entry: Decimal = Decimal(0)
    bought: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)


def trades(executed: Iterable[Execution], changes: Iterable[Adjustment]) -> list[Trade]:
    """Return the trades that executions make, oldest first: each position from flat to flat.

    An adjustment changes what a trade holds, and ends it where it leaves nothing; it realises
    nothing. What was taken over while nothing was held begins no trade, and its sale is none. What
    sold more than was held ends a trade of which the cost is not known.
    """
    going: dict[str, _Trip] = {}
    done: list[Trade] = []
    both: list[Execution | Adjustment] = [*changes, *executed]
    for one in sorted(both, key=lambda each: each.at):
        trip = going.pop(one.symbol, None)
        if isinstance(one, Execution):
            trip = _filled(trip or _Trip(Position(one.symbol), one.at), one)
        elif trip is not None:
            trip = _holding(trip, adjusted(trip.position, one))
        if trip is None:
            continue
        if trip.position.quantity > 0:
            going[one.symbol] = trip
        elif trip.bought > 0:
            done.append(_trade(trip, one.at))
    done += [_trade(trip, None) for trip in going.values()]
    return sorted(done, key=lambda trade: (trade.opened_at, trade.symbol))


def _filled(trip: _Trip, fill: Execution) -> _Trip:
    held = trip.position
    after = _holding(trip, after_fill(held, fill))
    if fill.side is Side.BUY:
        return replace(after, bought=trip.bought + fill.quantity)
    sold = fill.quantity * held.average_price if fill.quantity <= held.quantity else None
    return replace(after, cost=Decimal(0) if sold is None else trip.cost + sold)


def _holding(trip: _Trip, position: Position) -> _Trip:
    entry = position.average_price if position.quantity > 0 else trip.entry
    return replace(trip, position=position, entry=entry)


def _trade(trip: _Trip, closed_at: datetime | None) -> Trade:
    symbol, realised = trip.position.symbol, trip.position.realised
    return Trade(symbol, trip.opened_at, closed_at, trip.entry, trip.bought, realised, trip.cost)


def with_result(of: Iterable[Trade]) -> list[Trade]:
    """Return the trades that have ended and of which it is known what they gained."""
    return [trade for trade in of if trade.closed_at is not None and trade.cost > 0]


def gains(executed: Iterable[Execution], changes: Iterable[Adjustment]) -> tuple[Decimal, ...]:
    """Return what each ended trade gained, as a share of what its sold shares had cost.

    What began before the first execution is not counted: its cost is not known.
    """
    return _gains(tuple(executed), tuple(changes))


@lru_cache(maxsize=8)
def _gains(executed: tuple[Execution, ...], changes: tuple[Adjustment, ...]) -> tuple[Decimal, ...]:
    # Asked for in every pass, and another answer only after a fill.
    ended = with_result(trades(executed, changes))
    return tuple(decimal(trade.realised / trade.cost) for trade in ended)


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
