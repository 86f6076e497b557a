"""Repair: what the broker knows of an order and we do not is recorded, withdrawn or left alone."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from app.engine.errors import InvalidData, Rejected
from app.engine.links import Link
from app.engine.orders import FINAL, WORKING, BrokerOrder, Execution, Order
from app.engine.session import SessionHours
from app.io.locks import Lease
from app.io.store import fills, order_links, orders
from app.pipeline import claims
from app.pipeline.differences import NOT_OURS, RECORDED, agree, note
from app.pipeline.ownership import keep
from app.pipeline.record import find, record
from app.pipeline.services import Services

#: Orders and fills are compared from this long before the session's open.
LOOK_BACK = timedelta(hours=12)
#: Our clock and the broker's may differ by so much.
SKEW = timedelta(minutes=5)
ASKED_ABOUT = "asked about by itself"
WITHDRAWN_THERE = "closed here: cancelled there"


@dataclass(frozen=True, slots=True)
class Seen:
    """Orders and executions as the broker states them, and our own orders of the same time.

    ``owners`` are the client ids by the broker's ids of what our orders have become there, and
    ``replaced`` is what we know of those that have a successor.
    """

    ours: dict[str, Order]
    theirs: Sequence[BrokerOrder]
    executed: dict[str, list[Execution]]
    owners: Mapping[str, str]
    replaced: Mapping[str, Link]

    def mine(self, seen: BrokerOrder) -> Order | None:
        """Return which of our orders the broker states, None for somebody else's."""
        return self.ours.get(self.owners.get(seen.broker_id, seen.client_id))

    def agreed(self, mine: Order, seen: BrokerOrder) -> bool:
        """Do our order and the broker's say the same?"""
        return agree(mine, seen, self.replaced.get(seen.broker_id))

    def missing(self) -> list[Order]:
        """Return our orders that work as far as we know and that the broker does not list."""
        listed = {mine.client_id for seen in self.theirs if (mine := self.mine(seen))}
        working = (order for order in self.ours.values() if order.state in WORKING)
        return [order for order in working if order.client_id not in listed]

    def of_others(self) -> list[Execution]:
        """Return the executions of orders that are not ours."""
        others = [seen for seen in self.theirs if self.mine(seen) is None]
        return [one for seen in others for one in self.executed.get(seen.broker_id, [])]


def look(to: Services, lease: Lease, since: datetime) -> Seen:
    """Ask the broker for its orders and executions since then, with two calls.

    The lease is renewed between the calls. Raises what the broker raises.
    """
    executed: defaultdict[str, list[Execution]] = defaultdict(list)
    theirs = to.broker.orders_since(since)
    keep(to, lease)
    for execution in to.broker.executions(since):
        executed[execution.broker_order_id].append(execution)
    keep(to, lease)
    with to.database.begin() as db:
        ours = {order.client_id: order for order in orders.listing(db, to.book.id, since)}
        ids = [seen.broker_id for seen in theirs]
        owners = order_links.owners(db, to.broker.name, ids)
        replaced = order_links.replaced(db, to.broker.name, ids)
    return Seen(ours, theirs, dict(executed), owners, replaced)


def compared_since(to: Services, of: SessionHours | None = None) -> datetime:
    """Return from when on to compare: some hours before a session, today's unless one is given.

    A stop that has rested for days is among what is compared.
    """
    hours = of or to.calendar.session_for(to.clock.now())
    with to.database.begin() as db:
        made = [order.created_at - SKEW for order in orders.unfinished(db, to.book.id)]
    return min([hours.open - LOOK_BACK, *made])


def repair_orders(to: Services, lease: Lease, since: datetime) -> Seen:
    """Record what the broker knows of each order and we do not; withdraw what we had closed."""
    seen = look(to, lease, since)
    claims.adopt_late(to, seen.theirs, seen.executed)
    for one in seen.theirs:
        mine = seen.mine(one)
        if mine is None or not seen.agreed(mine, one):
            _repair_or_refuse(to, one, seen.executed.get(one.broker_id, []))
        if mine is not None and closed_here(mine, one):
            _withdraw(to, lease, mine, one)
    with to.database.begin() as db:
        for order in seen.missing():
            held = f"{order.state} {order.filled_quantity}"
            note(to, db, ("order", order.client_id), held, None, ASKED_ABOUT)
    return seen


def closed_here(mine: Order, seen: BrokerOrder) -> bool:
    """Does the broker still work what we had closed as never sent?"""
    return mine.state in FINAL and seen.state not in FINAL


def _withdraw(to: Services, lease: Lease, mine: Order, seen: BrokerOrder) -> None:
    """Cancel at the broker what we had closed as never sent: it reserves nothing here."""
    with to.database.begin() as db:
        subject = ("order", mine.client_id)
        note(to, db, subject, str(mine.state), seen.status, WITHDRAWN_THERE)
    if not to.buckets.take("broker", to.clock.now(), reserve=True).allowed:
        return  # the next comparison finds it again
    try:
        to.broker.cancel(seen.broker_id)
    except Rejected as error:
        to.log("cancel_refused", book=to.book.id, order=mine.client_id, why=str(error))
    keep(to, lease)


def _repair_or_refuse(to: Services, seen: BrokerOrder, executed: list[Execution]) -> None:
    """Repair one order; what cannot be true of it is noted, and the others are repaired."""
    try:
        with to.database.begin() as db:
            _repair(to, db, seen, executed)
    except InvalidData as error:
        named = seen.client_id or seen.broker_id
        to.log("update_refused", book=to.book.id, order=named, why=str(error))
        with to.database.begin() as db:
            note(to, db, ("order", named), None, seen.status, f"refused: {error}")


def _repair(to: Services, db: Connection, seen: BrokerOrder, executed: list[Execution]) -> None:
    before = find(to, db, seen)
    theirs = f"{seen.status} {seen.filled_quantity}"
    if before is None:
        note(to, db, ("order", seen.client_id or seen.broker_id), None, theirs, NOT_OURS)
        return
    known = len(fills.for_order(db, before.client_id))
    after = record(to, db, seen, executed, "reconcile")
    subject, mine = ("order", before.client_id), f"{before.state} {before.filled_quantity}"
    if after != before:
        note(to, db, subject, mine, theirs, RECORDED)
    elif (late := len(fills.for_order(db, before.client_id)) - known) > 0:
        note(to, db, subject, mine, theirs, f"{late} late fills recorded")
