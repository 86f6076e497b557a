"""Closing: nothing is open, the books agree, and the day is settled beside the broker's numbers."""

from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy.engine import Connection

from app.engine.errors import InvalidData, OutcomeUnknown, Rejected, Transient
from app.engine.exits.protect import hindering
from app.engine.session import Phase, SessionHours, way
from app.io.locks import Lease
from app.io.store import accounts, orders, positions, recovery, sessions
from app.io.store.recovery import Difference
from app.io.store.sessions import SessionRow
from app.pipeline import charges, history, kpis, opening, reconcile, report, settling
from app.pipeline.moves import held_up, move
from app.pipeline.ownership import BUSY, keep, owning, require
from app.pipeline.repair import LOOK_BACK
from app.pipeline.services import Services
from app.pipeline.settling import Told

#: So many calls to the broker are asked beside a comparison.
CALLS = 4
#: What is left of an earlier day is tried again after this: each try takes the book's lease.
TRIED_AGAIN = timedelta(minutes=2)


def close_book(to: Services, row: SessionRow) -> SessionRow | None:
    """Settle a session and close it; None while that cannot be done yet.

    Settlement, report and CLOSED are one transaction: whoever dies before its end begins again,
    and after it nothing is left to do.
    """
    settled: list[SessionRow] = []

    def close_books(lease: Lease) -> str:
        told = _ask(to, lease, row)
        if isinstance(told, str):
            return told
        if not settling.is_late(to, row):
            kpis.write_last(to, _hours(row))
        keep(to, lease)
        with to.database.begin() as db:
            require(db, lease)
            closed = _close(to, db, row, told)
        settled.append(closed)
        return "settled"

    try:
        said = owning(to, close_books)
    except (Transient, Rejected, OutcomeUnknown, InvalidData) as error:
        said = opening.in_words(error)
    if settled:
        to.streams.trim()
        return settled[0]
    if said != BUSY and held_up(to, row, "closing", "settle", said):
        to.log("session_not_settled", book=to.book.id, date=row.date.isoformat(), why=said)
    return None


def end_earlier(to: Services, today: date) -> None:
    """Settle what earlier sessions left; one that was never opened is STOPPED.

    A day that cannot be settled is tried again after a pause: meanwhile another one trades.
    """
    with to.database.begin() as db:
        left = sessions.unfinished_before(db, to.book.id, today)
        if left and _pauses(to, db, left[0]):
            return
        left = [_ended(to, db, row) for row in left]
    for row in left:
        if row.state == Phase.CLOSING and close_book(to, row) is None:
            with to.database.begin() as db:
                sessions.touch(db, to.book.id, row.date, to.clock.now())
            return  # the days after it begin with what it ends with


def _pauses(to: Services, db: Connection, row: SessionRow) -> bool:
    """Was it tried to settle a day that is over a moment ago?"""
    if row.state != Phase.CLOSING or not settling.is_late(to, row):
        return False
    tried = sessions.touched(db, to.book.id, row.date)
    return tried is not None and to.clock.now() - tried < TRIED_AGAIN


def _ended(to: Services, db: Connection, row: SessionRow) -> SessionRow:
    """Bring a session of an earlier date to where it can be settled."""
    never, late = row.cash_open is None, settling.is_late(to, row)
    if never or late:
        _tell(to, db, row)
    if row.state == Phase.CLOSING:
        return row
    if never:
        return move(to, db, row, Phase.STOPPED, "its date is over and it was never opened")
    for phase in way(Phase(row.state), Phase.CLOSING):
        row = move(to, db, row, phase, "nobody was there when it ended" if late else "the clock")
    return row


def _tell(to: Services, db: Connection, row: SessionRow) -> None:
    """Tell once of a session that nobody closed, unless what hindered was told when it ended."""
    day = row.date.isoformat()
    if recovery.newest_of(db, to.book.id, "closing", day) is not None:
        return
    did = "settled late" if row.cash_open is not None else "stopped: it was never opened"
    said = Difference(to.clock.now(), "closing", "slept through", day, row.state, did)
    recovery.add(db, to.book.id, said)
    to.log("session_slept_through", book=to.book.id, date=day, state=row.state)


def _ask(to: Services, lease: Lease, row: SessionRow) -> Told | str:
    """Return the broker's word on the day once nothing of it is open; else what hinders."""
    if not to.buckets.take("broker", to.clock.now(), cost=CALLS).allowed:
        return reconcile.LIMITED
    before = to.broker.account()
    said = reconcile.reconcile(to, lease, _hours(row))
    if said not in reconcile.MAY_SETTLE:
        return said
    with to.database.begin() as db:
        if _open_here(to, db, row):
            return "orders are open"
    if left := _open_there(to, row):
        return f"{left} orders are open at the broker"
    keep(to, lease)
    charged = charges.charged_lately(to, row.date)
    if settling.is_late(to, row):
        with to.database.begin() as db:
            held = settling.held_at_end(to, db, row.date)
        history.fetch(to, sorted(held), row.close_at - settling.LAST_PRICES, row.close_at)
    keep(to, lease)
    account = to.broker.account()
    if account.cash != before.cash:
        # Nobody could say whether the fills that we have are all that the cash has.
        return "the cash moved meanwhile"
    return Told(account, tuple(charged))


def _open_here(to: Services, db: Connection, row: SessionRow) -> bool:
    """Is an order of the day unfinished, but for the stops of what is held?"""
    _, until = settling.span(to, row.date)
    mine = [order for order in orders.unfinished(db, to.book.id) if order.created_at < until]
    return bool(hindering(mine, positions.held(db, to.book.id)))


def _open_there(to: Services, row: SessionRow) -> int:
    """Count the day's orders that the broker still works on, but for the stops of what is held."""
    working = {seen.broker_id for seen in to.broker.open_orders()}
    _, until = settling.span(to, row.date)
    with to.database.begin() as db:
        ours = [o for o in orders.listing(db, to.book.id, row.open_at - LOOK_BACK)]
        held = positions.held(db, to.book.id)
    mine = [o for o in ours if o.broker_id in working and o.created_at < until]
    return len(hindering(mine, held))


def _close(to: Services, db: Connection, row: SessionRow, told: Told) -> SessionRow:
    """Settle, report and close, all in the caller's transaction."""
    # Since it was read a person may have accepted what others moved.
    row = sessions.load(db, to.book.id, row.date) or row
    settled = settling.settle(to, db, row, told)
    closed = replace(row, equity_close=settled.equity_close)
    if not settled.late:
        accounts.add(db, to.book.id, to.clock.now(), "close", told.account)
    report.write(to, db, closed, settled)
    why = (
        f"settled{' late' if settled.late else ''}: cash {settled.cash_close},"
        f" the broker's {settled.broker_cash}, difference {settled.difference}"
    )
    return move(to, db, closed, Phase.CLOSED, why)


def _hours(row: SessionRow) -> SessionHours:
    return SessionHours(row.date, row.open_at, row.close_at)
