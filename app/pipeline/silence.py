"""Silence: an order of which the broker has said nothing for hours is looked up and closed (E6)."""

from datetime import timedelta

from app.engine.errors import OutcomeUnknown, Rejected, Transient
from app.engine.orders import FINAL, BrokerOrder, Order, OrderState
from app.engine.verdicts import Reason
from app.engine.withdrawals import withdrawal
from app.io.store import orders, recovery
from app.io.store.recovery import Difference
from app.pipeline import missing, withdraw
from app.pipeline.fills import executions_of
from app.pipeline.record import record_or_refuse
from app.pipeline.services import Services

#: Any word of the broker is news, the answer to a poll too, and polls come within minutes: a stop
#: that rests for days is never silent, and a program that was down asks before it comes to this.
NO_NEWS = timedelta(minutes=240)


def close(to: Services) -> int:
    """Look up what has been silent for too long; return how many orders were closed.

    What the broker still knows has news by that. What it does not have, or says impossible things
    of, is cancelled there as far as possible and closed here; its fills stay, and if it held
    shares or a slot, those are free again. Whatever else is wrong then, reconciliation finds.
    """
    with to.database.begin() as db:
        silent = orders.quiet(db, to.book.id, to.clock.now() - NO_NEWS)
    return sum(_settle(to, order) for order in silent)


def _settle(to: Services, order: Order) -> bool:
    if not to.buckets.take("broker", to.clock.now(), cost=2, reserve=True).allowed:
        return False
    try:
        seen = missing.look_up(to, order)
        if seen is not None:
            executed = executions_of(to, order, seen)
            if record_or_refuse(to, seen, executed, "silence", of=order.client_id):
                return False
            _cancel(to, seen)
    except (Transient, OutcomeUnknown, Rejected) as error:
        to.log("look_up_failed", client_id=order.client_id, why=str(error))
        return False
    _close(to, order, seen.status if seen else None)
    return True


def _cancel(to: Services, seen: BrokerOrder) -> None:
    try:
        if seen.state not in FINAL:
            to.broker.cancel(seen.broker_id)
    except Rejected as error:
        to.log("cancel_refused", book=to.book.id, order=seen.broker_id, why=str(error))


def _close(to: Services, order: Order, theirs: str | None) -> None:
    now, why = to.clock.now(), f"no news for {NO_NEWS}"
    with to.database.begin() as db:
        after = orders.move(db, order.client_id, OrderState.CANCELLED, now, error=why)
        if after.state is not OrderState.CANCELLED:
            return
        found = Difference(now, "order", order.client_id, order.state, theirs, f"closed: {why}")
        recovery.add(db, to.book.id, found)
        withdraw.note(to, db, withdrawal(order, Reason.NO_NEWS, theirs, NO_NEWS))
    to.log("order_silent", book=to.book.id, order=order.client_id, symbol=order.symbol, why=why)
