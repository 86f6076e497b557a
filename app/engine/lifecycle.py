"""What the broker says of an order becomes what we hold of it: the broker's word, merged safely."""

from dataclasses import dataclass, replace
from decimal import Decimal

from app.engine import links
from app.engine.links import Chain
from app.engine.orders import FINAL, BrokerOrder, Order, check_transition


@dataclass(frozen=True, slots=True)
class Heard:
    """What a statement left: our order, and the broker's orders that it is."""

    order: Order
    chain: Chain


def apply_broker_order(
    order: Order, seen: BrokerOrder, chain: Chain = (), claimed: bool = False
) -> Heard:
    """Merge the broker's statement into an order, in whatever order statements arrive.

    The cumulative quantity is the authority and never decreases; a finished order never changes; a
    statement older than what is known changes nothing. An order that was replaced stays open under
    its successor's id, and the quantity is the broker's. Raises InvalidData for a statement about
    another order (see ``links.heard``), for more filled than ordered, and for a move that no order
    can make.
    """
    chain = links.heard(order, chain, seen, claimed)
    if order.state in FINAL:
        return Heard(order, chain)
    state = links.state(chain)
    if state is not order.state:
        check_transition(order.state, state)
    after = replace(
        order,
        state=state,
        broker_id=links.current(chain).broker_id,
        filled_quantity=max(order.filled_quantity, links.filled(chain)),
        average_price=links.average_price(chain),
    )
    return Heard(_resized(after, chain), chain)


def _resized(order: Order, chain: Chain) -> Order:
    """Return an order in the size and at the prices that a replacement gave it.

    What it reserves grows and shrinks with it. The prices of an order that nobody replaced are
    ours: a broker may round them.
    """
    last = chain[-1]
    size = links.quantity(chain)
    # Nothing was stated of the newest successor yet: it is at least as large as what has filled.
    quantity = max(order.quantity if size is None else size, order.filled_quantity)
    if len(chain) == 1:
        limit, stop = order.limit_price, order.stop_price
    else:
        limit, stop = last.limit_price or order.limit_price, last.stop_price or order.stop_price
    return replace(
        order,
        quantity=quantity,
        limit_price=limit,
        stop_price=stop,
        reserved_risk=_scaled(order.reserved_risk, order, quantity, limit),
        reserved_notional=_scaled(order.reserved_notional, order, quantity, limit),
    )


def _scaled(amount: Decimal, order: Order, quantity: Decimal, limit: Decimal | None) -> Decimal:
    if quantity != order.quantity:
        amount = amount * quantity / order.quantity
    if limit and order.limit_price and limit != order.limit_price:
        amount = amount * limit / order.limit_price
    return amount
