"""Settling a day: what its fills and fees made of the cash and the positions it began with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.engine.orders import Execution
from app.engine.portfolio import Adjustment, Position, cash_after, equity, walked
from app.engine.trades import Trade, trades, with_result

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Day:
    """What a day is settled from.

    ``cash_open`` and ``before`` are cash and positions when the date began, ``executed`` the fills
    and ``changes`` the adjustments of that date; ``fees`` is what was charged, ``prices`` are the
    last ones.
    """

    cash_open: Decimal
    before: Mapping[str, Position]
    executed: Sequence[Execution]
    changes: Sequence[Adjustment]
    fees: Decimal
    prices: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Settled:
    """What a day came to; ``positions`` are those still held.

    ``adjusted`` is what was unrealised in shares that came, less that in shares that left, without
    a fill: a part of what the unrealised changed by, and nothing that the book gained.
    """

    realised: Decimal
    unrealised: Decimal
    adjusted: Decimal
    cash_close: Decimal
    equity_close: Decimal
    positions: Mapping[str, Position]


def settle(day: Day) -> Settled:
    """Fold a day's fills and fees into what it began with.

    Realised is of the day's sales, before fees; unrealised is of what is held at the end, at the
    last prices, and without a price nothing.
    """
    after, adjusted = dict(day.before), _NOTHING
    for one, now in walked(day.before, day.executed, day.changes):
        if isinstance(one, Adjustment):
            was = after.get(one.symbol, Position(one.symbol))
            adjusted += _unrealised(now[one.symbol], one.price) - _unrealised(was, one.price)
        after = now
    held = {symbol: position for symbol, position in after.items() if position.quantity}
    gained = (after[symbol].realised - _realised(day.before, symbol) for symbol in after)
    moved = (_unrealised(position, day.prices.get(position.symbol)) for position in held.values())
    cash = cash_after(day.cash_open, day.executed) - day.fees
    return Settled(
        realised=sum(gained, _NOTHING),
        unrealised=sum(moved, _NOTHING),
        adjusted=adjusted,
        cash_close=cash,
        equity_close=equity(cash, held.values(), day.prices),
        positions=held,
    )


def cash_then(now: Decimal, filled_since: Iterable[Execution], charged_since: Decimal) -> Decimal:
    """Return what the cash was before what has been filled and charged since."""
    return now - cash_after(_NOTHING, filled_since) + charged_since


def closed_trades(
    ever: Iterable[Execution], changes: Iterable[Adjustment], since: datetime, until: datetime
) -> list[Trade]:
    """Return the trades that ended in [since, until), of all that ever changed a position.

    One of which the book sold nothing itself, because somebody else did, has no result.
    """
    ended = with_result(trades(ever, changes))
    return [t for t in ended if t.closed_at is not None and since <= t.closed_at < until]


def _unrealised(position: Position, price: Decimal | None) -> Decimal:
    return _NOTHING if price is None else (price - position.average_price) * position.quantity


def _realised(before: Mapping[str, Position], symbol: str) -> Decimal:
    return before[symbol].realised if symbol in before else _NOTHING
