"""Settle: what a person says became of an order in doubt, carried out by the book's owner."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from app.engine.errors import InvalidData, Transient
from app.engine.orders import BrokerOrder, Execution, Order, OrderState
from app.engine.verdicts import Reason, Verdict
from app.io.store import orders
from app.io.store.commands import Command
from app.pipeline import claims, order_verdicts
from app.pipeline.commands import Carry, ask_and_carry_out
from app.pipeline.fills import executions_of
from app.pipeline.record import record
from app.pipeline.services import Services

KIND = "order.settle"


@dataclass(frozen=True, slots=True)
class Said:
    """What a person says of an order: that it is one at the broker, or that it is not there."""

    seen: BrokerOrder | None
    executed: Sequence[Execution]
    by: str
    why: str


def carry_out(to: Services) -> int:
    """Carry out what people have said of orders in doubt; return how many commands those were.

    For the book's owner, while it sends nothing.
    """
    return len(ask_and_carry_out(to, {KIND: _look}))


def _look(to: Services, asked: Command) -> Carry:
    """Find the order that is meant, and what it is said to be at the broker."""
    order = _in_doubt(to, asked.arguments.get("order"))
    said = _said(to, order, asked)

    def settle(to: Services, db: Connection, command: Command) -> str:
        return settle_by_hand(to, db, order.client_id, said)

    return settle


def settle_by_hand(to: Services, db: Connection, client_id: str, said: Said) -> str:
    """Close an order in doubt, or adopt what it is at the broker; return what was done in a line.

    Raises InvalidData where the order is not in doubt any more, or cannot be that one.
    """
    order = orders.get(db, client_id, lock=True)
    if order is None or order.state is not OrderState.UNKNOWN:
        raise InvalidData(f"{client_id} is {order.state if order else 'gone'} by now, not in doubt")
    told = f"{said.by}: {said.why}"
    if said.seen is None:
        theirs, now = "not there", to.clock.now()
        after = orders.move(db, client_id, OrderState.CANCELLED, now, error=f"not there; {told}")
    else:
        theirs = said.seen.broker_id
        _check_alike(order, said.seen)
        recorded = record(to, db, said.seen, said.executed, "by hand", of=client_id)
        after = recorded or order
    claims.note(to, db, order, theirs, f"settled by {told}")
    by_hand = Verdict("settled", Reason.SETTLED_BY_HAND, theirs)
    order_verdicts.note(to, db, "execute", order, by_hand)
    return f"settled: {client_id} is {after.state}, {after.filled_quantity} filled"


def _in_doubt(to: Services, named: object) -> Order:
    """Return the only order in doubt whose client id begins so."""
    with to.database.begin() as db:
        known = orders.unfinished(db, to.book.id)
    doubtful = [order for order in known if order.state is OrderState.UNKNOWN]
    meant = [o for o in doubtful if named and o.client_id.startswith(str(named))]
    if len(meant) == 1:
        return meant[0]
    names = ", ".join(order.client_id for order in doubtful) or "none, nothing is in doubt"
    raise InvalidData(f"ORDER: {ascii(named)[:60]} is no order in doubt; accepted: {names}")


def _said(to: Services, order: Order, command: Command) -> Said:
    """Read a command, and ask the broker for the order that it names."""
    broker_id = command.arguments.get("is")
    if (broker_id is None) == (command.arguments.get("not_there") is not True):
        raise InvalidData("accepted: that it is not there, or the broker's id of what it is")
    if broker_id is None:
        return Said(None, (), command.asked_by, command.why)
    if not to.buckets.take("broker", to.clock.now(), cost=2, reserve=True).allowed:
        raise Transient("no call to the broker is left in this minute; ask again in the next")
    seen = to.broker.order(str(broker_id))
    if seen is None:
        raise InvalidData(f"--is: {ascii(broker_id)[:60]} is no order at {to.broker.name}")
    executed = executions_of(to, order, seen)
    return Said(seen, executed, command.asked_by, command.why)


def _check_alike(order: Order, seen: BrokerOrder) -> None:
    ours = (order.side, order.quantity, order.symbol)
    theirs = (seen.side, seen.quantity, seen.symbol)
    if ours != theirs:
        spelt = [f"{side} {quantity} {symbol}" for side, quantity, symbol in (ours, theirs)]
        raise InvalidData(f"--is: {seen.broker_id} is {spelt[1]}; accepted: an order to {spelt[0]}")
