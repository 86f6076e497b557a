"""Alpaca's JSON in our words: orders, executions, positions, account, clock, trade updates."""

from datetime import date
from decimal import Decimal

from app.adapters.alpaca.fields import (
    Record,
    amount,
    flag,
    number,
    optional_number,
    optional_text,
    positive,
    record,
    records,
    text,
)
from app.adapters.port import BrokerClock, BrokerPosition, TradeUpdate
from app.engine import ids
from app.engine.errors import InvalidData
from app.engine.orders import BrokerOrder, Execution, OrderState, Side, TimeInForce
from app.engine.portfolio import Account, Fee
from app.engine.times import moment

#: Statuses that end an order. Every other one, the unknown ones too, is open: SUBMITTED or PARTIAL
#: by what has filled. ``replaced`` ends the old id; the successor stands in ``replaced_by``.
FINAL_STATUSES: dict[str, OrderState] = {
    "filled": OrderState.FILLED,
    "canceled": OrderState.CANCELLED,
    "replaced": OrderState.CANCELLED,
    "expired": OrderState.EXPIRED,
    "rejected": OrderState.REJECTED,
}

#: What bars an account from trading, by the broker's names.
_BARS = ("account_blocked", "trading_blocked", "trade_suspended_by_user")
_ENDED = frozenset({"ACCOUNT_CLOSED", "DISABLED", "INACTIVE", "REJECTED"})
_SIDES = {"buy": Side.BUY, "sell": Side.SELL, "sell_short": Side.SELL}
_FILLS = frozenset({"fill", "partial_fill"})


def order(value: object) -> BrokerOrder:
    """Read one order. Raises InvalidData."""
    of = record(value)
    filled = amount(of, "filled_qty") if of.get("filled_qty") is not None else Decimal(0)
    quantity = _quantity(of, filled)
    if filled > quantity:
        raise InvalidData(f"filled_qty {filled} is above qty {quantity}")
    status, tif = text(of, "status"), text(of, "time_in_force")
    successor = optional_text(of, "replaced_by")
    # Until its successor is named, nobody can follow what it has become: it has not ended for us.
    word = "pending_replace" if status == "replaced" and successor is None else status
    return BrokerOrder(
        broker_id=text(of, "id"),
        client_id=text(of, "client_order_id"),
        symbol=text(of, "symbol"),
        side=_side(of),
        quantity=quantity,
        filled_quantity=filled,
        average_price=_price(of, "filled_avg_price") if filled else None,
        state=state(word, tif, filled, quantity),
        type=optional_text(of, "type") or text(of, "order_type"),
        time_in_force=tif,
        created_at=moment(of, "created_at"),
        status=status,
        replaced_by=successor,
        replaces=optional_text(of, "replaces"),
        limit_price=_price(of, "limit_price"),
        stop_price=_price(of, "stop_price"),
    )


def state(status: str, tif: str, filled: Decimal, quantity: Decimal) -> OrderState:
    """Return a status in our words; an order counts as filled when its numbers say so too."""
    if status == "done_for_day" and tif == TimeInForce.DAY:
        return OrderState.EXPIRED
    final = FINAL_STATUSES.get(status)
    if final is None or (final is OrderState.FILLED and filled < quantity):
        return OrderState.PARTIAL if filled else OrderState.SUBMITTED
    return final


def orders(value: object) -> list[BrokerOrder]:
    """Read orders and their legs; multi-leg option orders have no symbol and are skipped."""
    found: list[BrokerOrder] = []
    for of in records(value):
        if of.get("order_class") == "mleg":
            continue
        found.append(order(of))
        if of.get("legs"):
            found.extend(orders(of["legs"]))
    return found


def execution(value: object) -> Execution:
    """Read one FILL activity of the account."""
    of = record(value)
    order_id, cumulative = text(of, "order_id"), positive(of, "cum_qty")
    return Execution(
        id=ids.execution_id(order_id, cumulative),
        broker_order_id=order_id,
        symbol=text(of, "symbol"),
        side=_side(of),
        quantity=positive(of, "qty"),
        price=positive(of, "price"),
        cumulative=cumulative,
        at=moment(of, "transaction_time"),
    )


def fee(value: object) -> Fee:
    """Read one FEE activity of the account; what it takes is a negative amount there.

    One that was cancelled takes nothing.
    """
    of = record(value)
    spelled = text(of, "date")
    try:
        day = date.fromisoformat(spelled)
    except ValueError:
        raise InvalidData(f"date is {spelled!r}, not a date") from None
    taken = Decimal(0) if of.get("status") == "canceled" else -number(of, "net_amount")
    return Fee(text(of, "id"), day, taken)


def positions(value: object) -> dict[str, BrokerPosition]:
    """Read the list of positions; a short one is negative whichever way it is spelled."""
    held: dict[str, BrokerPosition] = {}
    for of in records(value):
        symbol, quantity = text(of, "symbol"), number(of, "qty")
        if of.get("side") == "short":
            quantity = -abs(quantity)
        if quantity:
            held[symbol] = BrokerPosition(symbol, quantity, amount(of, "avg_entry_price"))
    return held


def account(value: object) -> Account:
    """Read the id, the money and what bars the account; nothing else is relied on."""
    of = record(value)
    status = optional_text(of, "status") or "ACTIVE"
    return Account(
        cash=number(of, "cash"),
        equity=number(of, "equity"),
        buying_power=number(of, "buying_power"),
        currency=optional_text(of, "currency") or "USD",
        barred=(
            *(name for name in _BARS if of.get(name) is True),
            *([f"status {status}"] if status in _ENDED else ()),
        ),
        id=text(of, "id"),
    )


def clock(value: object) -> BrokerClock:
    """Read the clock, which is stated in New York's offset."""
    of = record(value)
    return BrokerClock(
        at=moment(of, "timestamp"),
        is_open=flag(of, "is_open"),
        next_open=moment(of, "next_open"),
        next_close=moment(of, "next_close"),
    )


def trade_update(value: object) -> TradeUpdate:
    """Read the data of a ``trade_updates`` message; an event that we do not know is no error."""
    of = record(value)
    event, stated = text(of, "event"), order(of.get("order"))
    fill = None
    if event in _FILLS:
        fill = Execution(
            id=ids.execution_id(stated.broker_id, stated.filled_quantity),
            broker_order_id=stated.broker_id,
            symbol=stated.symbol,
            side=stated.side,
            quantity=positive(of, "qty"),
            price=positive(of, "price"),
            cumulative=stated.filled_quantity,
            at=moment(of, "timestamp"),
            client_id=stated.client_id,
        )
        if fill.quantity > fill.cumulative:
            raise InvalidData(f"qty {fill.quantity} is above filled_qty {fill.cumulative}")
    return TradeUpdate(event, stated, fill, moment(of, "timestamp"))


def _price(of: Record, name: str) -> Decimal | None:
    stated = optional_number(of, name)
    return stated if stated is not None and stated > 0 else None


def _quantity(of: Record, filled: Decimal) -> Decimal:
    # An order placed by an amount of money has no quantity but what has filled.
    if of.get("qty") is None and of.get("notional") is not None:
        return filled
    return positive(of, "qty")


def _side(of: Record) -> Side:
    spelled = text(of, "side")
    if spelled in _SIDES:
        return _SIDES[spelled]
    raise InvalidData(f"side is {spelled!r}, not buy or sell")
