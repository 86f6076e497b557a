"""An exchange of the past: orders rest in memory and fill by the paper ledger's rules."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from app.adapters.paper.matching import Price, Resting, resting, stated, step
from app.adapters.port import BrokerClock
from app.engine.errors import Rejected
from app.engine.ids import digest, execution_id
from app.engine.orders import (
    BrokerOrder,
    Execution,
    Order,
    OrderState,
)

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
        said = replace(
            stated(order, order.broker_id or digest("past", order.client_id), clock),
            filled_quantity=order.filled_quantity,
            average_price=order.average_price,
            state=order.state,
        )
        self._open[order.client_id] = Entry(said, resting(order, clock))

    def submit(self, order: Order, clock: BrokerClock) -> list[Word]:
        """Take an order; return what is said of it at once."""
        entry, word = taken(order, clock)
        if entry is None:
            return [word]
        self._open[order.client_id] = entry
        return [word, *self._look(entry, clock)]

    def cancel(self, client_id: str) -> list[Word]:
        """End an order; nothing is said of one that has ended."""
        return cancelled(self._open.pop(client_id, None))

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


def taken(order: Order, clock: BrokerClock) -> tuple[Entry | None, Word]:
    """Return an order as it rests and what is said of it; None for one that is refused."""
    said = stated(order, digest("past", order.client_id), clock)
    try:
        return Entry(said, resting(order, clock)), Word(said)
    except Rejected:
        return None, Word(ended(said, OrderState.REJECTED))


def cancelled(entry: Entry | None) -> list[Word]:
    """Return what is said of an order that was ended; nothing of one that had ended before."""
    return [] if entry is None else [Word(ended(entry.stated, OrderState.CANCELLED))]


def ended(of: BrokerOrder, state: OrderState) -> BrokerOrder:
    """Return what is said of an order that has ended."""
    return replace(of, state=state, status=_STATUS[state])


def filled(of: BrokerOrder, price: Decimal, clock: BrokerClock) -> Word:
    """Return what is said of an order when all that is left of it has filled."""
    left = of.quantity - of.filled_quantity
    before = of.filled_quantity * (of.average_price or Decimal(0))
    whole = replace(
        ended(of, OrderState.FILLED),
        filled_quantity=of.quantity,
        average_price=(before + left * price) / of.quantity,
    )
    execution = Execution(
        id=execution_id(of.broker_id, of.quantity),
        broker_order_id=of.broker_id,
        symbol=of.symbol,
        side=of.side,
        quantity=left,
        price=price,
        cumulative=of.quantity,
        at=clock.at,
        client_id=of.client_id,
    )
    return Word(whole, (execution,))
