"""Closing: nothing is open, the books agree, and the day is settled beside the broker's numbers."""

from dataclasses import replace
from datetime import date

from sqlalchemy.engine import Connection

from app.engine.errors import OutcomeUnknown, Rejected, Transient
from app.engine.exits.protect import hindering
from app.engine.session import Phase, SessionHours, way
from app.io.locks import Lease
from app.io.store import accounts, orders, positions, sessions
from app.io.store.sessions import SessionRow
from app.pipeline import charges, history, kpis, opening, reconcile, report, settling
from app.pipeline.moves import held_up, move
from app.pipeline.ownership import BUSY, keep, owning
from app.pipeline.repair import LOOK_BACK
from app.pipeline.services import Services
from app.pipeline.settling import Told


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
        with to.database.begin() as db:
            settled.append(_close(to, db, row, told))
        return "settled"

    try:
        said = owning(to, close_books)
    except (Transient, Rejected, OutcomeUnknown) as error:
        said = opening.in_words(error)
    if settled:
        to.streams.trim()
        return settled[0]
    if said != BUSY:
        to.log("session_not_settled", book=to.book.id, date=row.date.isoformat(), why=said)
        held_up(to, row, "closing", "settle", said)
    return None


def end_earlier(to: Services, today: date) -> None:
    """Settle what earlier sessions left, each late; one that was never opened is STOPPED."""
    with to.database.begin() as db:
        left = sessions.unfinished_before(db, to.book.id, today)
        left = [_slept_through(to, db, row) for row in left]
    for row in left:
        if row.state == Phase.CLOSING and close_book(to, row) is None:
            return  # the days after it begin with what it ends with


def _slept_through(to: Services, db: Connection, row: SessionRow) -> SessionRow:
    """Bring a session of an earlier date to where it can be settled, and tell of it once."""
    if row.state == Phase.CLOSING:
        return row
    to.log("session_slept_through", book=to.book.id, date=row.date.isoformat(), state=row.state)
    if row.cash_open is None:
        return move(to, db, row, Phase.STOPPED, "its date is over and it was never opened")
    for phase in way(Phase(row.state), Phase.CLOSING):
        row = move(to, db, row, phase, "nobody was there when it ended")
    return row


def _ask(to: Services, lease: Lease, row: SessionRow) -> Told | str:
    """Return the broker's word on the day once nothing of it is open; else what hinders."""
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
