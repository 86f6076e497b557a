"""Resolve: an order in doubt is looked up by its client id, then adopted or sent again with it."""

from sqlalchemy.engine import Connection

from app.engine.book import BookStatus
from app.engine.errors import OutcomeUnknown, Rejected, Transient
from app.engine.orders import Order, OrderState
from app.io.locks import Lease
from app.io.store import book_states, orders, recovery
from app.io.store.recovery import Difference
from app.pipeline import execute
from app.pipeline.record import record_or_refuse
from app.pipeline.services import Services


def resolve(to: Services, lease: Lease) -> int:
    """Look every order in doubt up; return how many were settled.

    Called by the book's owner while it sends nothing itself: whatever is SUBMITTING then was left
    by somebody who died or was paused in the middle, so it is in doubt at once.
    """
    with to.database.begin() as db:
        doubtful = orders.in_doubt(db, to.book.id, submitting_older_than_s=0)
        for order in doubtful:
            if order.state is OrderState.SUBMITTING:
                orders.move(
                    db, order.client_id, OrderState.UNKNOWN, to.clock.now(), error="left unfinished"
                )
    return sum(_settle(to, lease, order) for order in doubtful)


def _settle(to: Services, lease: Lease, order: Order) -> bool:
    if not to.buckets.take("broker", to.clock.now(), reserve=True).allowed:
        return False
    try:
        seen = to.broker.order_by_client_id(order.client_id)
    except (Transient, OutcomeUnknown, Rejected) as error:
        _ask_later(to, order, str(error))
        return False
    if seen is None:
        return _not_found(to, lease, order)
    if not record_or_refuse(to, seen, (), "resolve"):
        _ask_later(to, order, "what was found is not this order")
        return False
    with to.database.begin() as db:
        _note(to, db, order, seen.status, "adopted")
    return True


def _note(to: Services, db: Connection, order: Order, theirs: str, action: str) -> None:
    now = to.clock.now()
    difference = Difference(now, "order", order.client_id, order.state, theirs, action)
    recovery.add(db, to.book.id, difference)


def _ask_later(to: Services, order: Order, why: str) -> None:
    with to.database.begin() as db:
        # The broker did not answer: that is not one of the times it did not have the order.
        orders.postpone(db, order.client_id, to.resolve_delays_s[0], asked=False)
    to.log("look_up_failed", client_id=order.client_id, why=why)


def _not_found(to: Services, lease: Lease, order: Order) -> bool:
    """Wait and ask again: brokers may show an order late. After the last time it is not there."""
    with to.database.begin() as db:
        tries = orders.resolve_tries(db, order.client_id)
        if tries < len(to.resolve_delays_s):
            orders.postpone(db, order.client_id, to.resolve_delays_s[tries])
            return False
    if not to.broker.capabilities.client_ids:
        return _call_a_person(to, order)
    if execute.outdated(to, order):
        execute.drop(to, lease, order, before=OrderState.UNKNOWN)
        return True
    return _send_again(to, lease, order)


def _send_again(to: Services, lease: Lease, order: Order) -> bool:
    """Send with the same id: the broker refuses it if the first one arrived after all."""
    if not execute.start(to, lease, order, before=OrderState.UNKNOWN):
        return False
    with to.database.begin() as db:
        _note(to, db, order, "not found", "sent again with the same id")
    return execute.send(to, lease, order, before=OrderState.UNKNOWN)


def _call_a_person(to: Services, order: Order) -> bool:
    """A broker without client ids cannot be asked twice: stop entries until a person has looked."""
    why = f"order {order.client_id} ({order.side} {order.quantity} {order.symbol}) may be lost"
    with to.database.begin() as db:
        row = book_states.lock(db, to.book.id)
        if row.status is BookStatus.ACTIVE:
            book_states.set_status(
                db, to.book.id, BookStatus.REDUCING, why, "resolver", to.clock.now()
            )
        orders.postpone(db, order.client_id, to.resolve_delays_s[-1])
    to.log("order_lost", book=to.book.id, why=why)
    return False
