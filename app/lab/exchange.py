"""An exchange of the past: orders rest in memory and fill by the paper ledger's rules."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from app.adapters.paper.matching import Price, Resting, due, step
from app.adapters.port import BrokerClock
from app.engine.errors import Rejected
from app.engine.ids import digest, execution_id
from app.engine.orders import (
    BrokerOrder,
    Execution,
    Order,
    OrderState,
    TimeInForce,
)

_FOR_THE_DAY = frozenset({TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK})
_STATUS = {
    OrderState.FILLED: "filled",
    OrderState.EXPIRED: "expired",
    OrderState.CANCELLED: "canceled",
    OrderState.REJECTED: "rejected",
}


@dataclass(frozen=True, slots=True)
class Word:
    """What the exchange says of an order, as a broker does: its state, and what filled."""

    order: BrokerOrder
    executions: tuple[Execution, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """An order that rests: what is said of it, and how."""

    stated: BrokerOrder
    rests: Resting


class Exchange:
    """Orders fill whole, at the far side of the price, when the price is looked at.

    It refuses what the time in force does not admit and nothing else: whether there is money for an
    order, or anything to sell, was decided before.
    """

    def __init__(self, price: Callable[[str], Price | None]) -> None:
        """``price`` is what a symbol trades at when it is asked."""
        self._price = price
        self._open: dict[str, Entry] = {}

    def adopt(self, order: Order, clock: BrokerClock) -> None:
        """Take over an order that works at the broker when the day begins."""
        stated = replace(
            stated_as(order, clock),
            broker_id=order.broker_id or digest("past", order.client_id),
            filled_quantity=order.filled_quantity,
            average_price=order.average_price,
            state=order.state,
        )
        self._open[order.client_id] = Entry(stated, resting_as(order, clock))

    def submit(self, order: Order, clock: BrokerClock) -> list[Word]:
        """Take an order; return what is said of it at once."""
        stated = stated_as(order, clock)
        try:
            entry = Entry(stated, resting_as(order, clock))
        except Rejected:
            return [Word(ended(stated, OrderState.REJECTED))]
        self._open[order.client_id] = entry
        return [Word(stated), *self._look(entry, clock)]

    def cancel(self, client_id: str) -> list[Word]:
        """End an order; nothing is said of one that has ended."""
        entry = self._open.pop(client_id, None)
        return [] if entry is None else [Word(ended(entry.stated, OrderState.CANCELLED))]

    def look(self, clock: BrokerClock) -> list[Word]:
        """Let the prices and the time act on what rests, in the order in which it came."""
        return [word for entry in list(self._open.values()) for word in self._look(entry, clock)]

    def _look(self, entry: Entry, clock: BrokerClock) -> list[Word]:
        name = entry.stated.client_id
        outcome = step(entry.rests, self._price(entry.stated.symbol), clock)
        if outcome.fill_price is not None:
            del self._open[name]
            return [filled(entry.stated, outcome.fill_price, clock)]
        if outcome.ends is not None:
            del self._open[name]
            return [Word(ended(entry.stated, outcome.ends))]
        if outcome.triggered:
            self._open[name] = replace(entry, rests=replace(entry.rests, triggered=True))
        return []


def resting_as(order: Order, clock: BrokerClock) -> Resting:
    """Return how an order rests. Raises Rejected where it is too late for its auction."""
    return Resting(
        side=order.side,
        type=order.type,
        time_in_force=order.time_in_force,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        triggered=False,
        due=due(order.time_in_force, clock),
        expires_at=clock.next_close if order.time_in_force in _FOR_THE_DAY else None,
    )


def stated_as(order: Order, clock: BrokerClock) -> BrokerOrder:
    """Return what is said of an order that was taken."""
    return BrokerOrder(
        broker_id=digest("past", order.client_id),
        client_id=order.client_id,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        filled_quantity=Decimal(0),
        average_price=None,
        state=OrderState.SUBMITTED,
        type=order.type.value,
        time_in_force=order.time_in_force.value,
        created_at=clock.at,
        status="new",
        limit_price=order.limit_price,
        stop_price=order.stop_price,
    )


def ended(stated: BrokerOrder, state: OrderState) -> BrokerOrder:
    """Return what is said of an order that has ended."""
    return replace(stated, state=state, status=_STATUS[state])


def filled(stated: BrokerOrder, price: Decimal, clock: BrokerClock) -> Word:
    """Return what is said of an order when all that is left of it has filled."""
    left = stated.quantity - stated.filled_quantity
    before = stated.filled_quantity * (stated.average_price or Decimal(0))
    whole = replace(
        ended(stated, OrderState.FILLED),
        filled_quantity=stated.quantity,
        average_price=(before + left * price) / stated.quantity,
    )
    execution = Execution(
        id=execution_id(stated.broker_id, stated.quantity),
        broker_order_id=stated.broker_id,
        symbol=stated.symbol,
        side=stated.side,
        quantity=left,
        price=price,
        cumulative=stated.quantity,
        at=clock.at,
        client_id=stated.client_id,
    )
    return Word(whole, (execution,))
