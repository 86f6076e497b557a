"""The broker's orders that are one order of ours: the first, and each that replaced another.

A replacement ends one broker order and begins the next, under another id. Each states its own
quantity and its own fills; together they are one chain, and what may still fill is at its end.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from app.engine.errors import InvalidData
from app.engine.orders import FINAL, WORKING, BrokerOrder, Order, OrderState


@dataclass(frozen=True, slots=True)
class Link:
    """One broker order of a chain, as last stated; ``quantity`` is None until it was stated."""

    broker_id: str
    replaces: str | None = None
    replaced_by: str | None = None
    quantity: Decimal | None = None
    filled_quantity: Decimal = Decimal(0)
    average_price: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    state: OrderState = OrderState.SUBMITTED

    @property
    def ended(self) -> bool:
        return self.quantity is not None and self.state in FINAL


#: From the first broker order to the last one that is known.
Chain = tuple[Link, ...]


def heard(order: Order, chain: Chain, seen: BrokerOrder, claimed: bool = False) -> Chain:
    """Merge a statement into the chain of an order, in whatever order statements arrive.

    ``claimed`` says that it is about this order though it does not carry its client id. Raises
    InvalidData for a statement about another order, and for a chain that forks or bites its tail.
    """
    if (order.symbol, order.side) != (seen.symbol, seen.side):
        raise InvalidData(
            f"order {order.client_id} is to {order.side} {order.symbol}, and what the broker has "
            f"as {seen.broker_id} is to {seen.side} {seen.symbol}"
        )
    chain = _with_place(order, chain, seen, claimed)
    at = _place(chain, seen.broker_id)
    merged = _merged(order, chain[at], seen)
    chain = (*chain[:at], merged, *chain[at + 1 :])
    return _with_successor(order, chain, at, seen.replaced_by)


def current(chain: Chain) -> Link:
    """Return the first broker order that has not ended, as far as we heard; else the last."""
    return next((link for link in chain if not link.ended), chain[-1])


def quantity(chain: Chain) -> Decimal | None:
    """Return what the whole chain may fill; None until its end was stated."""
    before = sum((link.filled_quantity for link in chain[:-1]), Decimal(0))
    last = chain[-1].quantity
    return None if last is None else before + last


def filled(chain: Chain) -> Decimal:
    """Return what the whole chain has filled."""
    return sum((link.filled_quantity for link in chain), Decimal(0))


def average_price(chain: Chain) -> Decimal | None:
    """Return what a share of the whole chain cost on average; None without a price."""
    priced = [(link.filled_quantity, link.average_price) for link in chain]
    shares = sum((count for count, price in priced if price is not None), Decimal(0))
    paid = sum((count * price for count, price in priced if price is not None), Decimal(0))
    return paid / shares if shares else None


def state(chain: Chain) -> OrderState:
    """Return the state of the whole: open until every part of it has ended."""
    some = filled(chain) > 0
    now = current(chain)
    if now.ended:
        refused = now.state is OrderState.REJECTED and some
        return OrderState.CANCELLED if refused else now.state
    if now.state is OrderState.UNKNOWN:
        return OrderState.UNKNOWN
    return OrderState.PARTIAL if some else OrderState.SUBMITTED


def _place(chain: Chain, broker_id: str | None) -> int:
    return next((n for n, link in enumerate(chain) if link.broker_id == broker_id), -1)


def _with_place(order: Order, chain: Chain, seen: BrokerOrder, claimed: bool) -> Chain:
    """Return the chain with a link for the broker order that is stated."""
    if _place(chain, seen.broker_id) >= 0:
        return chain
    if not chain:
        _check_ours(order, seen, claimed)
        first = order.broker_id or seen.replaces or seen.broker_id
        filled, price = order.filled_quantity, order.average_price
        chain = (Link(first, filled_quantity=filled, average_price=price),)
        if first == seen.broker_id:
            return chain
    before = _place(chain, seen.replaces)
    if before < 0:
        known_as = ", ".join(link.broker_id for link in chain)
        raise InvalidData(
            f"order {order.client_id} is {known_as} at the broker, not {seen.broker_id}"
        )
    return _with_successor(order, chain, before, seen.broker_id)


def _check_ours(order: Order, seen: BrokerOrder, claimed: bool) -> None:
    if not claimed and seen.client_id != order.client_id:
        raise InvalidData(
            f"the broker's {seen.client_id or seen.broker_id} is not our order {order.client_id}"
        )


def _merged(order: Order, link: Link, seen: BrokerOrder) -> Link:
    """Return a link with what is newer in a statement; its quantity filled never falls."""
    if seen.replaces and link.replaces not in (None, seen.replaces):
        raise InvalidData(
            f"order {order.client_id}: {link.broker_id} replaces {link.replaces}, "
            f"not {seen.replaces}"
        )
    if link.ended:
        return link
    if seen.filled_quantity > seen.quantity or link.filled_quantity > seen.quantity:
        most = max(seen.filled_quantity, link.filled_quantity)
        raise InvalidData(f"order {order.client_id}: {most} filled of {seen.quantity} ordered")
    newer = seen.filled_quantity >= link.filled_quantity and seen.average_price is not None
    after = replace(
        link,
        quantity=seen.quantity,
        filled_quantity=max(link.filled_quantity, seen.filled_quantity),
        average_price=seen.average_price if newer else link.average_price,
        limit_price=seen.limit_price,
        stop_price=seen.stop_price,
    )
    return replace(after, state=_state(order, after, seen.state))


def _state(order: Order, link: Link, word: OrderState) -> OrderState:
    """Return the state that the cumulative quantity and the broker's word give together."""
    if link.filled_quantity == link.quantity:
        return OrderState.FILLED
    if word is OrderState.FILLED:
        # "filled" with a smaller quantity is a statement that has not caught up with itself.
        return OrderState.PARTIAL
    if word not in WORKING | FINAL | {OrderState.UNKNOWN}:
        raise InvalidData(f"order {order.client_id}: {word} is not a broker's word")
    return word


def _with_successor(order: Order, chain: Chain, at: int, successor: str | None) -> Chain:
    """Return the chain with the successor that one of its links names."""
    link = chain[at]
    if successor is None or successor == link.replaced_by:
        return chain
    if link.replaced_by is not None:
        raise InvalidData(
            f"order {order.client_id}: {link.broker_id} was replaced by {link.replaced_by}, "
            f"and now by {successor}"
        )
    if _place(chain, successor) >= 0 or at != len(chain) - 1:
        raise InvalidData(
            f"order {order.client_id}: {link.broker_id} cannot be replaced by {successor}, "
            "which it replaces itself"
        )
    named = replace(link, replaced_by=successor)
    return (*chain[:at], named, Link(successor, replaces=link.broker_id))
