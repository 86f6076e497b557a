"""Reconcile: the broker's orders, fills and positions against ours; the broker is right."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy.engine import Connection

from app.adapters.port import BrokerPosition
from app.engine.errors import InvalidData, OutcomeUnknown, Rejected, Transient
from app.engine.exits.stop_loss import stop_price
from app.engine.orders import FINAL, BrokerOrder, Execution, Order
from app.engine.portfolio import Account, Position
from app.engine.session import SessionHours
from app.io.locks import Lease
from app.io.store import accounts, book_states, fills, orders, positions, recovery
from app.io.store.recovery import Difference
from app.pipeline.ownership import LEASE_S, owning
from app.pipeline.record import record
from app.pipeline.services import Services

#: Orders and fills are compared from this long before the session's open.
LOOK_BACK = timedelta(hours=12)
#: Our clock and the broker's may differ by so much.
SKEW = timedelta(minutes=5)
#: Fills may arrive while we read: the comparison is repeated before a difference counts.
READINGS = 3


def run(to: Services) -> str:
    """Reconcile as the book's owner. Entries wait until this has succeeded once."""
    return owning(to, lambda lease: reconcile(to, lease))


def reconcile(to: Services, lease: Lease, of: SessionHours | None = None) -> str:
    """Repair what the broker explains; a position that it does not explain stops entries.

    Orders are compared from some hours before a session on, today's unless one is given, and from
    the oldest unfinished one where that is older. The lease is renewed between the calls, which
    together may last longer than it.
    """
    if not to.buckets.take("broker", to.clock.now(), cost=5).allowed:
        return "refused by the rate limit"
    since = _since(to, of or to.calendar.session_for(to.clock.now()))
    try:
        account = to.broker.account()
        different: dict[str, tuple[Decimal, Decimal]] = {}
        for _ in range(READINGS):
            _repair_orders(to, lease, since)
            theirs = to.broker.positions()
            keep(to, lease)
            different = _compare_positions(to, theirs)
            if not different:
                break
    except (Transient, Rejected, OutcomeUnknown) as error:
        return f"not reconciled: {error}"
    _conclude(to, account, different)
    return "reconciled" if not different else f"{len(different)} positions differ"


def _since(to: Services, hours: SessionHours) -> datetime:
    """Return from when on to compare: a stop that has rested for days is among what is compared."""
    with to.database.begin() as db:
        made = [order.created_at - SKEW for order in orders.unfinished(db, to.book.id)]
    return min([hours.open - LOOK_BACK, *made])


def keep(to: Services, lease: Lease) -> None:
    """Renew the lease. Raises Transient where somebody else has taken it meanwhile."""
    if not to.leases.renew(lease, LEASE_S):
        raise Transient("the book has another owner now")


def _repair_orders(to: Services, lease: Lease, since: datetime) -> None:
    """Record what the broker knows of each order and we do not; withdraw what we had closed."""
    executed: defaultdict[str, list[Execution]] = defaultdict(list)
    theirs = to.broker.orders_since(since)
    keep(to, lease)
    for execution in to.broker.executions(since):
        executed[execution.broker_order_id].append(execution)
    keep(to, lease)
    with to.database.begin() as db:
        ours = {order.client_id: order for order in orders.listing(db, to.book.id, since)}
    for seen in theirs:
        mine = ours.get(seen.client_id)
        if mine is None or not _agree(mine, seen):
            _repair_or_refuse(to, seen, executed[seen.broker_id])
        if mine is not None and mine.state in FINAL and seen.state not in FINAL:
            _withdraw(to, lease, mine, seen)


def _withdraw(to: Services, lease: Lease, mine: Order, seen: BrokerOrder) -> None:
    """Cancel at the broker what we had closed as never sent: it reserves nothing here."""
    with to.database.begin() as db:
        subject = ("order", seen.client_id)
        _note(to, db, subject, str(mine.state), seen.status, "closed here: cancelled there")
    try:
        to.broker.cancel(seen.broker_id)
    except Rejected as error:
        to.log("cancel_refused", book=to.book.id, order=seen.client_id, why=str(error))
    keep(to, lease)


def _agree(mine: Order, seen: BrokerOrder) -> bool:
    return (mine.state, mine.filled_quantity, mine.broker_id) == (
        seen.state,
        seen.filled_quantity,
        seen.broker_id,
    )


def _repair_or_refuse(to: Services, seen: BrokerOrder, executed: list[Execution]) -> None:
    """Repair one order; what cannot be true of it is noted, and the others are repaired."""
    try:
        with to.database.begin() as db:
            _repair(to, db, seen, executed)
    except InvalidData as error:
        to.log("update_refused", book=to.book.id, order=seen.client_id, why=str(error))
        with to.database.begin() as db:
            _note(to, db, ("order", seen.client_id), None, seen.status, f"refused: {error}")


def _repair(to: Services, db: Connection, seen: BrokerOrder, executed: list[Execution]) -> None:
    before = orders.get(db, seen.client_id, lock=True)
    known = len(fills.for_order(db, seen.client_id))
    after = record(to, db, seen, executed, "reconcile")
    theirs = f"{seen.status} {seen.filled_quantity}"
    if before is None:
        _note(to, db, ("order", seen.client_id), None, theirs, "not ours: left alone")
    elif after != before:
        mine = f"{before.state} {before.filled_quantity}"
        _note(to, db, ("order", seen.client_id), mine, theirs, "recorded")
    elif (late := len(fills.for_order(db, seen.client_id)) - known) > 0:
        mine = f"{before.state} {before.filled_quantity}"
        _note(to, db, ("order", seen.client_id), mine, theirs, f"{late} late fills recorded")


def _note(
    to: Services,
    db: Connection,
    subject: tuple[str, str],
    ours: str | None,
    theirs: str | None,
    action: str,
) -> None:
    """Write a difference down, once as long as it stays the same."""
    difference = Difference(to.clock.now(), *subject, ours, theirs, action)
    if not recovery.known(db, to.book.id, difference):
        recovery.add(db, to.book.id, difference)
        to.log("difference", book=to.book.id, subject=subject, ours=ours, theirs=theirs, did=action)


def _compare_positions(
    to: Services, theirs: Mapping[str, BrokerPosition]
) -> dict[str, tuple[Decimal, Decimal]]:
    """Return (ours, theirs) of each symbol that differs.

    What the account holds outside the book's universe, and the book never traded, is somebody
    else's: it is noted and left alone.
    """
    with to.database.begin() as db:
        mine = positions.load(db, to.book.id, lock=True)
        if to.adopt and not mine and not fills.any_known(db, to.book.id):
            for symbol in sorted(theirs.keys() & set(to.book.universe.symbols)):
                _adopt(to, db, theirs[symbol])
            mine = positions.load(db, to.book.id)
        foreign = theirs.keys() - mine.keys() - set(to.book.universe.symbols)
        for symbol in sorted(foreign):
            held = str(theirs[symbol].quantity)
            _note(to, db, ("position", symbol), None, held, "not ours: left alone")
    symbols = (mine.keys() | theirs.keys()) - foreign
    nothing = Decimal(0)
    pairs = {
        symbol: (
            mine[symbol].quantity if symbol in mine else nothing,
            theirs[symbol].quantity if symbol in theirs else nothing,
        )
        for symbol in symbols
    }
    return {symbol: (a, b) for symbol, (a, b) in pairs.items() if a != b}


def _adopt(to: Services, db: Connection, found: BrokerPosition) -> None:
    """Take over what the account held before this book ever traded; its cost gives its stop."""
    position = replace(
        Position(found.symbol),
        quantity=found.quantity,
        average_price=found.average_price,
        stop_price=stop_price(found.average_price, to.book.risk.stop_loss),
        opened_at=to.clock.now(),
    )
    positions.save(db, to.book.id, position, to.clock.now())
    _note(to, db, ("position", found.symbol), "0", str(found.quantity), "adopted")


def _conclude(
    to: Services, account: Account, different: Mapping[str, tuple[Decimal, Decimal]]
) -> None:
    now = to.clock.now()
    with to.database.begin() as db:
        accounts.add(db, to.book.id, now, "check", account)
        for symbol, (ours, theirs) in sorted(different.items()):
            _note(to, db, ("position", symbol), str(ours), str(theirs), "entries stopped")
        # Exits and stops go on with what both have.
        positions.note_differences(
            db, to.book.id, {s: theirs for s, (_, theirs) in different.items()}
        )
        book_states.set_reconciled(db, to.book.id, None if different else now)
