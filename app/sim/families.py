"""Orders that belong together: brackets, one-cancels-other and one-triggers-other."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Protocol

from app.sim.book import OrderBook
from app.sim.orders import ZERO, Order
from app.sim.refusals import invalid, unprocessable
from app.sim.tickets import check_price, number

CENT = Decimal("0.01")
#: Which exits each class needs: a number of them for oto, both for the others.
_EXITS = {"bracket": 2, "oco": 2, "oto": 1}


class Desk(Protocol):
    """What an exchange lets its families do."""

    book: OrderBook

    def activate(self, order: Order) -> None: ...

    def end(self, order: Order, status: str) -> None: ...


def read_exits(body: Mapping[str, Any], order: Order, price: Decimal) -> tuple[Order, list[Order]]:
    """Return the parent and its exits, as the order's class asks for. Raises Refused.

    Exits of a bracket or oto are held until the parent has filled. The parent of an oco pair is
    its take-profit order.
    """
    if order.order_class not in _EXITS:
        return order, []
    _check_entry(order)
    profit = _exit(body, "take_profit", ("limit_price",))
    loss = _exit(body, "stop_loss", ("stop_price", "limit_price"))
    if (profit is not None) + (loss is not None) != _EXITS[order.order_class]:
        needed = "one of" if order.order_class == "oto" else "both"
        raise unprocessable(f"{order.order_class} orders require {needed} take_profit, stop_loss")
    if order.order_class == "oco":
        parent = replace(order, limit=profit["limit_price"] if profit else None)
        exits = [_leg(parent, parent.side, loss or {})]
        _check_distance(parent.side, parent.limit, loss, price)
        return parent, exits
    side = "sell" if order.side == "buy" else "buy"
    target = profit["limit_price"] if profit else None
    _check_distance(side, target, loss, order.limit or price)
    return order, [_leg(order, side, given) for given in (profit, loss) if given is not None]


def _check_entry(order: Order) -> None:
    if order.tif not in ("day", "gtc") or order.extended_hours:
        raise unprocessable(f"{order.order_class} orders must be DAY or GTC in regular hours")
    if order.quantity is None or order.quantity != order.quantity.to_integral_value():
        raise unprocessable(f"{order.order_class} orders must be of whole shares")
    if order.type == "trailing_stop" or (order.order_class == "oco" and order.type != "limit"):
        raise unprocessable(f"{order.order_class} orders cannot be of type {order.type}")


def _exit(
    body: Mapping[str, Any], name: str, prices: tuple[str, ...]
) -> dict[str, Decimal | None] | None:
    given = body.get(name)
    if given is None:
        return None
    if not isinstance(given, dict):
        raise invalid(f"{name} must be an object")
    read = {price: number(given, price) for price in prices}
    if read[prices[0]] is None:
        raise unprocessable(f"{name}.{prices[0]} is required")
    for price, value in read.items():
        check_price(f"{name}.{price}", value)
    return read


def _check_distance(
    side: str,
    target: Decimal | None,
    loss: Mapping[str, Decimal | None] | None,
    base: Decimal,
) -> None:
    stop = loss["stop_price"] if loss else None
    sign = 1 if side == "sell" else -1
    if stop is not None and sign * (base - stop) < CENT:
        beyond = "<= base_price - 0.01" if side == "sell" else ">= base_price + 0.01"
        raise unprocessable(f"stop_loss.stop_price must be {beyond} (base_price: {base})")
    if stop is not None and target is not None and sign * (target - stop) <= 0:
        raise unprocessable("take_profit.limit_price must be beyond stop_loss.stop_price")


def _leg(parent: Order, side: str, prices: Mapping[str, Decimal | None]) -> Order:
    stop, limit = prices.get("stop_price"), prices.get("limit_price")
    kind = "limit" if stop is None else ("stop" if limit is None else "stop_limit")
    return replace(
        parent,
        id=str(uuid.uuid4()),
        client_id=str(uuid.uuid4()),
        side=side,
        type=kind,
        limit=limit,
        stop=stop,
        intent=f"{side}_to_close",
        status="held",
        parent=parent.id,
    )


def react(desk: Desk, order: Order, traded: Decimal = ZERO) -> None:
    """Carry out what an order's fill or end means for the others of its family."""
    exits = [o for o in desk.book.children(order.id) if o.is_open]
    if order.order_class == "oco" or order.parent is not None:
        _exit_moved(desk, order, traded)
    elif order.status == "filled":
        for leg in exits:
            desk.activate(leg)
    elif not order.is_open and order.status != "replaced":
        for leg in exits:
            desk.end(leg, "canceled")


def _exit_moved(desk: Desk, order: Order, traded: Decimal) -> None:
    """One exit's trades make the other smaller; its end is the other's end."""
    for other in siblings(desk.book, order):
        if not order.is_open and order.status != "replaced":
            desk.end(other, "canceled")
        elif traded and other.quantity is not None:
            desk.book.keep(replace(other, quantity=other.quantity - traded))


def siblings(book: OrderBook, order: Order) -> list[Order]:
    """Return the other open exits of an exit's family."""
    head = order.parent or order.id
    family = list(book.children(head))
    if order.order_class == "oco":
        family.append(book.all[head])
    return [o for o in family if o.id != order.id and o.is_open]


def adopt(book: OrderBook, old: Order, new: Order) -> None:
    """Hand the exits of a replaced parent over to its successor, in its size."""
    for leg in book.children(old.id):
        if leg.is_open:
            book.keep(replace(leg, parent=new.id, quantity=new.quantity))


def family_of(order: Order) -> str:
    """Return what the exits for the same shares have in common."""
    return (order.parent or order.id) if order.order_class in _EXITS else order.id
