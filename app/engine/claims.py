"""Which of a broker's orders an order in doubt may be, where the broker takes no client ids."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from app.engine.orders import BrokerOrder, Order
from app.engine.rounding import to_tick

#: The broker's clock may be so far behind ours; and whoever was to send the request may have been
#: stopped so long (a suspended machine) between writing that down and sending it. What turns up
#: later than that is a matter for a person.
BEFORE, AFTER = timedelta(minutes=1), timedelta(minutes=10)


def candidates(order: Order, sent_at: datetime, seen: Iterable[BrokerOrder]) -> list[BrokerOrder]:
    """Return what the broker's orders hold that this one may have become, oldest first.

    That is the same symbol, side, quantity, type and prices, placed from ``BEFORE`` the request
    until ``AFTER`` it. An order that replaced another is somebody's own.
    """
    return [theirs for theirs in seen if _may_be(order, sent_at, theirs)]


def _may_be(order: Order, sent_at: datetime, theirs: BrokerOrder) -> bool:
    return (
        (theirs.symbol, theirs.side, theirs.quantity, theirs.type)
        == (order.symbol, order.side, order.quantity, order.type.value)
        and _same(order.limit_price, theirs.limit_price)
        and _same(order.stop_price, theirs.stop_price)
        and theirs.replaces is None
        and sent_at - BEFORE <= theirs.created_at <= sent_at + AFTER
    )


def _same(ours: Decimal | None, theirs: Decimal | None) -> bool:
    """Is it our price, or that cut to the price step, or is none stated?"""
    return ours is None or theirs in (None, ours, to_tick(ours))
