"""Settle: what a person says became of an order in doubt, carried out by the book's owner."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from app.engine.errors import InvalidData, OutcomeUnknown, Rejected, Transient
from app.engine.orders import BrokerOrder, Execution, Order, OrderState
from app.engine.verdicts import Reason, Verdict
from app.io.store import commands, orders
from app.io.store.commands import Command
from app.pipeline import claims, order_verdicts
from app.pipeline.fills import executions_of
from app.pipeline.record import record
from app.pipeline.services import Services

KIND = "order.settle"
#: So many at a time: the others are still there in the next pass.
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Said:
    """What a person says of an order: that it is one at the broker, or that it is not there."""

    seen: BrokerOrder | None
    executed: Sequence[Execution]
    by: str
    why: str


def carry_out(to: Services) -> int:
    """Carry out what people have said of orders in doubt; return how many commands those were.

    For the book's owner, while it sends nothing. A refusal is the command's result, in one line.
    """
    with to.database.begin() as db:
        waiting = commands.waiting(db, to.book.id, (KIND,))[:_AT_ONCE]
    return sum(_one(to, number) for number in waiting)


def _one(to: Services, number: int) -> bool:
    with to.database.begin() as db:
        asked = commands.get(db, number)
    if asked is None:
        return False
    try:
        # The broker is asked before the transaction: nothing waits for it while a row is locked.
        order = _in_doubt(to, asked.arguments.get("order"))
        said: Said | str = _said(to, order, asked)
    except (InvalidData, Transient, OutcomeUnknown, Rejected) as error:
        said = f"refused: {error}"
    with to.database.begin() as db:
        command = commands.take(db, number)
        if command is None:
            return False  # whoever asked has taken it back meanwhile
        result = said if isinstance(said, str) else _tried(to, db, order.client_id, said)
        commands.done(db, number, result)
    to.log("command", book=to.book.id, kind=KIND, by=command.asked_by, said=result)
    return True


def _tried(to: Services, db: Connection, client_id: str, said: Said) -> str:
    try:
        with db.begin_nested():
            return settle_by_hand(to, db, client_id, said)
    except InvalidData as error:
        return f"refused: {error}"


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
