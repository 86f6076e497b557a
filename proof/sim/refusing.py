"""What the broker in memory refuses, and why."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from app.engine.errors import Rejected
from app.engine.orders import Order, Side
from app.engine.portfolio import Position

if TYPE_CHECKING:
    from proof.sim.broker import MemoryBroker

ZERO = Decimal(0)


def check(broker: "MemoryBroker", order: Order, now: datetime) -> None:
    """Raise Rejected where the broker says no to an order."""
    if not (order.quantity.is_finite() and order.quantity > 0):
        raise Rejected("invalid", f"{order.quantity} shares")
    working = broker.working()
    taken = {kept.stated.client_id for kept in broker.book.values()}
    if broker.client_ids and order.client_id in taken:
        raise Rejected("duplicate", f"{order.client_id} was used before")
    if not broker.session().is_open:
        raise Rejected("closed", f"no orders at {now.isoformat()}")
    if any(k.ticket.symbol == order.symbol and k.ticket.side is not order.side for k in working):
        raise Rejected("40310000", "opposite side order exists")
    if order.side is Side.SELL and order.quantity > free(broker, order.symbol):
        raise Rejected("40310000", "insufficient qty available")
    cost = order.quantity * (order.limit_price or broker.prices[order.symbol][1])
    if order.side is Side.BUY and cost > broker.cash - reserved(broker):
        raise Rejected("40310000", "insufficient buying power")


def free(broker: "MemoryBroker", symbol: str) -> Decimal:
    """Return the shares that no working sale holds."""
    sales = [k for k in broker.working() if (k.stated.symbol, k.stated.side) == (symbol, "sell")]
    held = broker.held.get(symbol, Position(symbol)).quantity
    return held - sum((kept.outstanding for kept in sales), ZERO)


def reserved(broker: "MemoryBroker") -> Decimal:
    """Return the money that working purchases hold."""
    buys = [kept for kept in broker.working() if kept.stated.side is Side.BUY]
    asks = {kept.stated.symbol: broker.prices[kept.stated.symbol][1] for kept in buys}
    each = (k.outstanding * (k.ticket.limit_price or asks[k.stated.symbol]) for k in buys)
    return sum(each, ZERO)
