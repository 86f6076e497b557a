"""Sessions: a book's day from OFFLINE to CLOSED, moved on by the exchange's calendar."""

from dataclasses import replace

from sqlalchemy.engine import Connection

from app.engine.errors import OutcomeUnknown, Rejected, Transient
from app.engine.exits.protect import hindering
from app.engine.session import Phase, SessionHours, check_phase, phase_at, way
from app.io.locks import Lease
from app.io.store import accounts, book_states, orders, positions, sessions
from app.io.store.sessions import SessionRow
from app.pipeline import history, kpis, ledger, reconcile, report
from app.pipeline.ownership import BUSY, owning
from app.pipeline.services import Services


def advance(to: Services) -> str:
    """Move the session as far as the calendar asks and its work is done; return its phase."""
    now = to.clock.now()
    hours = to.calendar.session_for(now)
    with to.database.begin() as db:
        book_states.ensure(db, to.book, to.settings, now)
        _end_slept_through(to, db, hours)
        row = sessions.load(db, to.book.id, hours.date) or _fresh(hours)
    wanted = phase_at(hours, now, to.book.session)
    # Clocks of two processes differ a little: a day that has moved on never moves back.
    if Phase(row.state) in (Phase.CLOSED, Phase.STOPPED) or _behind(wanted, Phase(row.state)):
        return row.state
    for phase in way(Phase(row.state), wanted):
        after = _enter(to, row, phase)
        if after is None:
            break
        check_phase(Phase(row.state), phase)
        row = replace(after, state=phase)
        with to.database.begin() as db:
            sessions.save(db, to.book.id, row, to.clock.now())
    return row.state


def _behind(phase: Phase, current: Phase) -> bool:
    days_order = list(Phase)
    return days_order.index(phase) < days_order.index(current)


def _end_slept_through(to: Services, db: Connection, hours: SessionHours) -> None:
    """Stop an earlier session that nobody was there to close; what it left is cleaned up today."""
    before = sessions.current(db, to.book.id)
    over = (Phase.CLOSED, Phase.STOPPED)
    if before is not None and before.date < hours.date and before.state not in over:
        sessions.save(db, to.book.id, replace(before, state=Phase.STOPPED), to.clock.now())
        to.log("session_slept_through", book=to.book.id, date=before.date.isoformat())


def _fresh(hours: SessionHours) -> SessionRow:
    return SessionRow(
        date=hours.date,
        state=Phase.OFFLINE,
        open_at=hours.open,
        close_at=hours.close,
    )


def _enter(to: Services, row: SessionRow, phase: Phase) -> SessionRow | None:
    """Do what a phase asks for on the way in; None while that cannot be done yet."""
    if phase is Phase.READY:
        return _prepare(to, row)
    if phase is Phase.CLOSED:
        return _settle(to, row)
    return row


def _prepare(to: Services, row: SessionRow) -> SessionRow | None:
    """Reconcile, take the account's opening balance, and fetch the history that scores need."""
    opened: list[SessionRow] = []

    def open_books(lease: Lease) -> str:
        before = to.broker.account()
        said = reconcile.reconcile(to, lease)
        account, now = to.broker.account(), to.clock.now()
        if said != "reconciled" or account.cash != before.cash:
            # A fill between the two statements: nobody could say whether the cash has it already.
            return said
        with to.database.begin() as db:
            # In the book's own terms: what else the account holds is not its to win or lose.
            equity = ledger.equity_of(db, to.book.id, account.cash)
            accounts.add(db, to.book.id, now, "open", replace(account, equity=equity))
        opened.append(replace(row, equity_open=equity, cash_open=account.cash))
        return said

    try:
        owning(to, open_books)
        if opened:
            history.backfill(to)
    except (Transient, Rejected, OutcomeUnknown) as error:
        to.log("session_not_ready", book=to.book.id, why=str(error))
        return None
    return opened[0] if opened else None


def _settle(to: Services, row: SessionRow) -> SessionRow | None:
    """Close the day: nothing open, everything reconciled, the balance taken, the report written."""
    settled: list[SessionRow] = []

    def close_books(lease: Lease) -> str:
        with to.database.begin() as db:
            if hindering(orders.unfinished(db, to.book.id), positions.held(db, to.book.id)):
                return "orders are open"
        said = reconcile.reconcile(to, lease)
        if said != "reconciled":
            return said
        account, now = to.broker.account(), to.clock.now()
        with to.database.begin() as db:
            accounts.add(db, to.book.id, now, "close", account)
            equity = ledger.equity_of(db, to.book.id, account.cash)
            closed = replace(row, equity_close=equity)
            report.write(to, db, closed)
        settled.append(closed)
        return said

    try:
        said = owning(to, close_books)
    except (Transient, Rejected, OutcomeUnknown) as error:
        said = str(error)
    if settled:
        kpis.write_last(to, SessionHours(row.date, row.open_at, row.close_at))
        to.streams.trim()
    elif said != BUSY:
        to.log("session_not_settled", book=to.book.id, why=said)
    return settled[0] if settled else None
