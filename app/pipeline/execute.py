"""Execute: an approved order is committed as SUBMITTING, then sent once, then classified."""

import sys
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.engine import Connection

from app.engine.book import BookStatus
from app.engine.errors import InvalidData, OutcomeUnknown, Rejected, Transient
from app.engine.orders import BrokerOrder, Order, OrderState, Purpose
from app.engine.permissions import BLOCKED_BY, BLOCKS
from app.engine.session import takes_orders
from app.engine.verdicts import Measured, Reason, Verdict
from app.io.locks import Lease, held
from app.io.store import book_states, doubts, orders, recovery, verdicts
from app.io.store.recovery import Difference
from app.pipeline import order_verdicts, parked, refusals
from app.pipeline.record import record
from app.pipeline.services import Frame, Services

#: The broker's own code for a client id that it knows already.
DUPLICATE = "duplicate"
#: The code of a broker that takes no such order now: the market, the auction or the symbol is shut.
CLOSED = "closed"
#: The kind of what is noted when a broker refuses an order that was sent to it before.
REFUSED = "resend_refused"
#: An exit that the broker does not have after this long is closed; rules ask for a new one (E6).
WITHOUT_ID = timedelta(minutes=15)


def submit(to: Services, lease: Lease, approved: Sequence[Order]) -> int:
    """Send the approved orders one by one; return how many the broker took."""
    return sum(_send_one(to, lease, order) for order in approved)


def _send_one(to: Services, lease: Lease, order: Order) -> bool:
    if outdated(to, order):
        drop(to, lease, order)
        return False
    grant = to.buckets.take("broker", to.clock.now(), reserve=True)
    # Refused by the rate limit it stays NEW, and the next pass asks again.
    return grant.allowed and start(to, lease, order) and send(to, lease, order)


def outdated(to: Frame, order: Order) -> tuple[Reason, Measured] | None:
    """Say why an order that has waited must not be sent any more, and what was measured.

    An order waits while the broker cannot be reached or limits its rate. Meanwhile its reason may
    be gone, the session may have ended (a broker would keep the order for the next one), and the
    process may have been started again without leave to trade.
    """
    now = to.clock.now()
    if not to.book.auto:
        return Reason.AUTO_MODE_OFF, None
    if not takes_orders(to.calendar.session_for(now), now, order.time_in_force):
        return Reason.SESSION_CLOSED, now
    age, entry = now - order.created_at, order.purpose is Purpose.ENTRY
    if age > (to.book.risk.max_intent_age if entry else WITHOUT_ID):
        return Reason.EXPIRED_INTENT, age
    return None


def drop(to: Services, lease: Lease, order: Order, before: OrderState = OrderState.NEW) -> None:
    """Close an outdated order that the broker does not have, unless a newer owner moved it on."""
    with to.database.begin() as db:
        if (why := outdated(to, order)) and _still_ours(db, lease, order, before):
            reason, measured = why
            said = f"{reason}: {measured}"
            orders.move(db, order.client_id, OrderState.CANCELLED, to.clock.now(), error=said)
            _note(to, db, order, reason, measured)
            if reason is Reason.SESSION_CLOSED:
                parked.keep(to, db, order.symbol, order.purpose, order.intent_id)


def _still_ours(db: Connection, lease: Lease, order: Order, before: OrderState) -> bool:
    """Is the order as we last saw it, and are we still the ones to deal with it?"""
    now = orders.get(db, order.client_id, lock=True)
    return now is not None and now.state is before and held(db, lease)


def start(to: Services, lease: Lease, order: Order, before: OrderState = OrderState.NEW) -> bool:
    """Commit SUBMITTING, with the lease's fence, before the one request; False where it may not."""
    statuses = frozenset(s for s in BookStatus if order.purpose not in BLOCKS[s])
    minute_s = 60 / to.clock.speed  # a minute of the market, by the wall
    # Exits are never held back by the fuse: it is there to stop what opens risk.
    most = to.book.risk.orders_per_minute if order.purpose is Purpose.ENTRY else sys.maxsize
    with to.database.begin() as db:
        if orders.start_submit(
            db, order.client_id, lease, orders.Guard(statuses, minute_s, most), before
        ):
            if not to.broker.capabilities.client_ids:
                doubts.note_sent(db, order.client_id, to.clock.now())
            return True
        row = book_states.lock(db, to.book.id)
        # A paused owner may wake when a newer one has sent the order: then it is not ours to close.
        if not _still_ours(db, lease, order, before):
            return False
        if row.status not in statuses:
            orders.move(db, order.client_id, OrderState.CANCELLED, to.clock.now(), error=row.why)
            _note(to, db, order, BLOCKED_BY[row.status], row.why)
        elif (sent := orders.sent_within(db, to.book.id, minute_s)) >= most:
            _blow_fuse(to, db, sent, most)
            _note(to, db, order, Reason.RATE_FUSE, sent, most)
        elif other := doubts.other_in_doubt(db, order):
            _note_wait(to, db, order, other)
    return False


def _blow_fuse(to: Services, db: Connection, sent: int, most: int) -> None:
    """Stop entries: the book has sent more in a minute than it may (E12). Stops still go out."""
    why = f"rate fuse: {sent} orders within a minute, limit {most}"
    book_states.set_status(db, to.book.id, BookStatus.REDUCING, why, "rate_fuse", to.clock.now())
    to.log("book_reducing", book=to.book.id, why=why)


def send(to: Services, lease: Lease, order: Order, before: OrderState = OrderState.NEW) -> bool:
    """Make the one request for an order that is SUBMITTING; record what came of it.

    True when the broker has the order. A time-out, a reset or an answer that cannot be read means
    UNKNOWN, never failed: the resolver looks it up. A request that certainly was not carried out
    takes the order back to what it was ``before``: NEW, or still in doubt where this was not its
    first request.
    """
    try:
        seen = to.broker.submit(order)
    except Rejected as error:
        if error.code == DUPLICATE:
            # The broker has it under this id: looked up, and never again taken for not there.
            _doubt(to, lease, order, "sent before", DUPLICATE)
        elif before is OrderState.UNKNOWN:
            # That may be because the first request arrived: its shares or its money are taken.
            _doubt(to, lease, order, str(error), REFUSED)
        else:
            _refuse(to, lease, order, error)
        return False
    except Transient as error:
        _put_back(to, lease, order, before, error)
        return False
    except OutcomeUnknown as error:
        _doubt(to, lease, order, str(error))
        return False
    return _answered(to, lease, order, seen)


def _answered(to: Services, lease: Lease, order: Order, seen: BrokerOrder) -> bool:
    """Record the broker's first word; False where that is its no, which ``record`` notes.

    A word that cannot be true of this order leaves it in doubt, and the others go on.
    """
    try:
        with to.database.begin() as db:
            after = record(to, db, seen, (), "submit", of=order.client_id)
            taken = after is None or after.state is not OrderState.REJECTED
            if taken:
                _note(to, db, order, Reason.PASSED, seen.status)
    except InvalidData as error:
        to.log("update_refused", book=to.book.id, order=order.client_id, why=str(error))
        _doubt(to, lease, order, str(error))
        return False
    return taken


def _put_back(
    to: Services, lease: Lease, order: Order, before: OrderState, error: Transient
) -> None:
    """This request was not carried out: the order is what it was, and a later pass sends it."""
    if error.retry_after_s:
        until = to.clock.now() + timedelta(seconds=error.retry_after_s * to.clock.speed)
        to.buckets.penalise("broker", until)
    with to.database.begin() as db:
        if _in_flight(db, lease, order):
            orders.move(db, order.client_id, before, to.clock.now(), error=str(error))


def _refuse(to: Services, lease: Lease, order: Order, error: Rejected) -> None:
    """The broker said no to the only request: the order has ended."""
    with to.database.begin() as db:
        if _in_flight(db, lease, order):
            _end_refused(to, db, order, str(error))


def close_refused(to: Services, lease: Lease, order: Order, said: str) -> None:
    """Close an order in doubt that the broker refused and still does not have."""
    with to.database.begin() as db:
        if _still_ours(db, lease, order, OrderState.UNKNOWN):
            _end_refused(to, db, order, said)


def _end_refused(to: Services, db: Connection, order: Order, said: str) -> None:
    orders.move(db, order.client_id, OrderState.REJECTED, to.clock.now(), error=said)
    refusals.note(to, db, order, said, closed=said.startswith(f"{CLOSED}: "))


def _doubt(to: Services, lease: Lease, order: Order, said: str, kind: str = "") -> None:
    """Nobody knows what became of the request: the order is looked up.

    ``kind`` is under what the broker's word is kept for when it is not found.
    """
    now = to.clock.now()
    with to.database.begin() as db:
        if kind:
            told = Difference(now, kind, order.client_id, order.state, said, "looked up")
            recovery.add(db, to.book.id, told)
        if _in_flight(db, lease, order):
            orders.move(db, order.client_id, OrderState.UNKNOWN, now, error=said)
            _note(to, db, order, Reason.OUTCOME_UNKNOWN, said)


def _in_flight(db: Connection, lease: Lease, order: Order) -> bool:
    """Is it still our request that the order waits for, or has somebody moved it on meanwhile?"""
    now = orders.get(db, order.client_id, lock=True)
    return now is not None and (now.state, now.fence) == (OrderState.SUBMITTING, lease.fence)


def _note_wait(to: Services, db: Connection, order: Order, other: str) -> None:
    """Say once that an order waits for another one of its symbol and side, which is in doubt."""
    if not verdicts.said(db, to.book.id, order_verdicts.subject(order), "in_doubt"):
        waits = Verdict("in_doubt", Reason.ORDER_IN_DOUBT, other)
        order_verdicts.note(to, db, "execute", order, waits)


def _note(to: Services, db: Connection, order: Order, reason: Reason, *numbers: Measured) -> None:
    """Write a verdict about an order down, with what was measured and the limit, where known."""
    order_verdicts.note(to, db, "execute", order, Verdict("execute", reason, *numbers))
