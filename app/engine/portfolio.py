"""Positions and money as folds over fills: average cost, exact decimals."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from app.engine.orders import Execution, Side


@dataclass(frozen=True, slots=True)
class Position:
    """What a book holds of one symbol; a flat position keeps its realised profit.

    ``peak_price`` is the best price seen since it was opened: a trailing stop follows it.
    ``through_at`` is since when its price has been at or through the stop that rests at the broker.
    ``at_broker`` is what the broker holds, while its number and ours were found to differ.
    ``bare_since`` is since when nothing that works at the broker has sold all of it.
    """

    symbol: str
    quantity: Decimal = Decimal(0)
    average_price: Decimal = Decimal(0)
    realised: Decimal = Decimal(0)
    stop_price: Decimal | None = None
    opened_at: datetime | None = None
    peak_price: Decimal | None = None
    through_at: datetime | None = None
    at_broker: Decimal | None = None
    bare_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A change of a position that no fill of the book explains: ``quantity`` more, or fewer.

    ``average_price`` is what the whole position costs a share from then on, ``price`` what a share
    was worth at that moment; None where nobody knew.
    """

    symbol: str
    quantity: Decimal
    average_price: Decimal
    at: datetime
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """The broker's statement of the account, in its currency.

    ``barred`` is what the broker says that it bars the account from, in its own words. ``id`` never
    changes and is no other account's there; a statement that was kept has none.
    """

    cash: Decimal
    equity: Decimal
    buying_power: Decimal
    currency: str = "USD"
    barred: tuple[str, ...] = ()
    id: str = ""


@dataclass(frozen=True, slots=True)
class Fee:
    """What the broker charged beside prices, by its own id and date; below zero is paid back."""

    id: str
    date: date
    amount: Decimal


def sellable(position: Position) -> Decimal:
    """Return what may be sold of a long position: what we hold, and never what the broker lacks."""
    if position.at_broker is None:
        return position.quantity
    return min(position.quantity, max(position.at_broker, Decimal(0)))


def after_fill(
    position: Position, fill: Execution, broker_read_at: datetime | None = None
) -> Position:
    """Fold one execution into a position (average cost; a sale realises price minus average).

    ``broker_read_at`` is when ``at_broker`` was read, where that is known: what filled before is in
    that number already, as far as it explains what differs.
    """
    signed = fill.quantity if fill.side is Side.BUY else -fill.quantity
    position = _with_broker(
        position, signed, broker_read_at is not None and fill.at <= broker_read_at
    )
    held, quantity = position.quantity, position.quantity + signed
    if held * signed >= 0:
        cost = position.average_price * abs(held) + fill.price * abs(signed)
        return replace(
            position,
            quantity=quantity,
            average_price=cost / abs(quantity),
            opened_at=position.opened_at if held else fill.at,
        )
    closed = min(abs(held), abs(signed))
    gain = (fill.price - position.average_price) * closed * (1 if held > 0 else -1)
    realised = position.realised + gain
    if quantity == 0:
        return Position(position.symbol, realised=realised)
    if held * quantity > 0:
        return replace(position, quantity=quantity, realised=realised)
    return Position(
        position.symbol, quantity, fill.price, realised, stop_price=None, opened_at=fill.at
    )


def _with_broker(position: Position, signed: Decimal, late: bool) -> Position:
    """Move the broker's number with a fill, but for what was in it before the fill was told."""
    if position.at_broker is None:
        return position
    gap, known = position.at_broker - position.quantity, Decimal(0)
    if late and gap * signed > 0:
        known = max(gap, signed) if signed < 0 else min(gap, signed)
    at_broker = position.at_broker + signed - known
    return replace(position, at_broker=None if known == gap else at_broker)


def adjusted(position: Position, change: Adjustment) -> Position:
    """Return a position after a change that was no trade of the book: nothing is realised by it."""
    quantity = position.quantity + change.quantity
    if quantity == 0:
        return Position(position.symbol, realised=position.realised)
    return replace(
        position,
        quantity=quantity,
        average_price=change.average_price,
        opened_at=position.opened_at if position.quantity else change.at,
        at_broker=None,
    )


def walked(
    before: Mapping[str, Position], fills: Iterable[Execution], changes: Iterable[Adjustment]
) -> Iterator[tuple[Execution | Adjustment, dict[str, Position]]]:
    """Yield each fill and adjustment, in the order of their times, and the positions after it."""
    held = dict(before)
    both: list[Execution | Adjustment] = [*changes, *fills]
    for one in sorted(both, key=lambda each: each.at):
        position = held.get(one.symbol, Position(one.symbol))
        now = after_fill(position, one) if isinstance(one, Execution) else adjusted(position, one)
        held = {**held, one.symbol: now}
        yield one, held


def folded(
    before: Mapping[str, Position], fills: Iterable[Execution], changes: Iterable[Adjustment]
) -> dict[str, Position]:
    """Return the positions after fills and adjustments, upon those before them."""
    held = dict(before)
    for _, after in walked(before, fills, changes):
        held = after
    return held


def held_before(
    ever: Iterable[Execution], changes: Iterable[Adjustment], since: datetime
) -> dict[str, Position]:
    """Return the positions before ``since``, from everything that ever changed one."""
    earlier = [fill for fill in ever if fill.at < since]
    return folded({}, earlier, [change for change in changes if change.at < since])


def cash_after(cash: Decimal, fills: Iterable[Execution]) -> Decimal:
    """Return the cash left when the fills are paid: buys take, sales give."""
    return cash + sum(
        (f.quantity * f.price * (-1 if f.side is Side.BUY else 1) for f in fills), Decimal(0)
    )


def equity(cash: Decimal, positions: Iterable[Position], prices: Mapping[str, Decimal]) -> Decimal:
    """Return cash plus the positions at the given prices; without a price, at their cost."""
    return cash + sum(
        (p.quantity * prices.get(p.symbol, p.average_price) for p in positions), Decimal(0)
    )
