"""Opening: a book becomes READY step by step; what fails is told, and all is tried again."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from sqlalchemy.engine import Connection

from app.engine import settlement
from app.engine.errors import AppError, InvalidData, OutcomeUnknown, Rejected, Transient
from app.engine.portfolio import Account, Fee, cash_after
from app.engine.session import Phase
from app.io.calendar import span_of
from app.io.locks import Lease
from app.io.store import accounts, book_states, fees, fills, positions, recovery
from app.io.store import settlements as stored
from app.io.store.recovery import Difference
from app.io.store.sessions import SessionRow
from app.pipeline import cash as comparison
from app.pipeline import charges, history, in_force, ledger, reconcile, taped_day
from app.pipeline.differences import EQUAL
from app.pipeline.moves import held_up, move
from app.pipeline.ownership import BUSY, keep, owning, require
from app.pipeline.services import Services

#: So many calls to the broker are asked beside a comparison, to recover.
CALLS = 3


def open_book(to: Services, row: SessionRow) -> SessionRow | None:
    """Do what must be done before a book may trade; None while something of it fails."""
    for step, do in STEPS:
        try:
            wrong = do(to)
        except (Transient, Rejected, OutcomeUnknown, InvalidData) as error:
            wrong = in_words(error)
        if wrong is not None:
            _not_ready(to, row, step, wrong)
            return None
    return _recover(in_force.current(to), row)


def in_words(error: AppError) -> str:
    """Return what a broker's refusal means for whoever reads the log."""
    if isinstance(error, Rejected) and error.code in ("unauthorized", "forbidden"):
        return f"the broker refuses the key: {error.message}"
    return str(error)


def _not_ready(to: Services, row: SessionRow, step: str, why: str) -> None:
    if held_up(to, row, "opening", step, why):
        day = row.date.isoformat()
        to.log("session_not_ready", book=to.book.id, date=day, step=step, why=why)


def _load_settings(to: Services) -> str | None:
    in_force.current(to)
    return None


def _authenticate(to: Services) -> str | None:
    to.broker.clock()
    return None


def _check_account(to: Services) -> str | None:
    return wrong_with(to.broker.account(), to.book.currency)


def wrong_with(account: Account, currency: str) -> str | None:
    """Return why a book may not trade in an account, None where it may."""
    if account.barred:
        return f"the broker bars the account: {', '.join(account.barred)}"
    if account.currency != currency:
        return f"the account is in {account.currency}, the book in {currency}"
    if account.cash < 0:
        return f"the account owes {-account.cash} {currency}: a book trades with cash only"
    return None


def _load_strategy(to: Services) -> str | None:
    with to.database.begin() as db:
        book_states.load(db, to.book.id)  # its engine's memory is read with it
    return None


def _fetch_history(to: Services) -> str | None:
    history.backfill(to)
    return None


#: In this order; the last one, to recover, needs the book's lease and ends in READY.
STEPS: tuple[tuple[str, Callable[[Services], str | None]], ...] = (
    ("load settings", _load_settings),
    ("authenticate", _authenticate),
    ("check the account", _check_account),
    ("load the strategy", _load_strategy),
    ("fetch history", _fetch_history),
)
RECOVER = "recover"


def _recover(to: Services, row: SessionRow) -> SessionRow | None:
    """Reconcile, take the opening balance, and be READY; as the book's owner."""
    opened: list[SessionRow] = []

    def open_books(lease: Lease) -> str:
        if not to.buckets.take("broker", to.clock.now(), cost=CALLS).allowed:
            return reconcile.LIMITED
        before = to.broker.account()
        said = reconcile.reconcile(to, lease)
        if said not in reconcile.MAY_SETTLE:
            return said
        found = charges.charged_lately(to, row.date)
        account = to.broker.account()
        if account.cash != before.cash:
            # Nobody could say whether the cash has what happened between the two statements.
            return "the cash moved meanwhile"
        # Whoever owns the book by now may have recorded what this account does not know of.
        keep(to, lease)
        with to.database.begin() as db:
            require(db, lease)
            begun = _begin(to, db, row, account, found)
        opened.append(begun)
        return said

    try:
        said = owning(to, open_books)
    except (Transient, Rejected, OutcomeUnknown, InvalidData) as error:
        said = in_words(error)
    if opened:
        return opened[0]
    if said != BUSY:
        _not_ready(to, row, RECOVER, said)
    return None


def _begin(
    to: Services, db: Connection, row: SessionRow, account: Account, found: Sequence[Fee]
) -> SessionRow:
    """Take the opening balance: what the date began with, before its own fills and fees."""
    taped_day.begin(to, db)
    # In the book's own terms: what else the account holds is not its to win or lose.
    equity = ledger.equity_of(db, to.book.id, account.cash)
    # Before the statement: its cash has them, and what is stored after it counts from it on.
    new = fees.insert_once(db, to.book.id, to.broker.name, found, row.date)
    before = accounts.money(db, to.book.id)
    accounts.add(db, to.book.id, to.clock.now(), "open", replace(account, equity=equity))
    comparison.take_over(to, db, account, before[0] if before else account.cash, EQUAL)
    if book_states.load(db, to.book.id).reconciled_at is None:
        to.log("entries_allowed", book=to.book.id)
    book_states.set_reconciled(db, to.book.id, to.clock.now())
    since, _ = span_of(row.date, to.calendar.zone)
    filled = fills.since(db, to.book.id, since)
    charged = sum((fee.amount for fee in new), Decimal(0))
    cash = settlement.cash_then(account.cash, filled, charged)
    _note_night(to, db, row.date, cash)
    held = len(positions.held(db, to.book.id))
    why = (
        f"reconciled: cash {account.cash} {account.currency}, {held} positions,"
        f" settings {to.settings}"
    )
    return move(to, db, replace(row, equity_open=equity, cash_open=cash), Phase.READY, why)


def _note_night(to: Services, db: Connection, day: date, cash: Decimal) -> None:
    """Write down what moved the cash since the last settlement and was no fill and no fee."""
    before = stored.before(db, to.book.id, day)
    if before is None:
        return
    since, until = span_of(before.date, to.calendar.zone)[1], span_of(day, to.calendar.zone)[0]
    between = [fill for fill in fills.since(db, to.book.id, since) if fill.at < until]
    expected = cash_after(before.broker_cash, between)
    if expected != cash:
        moved = Difference(
            to.clock.now(), "cash", f"night before {day}", str(expected), str(cash), "taken over"
        )
        recovery.add(db, to.book.id, moved)
        to.log("difference", book=to.book.id, subject=moved.subject, ours=moved.ours,
               theirs=moved.theirs, did=moved.action)  # fmt: skip
