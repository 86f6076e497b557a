"""Missing: an order that the broker had and does not have any more is looked up, then closed."""

from app.engine.orders import WORKING, BrokerOrder, Order, OrderState
from app.engine.verdicts import Reason
from app.engine.withdrawals import withdrawal
from app.io.locks import Lease, held
from app.io.store import doubts, orders, recovery
from app.io.store.recovery import Difference
from app.pipeline import order_verdicts
from app.pipeline.services import Services

GONE = "the broker had it and does not have it any more"


def suspect(to: Services, order: Order) -> None:
    """Put an order in doubt of which the broker says that it does not know its own id.

    Once is no proof: it is looked up through all the delays like any order in doubt. Where another
    of its symbol and side is in doubt, that is settled first, and this one is asked about again.
    """
    now = to.clock.now()
    with to.database.begin() as db:
        mine = orders.get(db, order.client_id, lock=True)
        if mine is None or mine.state not in WORKING or mine.broker_id != order.broker_id:
            return
        if doubts.other_in_doubt(db, mine):
            return
        orders.move(db, mine.client_id, OrderState.UNKNOWN, now, error=GONE)
        known = f"{mine.state} {mine.filled_quantity}"
        found = Difference(now, "order", mine.client_id, known, "not found", "looked up")
        recovery.add(db, to.book.id, found)
    to.log("order_missing", book=to.book.id, order=mine.client_id, symbol=mine.symbol)


def look_up(to: Services, order: Order) -> BrokerOrder | None:
    """Ask by our own id where the broker knows it, for the one that it gave has been asked for.

    What was replaced bears our id only at the beginning of its chain.
    """
    if to.broker.capabilities.client_ids:
        seen = to.broker.order_by_client_id(order.client_id)
        if seen is None or seen.replaced_by is None or order.broker_id is None:
            return seen
    return to.broker.order(order.broker_id or "")


def close(to: Services, lease: Lease, order: Order) -> None:
    """Close an order that is still not there: sent again it would be new, or a duplicate.

    Its fills stay, and whatever was wrong with them the comparison of positions finds.
    """
    now = to.clock.now()
    with to.database.begin() as db:
        mine = orders.get(db, order.client_id, lock=True)
        if mine is None or mine.state is not OrderState.UNKNOWN or not held(db, lease):
            return
        orders.move(db, mine.client_id, OrderState.CANCELLED, now, error=GONE)
        found = Difference(now, "order", mine.client_id, mine.state, "not found", f"closed: {GONE}")
        recovery.add(db, to.book.id, found)
        because = withdrawal(mine, Reason.GONE_AT_BROKER).because
        order_verdicts.note(to, db, "withdraw", mine, because)
    to.log("order_gone", book=to.book.id, order=mine.client_id, symbol=mine.symbol, why=GONE)
