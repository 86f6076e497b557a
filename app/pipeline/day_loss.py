"""The day's loss: at its limit the book stops entering, once a session, until a person resumes."""

from dataclasses import replace
from datetime import timedelta

from app.engine.book import BookStatus
from app.engine.risk_gates import day_loss
from app.engine.rounding import cents, plain
from app.engine.session import Phase
from app.engine.sizing import RiskContext
from app.engine.verdicts import Verdict
from app.io.store import book_states, recovery
from app.io.store.recovery import Difference
from app.io.store.taping import Transaction
from app.pipeline.desk import Desk, risk_context
from app.pipeline.services import Frame

KIND = "daily_loss"


def watch(to: Frame, db: Transaction, desk: Desk) -> Desk:
    """Set the book REDUCING where the day has lost its limit; return the desk as it is then.

    After a person's resume it is not set again in the same session: the gate of entries, which
    compares the same numbers, goes on refusing each of them.
    """
    if desk.row.status is not BookStatus.ACTIVE:
        return desk
    context = risk_context(to.book, to.calendar, desk)
    said = day_loss(to.book, context)
    if said.passed or not _measured(context):
        return desk
    session = to.calendar.session_for(desk.at)
    day = session.date.isoformat()
    if recovery.noted(db, to.book.id, KIND, day, session.open - timedelta(days=1)):
        return desk
    _stop_entries(to, db, desk, day, said)
    return replace(desk, row=book_states.load(db, to.book.id))


def _measured(context: RiskContext) -> bool:
    """Is it this session's loss, in numbers? Before its opening the balance is an older one's."""
    numbers = context.equity.is_finite() and context.day_start_equity > 0
    return numbers and context.phase in {Phase.TRADING, Phase.CLOSING}


def _stop_entries(to: Frame, db: Transaction, desk: Desk, day: str, said: Verdict) -> None:
    now, start = str(cents(desk.money.equity)), cents(desk.money.equity_open)
    why = (
        f"daily loss: {said.measured} of the equity at the open, limit "
        f"{plain(to.book.risk.daily_loss_limit)}; {now} of {start}"
    )
    recovery.add(db, to.book.id, Difference(desk.at, KIND, day, now, None, why))
    book_states.set_status(db, to.book.id, BookStatus.REDUCING, why, KIND, desk.at)
    to.log("book_reducing", book=to.book.id, why=why)
