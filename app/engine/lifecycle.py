"""What the broker says of an order becomes what we hold of it: the broker's word, merged safely."""

from dataclasses import replace
from decimal import Decimal

from app.engine.errors import InvalidData
from app.engine.orders import FINAL, WORKING, BrokerOrder, Order, OrderState, check_transition


def apply_broker_order(order: Order, seen: BrokerOrder) -> Order:
    """Merge the broker's statement into an order, in whatever order statements arrive.

    The cumulative quantity is the authority and never decreases; a finished order never changes; a
    statement older than what is known changes nothing. Raises InvalidData for a statement about
    another order, for more filled than ordered, and for a move that no order can make.
    """
    _check_same(order, seen)
    if order.state in FINAL:
        return order
    if seen.filled_quantity > order.quantity:
        raise InvalidData(
            f"order {order.client_id}: {seen.filled_quantity} filled of {order.quantity} ordered"
        )
    filled = max(order.filled_quantity, seen.filled_quantity)
    state = _state(order, seen, filled)
    if state is not order.state:
        check_transition(order.state, state)
    newer = seen.filled_quantity >= order.filled_quantity and seen.average_price is not None
    return replace(
        order,
        state=state,
        broker_id=seen.broker_id,
        filled_quantity=filled,
        average_price=seen.average_price if newer else order.average_price,
    )


def _check_same(order: Order, seen: BrokerOrder) -> None:
    ours = (order.client_id, order.symbol, order.side)
    theirs = (seen.client_id, seen.symbol, seen.side)
    if ours != theirs:
        raise InvalidData(f"the broker's {theirs} is not our order {ours}")
    if order.broker_id not in (None, seen.broker_id):
        raise InvalidData(
            f"order {order.client_id} is {order.broker_id} at the broker, not {seen.broker_id}"
        )


def _state(order: Order, seen: BrokerOrder, filled: Decimal) -> OrderState:
    """Return the state that the cumulative quantity and the broker's word give together."""
    if filled == order.quantity:
        return OrderState.FILLED
    if seen.state is OrderState.REJECTED and filled > 0:
        return OrderState.CANCELLED  # what filled before the refusal stays filled
    if seen.state in FINAL - {OrderState.FILLED}:
        return seen.state
    if seen.state is OrderState.UNKNOWN:
        return OrderState.UNKNOWN
    if seen.state in WORKING | {OrderState.FILLED}:
        # "filled" with a smaller quantity is a statement that has not caught up with itself.
        return OrderState.PARTIAL if filled > 0 else OrderState.SUBMITTED
    raise InvalidData(f"order {order.client_id}: {seen.state} is not a broker's word")
