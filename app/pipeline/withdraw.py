"""Withdraw: working orders that the book may not have any more are cancelled at the broker."""

from collections.abc import Sequence

from app.engine.errors import OutcomeUnknown, Rejected, Transient
from app.engine.orders import FINAL, WORKING, Order, Purpose
from app.engine.risk import BLOCKS
from app.engine.session import pre_close_at
from app.io.store import orders
from app.pipeline.desk import Desk
from app.pipeline.fills import executions_by_order
from app.pipeline.messages import INTENTS
from app.pipeline.record import record_or_refuse
from app.pipeline.services import Services


def withdraw(to: Services, desk: Desk, also: Sequence[Order] = ()) -> int:
    """Ask for the cancel of each working order that may not stay; return how many were asked.

    That is what the book's status blocks, entries from the pre-close on (what they still bought
    would be held overnight), and ``also``, which others wait for. A stop that rests at the broker
    stays whatever the status: a halt takes no protection away. A cancel is a request: the order may
    fill first, its fills count, and the next pass asks again while it still works.
    """
    awaited = [order for order in also if order.state in WORKING and order.broker_id]
    ids = {order.client_id for order in awaited}
    others = [o for o in desk.open if o.client_id not in ids and _must_go(to, desk, o)]
    asked = sum(_cancel(to, order) for order in others)
    for order in awaited:
        asked += _cancel(to, order)
        _look(to, order)
    return asked


def _must_go(to: Services, desk: Desk, order: Order) -> bool:
    if order.state not in WORKING or order.broker_id is None or order.purpose is Purpose.PROTECT:
        return False
    hours = to.calendar.session_for(desk.at)
    late = desk.at >= pre_close_at(hours, to.book.session)
    return order.purpose in BLOCKS[desk.row.status] or (order.purpose is Purpose.ENTRY and late)


def _cancel(to: Services, order: Order) -> bool:
    if not to.buckets.take("broker", to.clock.now(), reserve=True).allowed:
        return False
    try:
        to.broker.cancel(order.broker_id or "")
    except (Rejected, Transient, OutcomeUnknown) as error:
        to.log("cancel_failed", book=to.book.id, order=order.client_id, why=str(error))
        return False
    return True


def _look(to: Services, order: Order) -> None:
    """Ask once what became of an order that others wait for; if it is final, they go on at once.

    Most cancels are carried out in no time, and what could not be cancelled has ended before.
    Whatever this look misses, the stream, the poll or the next reconciliation tells.
    """
    if not to.buckets.take("broker", to.clock.now(), cost=2, reserve=True).allowed:
        return
    try:
        seen = to.broker.order(order.broker_id or "")
        if seen is None or seen.state not in FINAL:
            return
        executed = executions_by_order(to, [order])[seen.broker_id] if seen.filled_quantity else []
    except (Rejected, Transient, OutcomeUnknown) as error:
        to.log("look_up_failed", client_id=order.client_id, why=str(error))
        return
    record_or_refuse(to, seen, executed, "withdraw")
    with to.database.begin() as db:
        now = orders.get(db, order.client_id)
    if now is not None and now.state in FINAL:
        # Read by nobody in this pass: the owner finds it when it lets go, and looks again.
        to.streams.publish(INTENTS, {"id": order.intent_id})
