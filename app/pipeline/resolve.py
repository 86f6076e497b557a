"""Resolve: an order in doubt is looked up by its client id, then adopted or sent again with it."""

from sqlalchemy.engine import Connection

from app.engine.errors import OutcomeUnknown, Rejected, Transient
from app.engine.orders import Order, OrderState
from app.io.locks import Lease
from app.io.store import doubts, orders, recovery
from app.pipeline import claims, execute, missing
from app.pipeline.ownership import require
from app.pipeline.services import Services


def resolve(to: Services, lease: Lease) -> int:
    """Look every order in doubt up; return how many were settled.

    Called by the book's owner while it sends nothing itself: whatever is SUBMITTING then was left
    by somebody who died or was paused in the middle, so it is in doubt at once. Raises Transient
    where the book has another owner by now, whose request is under way and in no doubt.
    """
    with to.database.begin() as db:
        require(db, lease)
        doubtful = orders.in_doubt(db, to.book.id)
        doubtful = [_left_unfinished(to, db, order) for order in doubtful]
    return sum(_settle(to, lease, order) for order in doubtful)


def _left_unfinished(to: Services, db: Connection, order: Order) -> Order:
    if order.state is not OrderState.SUBMITTING:
        return order
    now, left = to.clock.now(), "left unfinished"
    return orders.move(db, order.client_id, OrderState.UNKNOWN, now, error=left)


def _settle(to: Services, lease: Lease, order: Order) -> bool:
    if not to.broker.capabilities.client_ids and order.broker_id is None:
        return claims.settle(to, order)
    if not to.buckets.take("broker", to.clock.now(), reserve=True).allowed:
        return False
    try:
        seen = missing.look_up(to, order)
    except (Transient, OutcomeUnknown, Rejected) as error:
        claims.ask_later(to, order, str(error))
        return False
    if seen is None:
        return _not_found(to, lease, order)
    if not claims.adopt(to, order, seen, (), "resolve"):
        what = f"is not {seen.broker_id}, which has its client id at the broker"
        claims.freeze(to, order, [seen.broker_id], what, asked=False)
        return False
    return True


def _not_found(to: Services, lease: Lease, order: Order) -> bool:
    """Wait and ask again: brokers may show an order late. After the last time it is not there."""
    with to.database.begin() as db:
        tries = doubts.resolve_tries(db, order.client_id)
        if tries < len(to.resolve_delays_s):
            doubts.postpone(db, order.client_id, to.resolve_delays_s[tries])
            return False
        known = recovery.noted(db, to.book.id, execute.DUPLICATE, order.client_id, order.created_at)
        refused = recovery.last(db, to.book.id, execute.REFUSED, order.client_id)
    if order.broker_id is not None:
        missing.close(to, lease, order)
        return True
    if known:
        # The broker has it and does not show it: neither sent again nor closed as not there.
        claims.freeze(to, order, [], "is known to the broker, which does not show it")
        return False
    if refused:
        execute.close_refused(to, lease, order, refused.theirs or "refused")
        return True
    if execute.outdated(to, order):
        execute.drop(to, lease, order, before=OrderState.UNKNOWN)
        return True
    return _send_again(to, lease, order)


def _send_again(to: Services, lease: Lease, order: Order) -> bool:
    """Send with the same id: a broker that has the first one takes no second.

    Its no does not say which: the order is looked up through all the delays once more.
    """
    if not execute.start(to, lease, order, before=OrderState.UNKNOWN):
        return False
    with to.database.begin() as db:
        claims.note(to, db, order, "not found", "sent again with the same id")
    return execute.send(to, lease, order, before=OrderState.UNKNOWN)
