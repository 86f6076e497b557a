"""Withdraw: working orders that may not stay are cancelled at the broker, with the reason kept."""

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from app.engine.errors import OutcomeUnknown, Rejected, Transient
from app.engine.orders import FINAL, WORKING, Order
from app.engine.withdrawals import Withdrawal
from app.io.locks import Lease
from app.io.store import orders, verdicts
from app.pipeline import missing, order_verdicts
from app.pipeline.fills import executions_of
from app.pipeline.messages import INTENTS
from app.pipeline.ownership import keep
from app.pipeline.record import record_or_refuse
from app.pipeline.services import Services


def withdraw(to: Services, lease: Lease, asked: Sequence[Withdrawal]) -> int:
    """Ask for the cancel of each order that the broker works; return how many were asked.

    A cancel is a request: the order may fill first, its fills count, and the next pass asks again
    while it still works. Why it was asked for is written down once an order. Raises Transient where
    the book has another owner by now.
    """
    working = [one for one in asked if one.order.state in WORKING and one.order.broker_id]
    done = 0
    for one in working:
        keep(to, lease)
        if _cancel(to, one.order):
            with to.database.begin() as db:
                note(to, db, one)
            done += 1
        _look(to, one.order)
    return done


def note(to: Services, db: Connection, one: Withdrawal) -> None:
    """Write down why an order was withdrawn, unless something has been said of that before."""
    if not verdicts.said(db, to.book.id, order_verdicts.subject(one.order), one.because.gate):
        order_verdicts.note(to, db, "withdraw", one.order, one.because)


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
    """Ask once what became of an order; if it is final, what waits for it goes on at once.

    Most cancels are carried out in no time, and what could not be cancelled has ended before.
    Whatever this look misses, the stream, the poll or the next reconciliation tells.
    """
    if not to.buckets.take("broker", to.clock.now(), cost=2, reserve=True).allowed:
        return
    try:
        seen = to.broker.order(order.broker_id or "")
        if seen is None:
            # A cancel of it could fail for hours, and what waits for its shares with it.
            missing.suspect(to, order)
        if seen is None or seen.state not in FINAL:
            return
        executed = executions_of(to, order, seen)
    except (Rejected, Transient, OutcomeUnknown) as error:
        to.log("look_up_failed", client_id=order.client_id, why=str(error))
        return
    record_or_refuse(to, seen, executed, "withdraw")
    with to.database.begin() as db:
        now = orders.get(db, order.client_id)
    if now is not None and now.state in FINAL:
        # Read by nobody in this pass: the owner finds it when it lets go, and looks again.
        to.streams.publish(INTENTS, {"id": order.intent_id})
