"""Sessions: a book's day from OFFLINE to CLOSED, moved on by the exchange's calendar."""

from app.engine.session import Phase, SessionHours, onward, phase_at
from app.io.store import book_states, sessions
from app.io.store.sessions import SessionRow
from app.pipeline import closing, opening
from app.pipeline.moves import move
from app.pipeline.services import Services


def advance(to: Services) -> str:
    """Move the session as far as the calendar asks and its work is done; return its phase.

    What earlier sessions left is ended first; it does not hold up the day.
    """
    now = to.clock.now()
    hours = to.calendar.session_for(now)
    with to.database.begin() as db:
        book_states.ensure(db, to.book, to.settings, now)
    closing.end_earlier(to, hours.date)
    with to.database.begin() as db:
        row = sessions.load(db, to.book.id, hours.date) or _fresh(hours)
    wanted = phase_at(hours, now, to.book.session)
    for phase in onward(Phase(row.state), wanted):
        after = _enter(to, row, phase, wanted)
        if after is None:
            break
        row = after
    return row.state


def _fresh(hours: SessionHours) -> SessionRow:
    return SessionRow(
        date=hours.date,
        state=Phase.OFFLINE,
        open_at=hours.open,
        close_at=hours.close,
    )


def _enter(to: Services, row: SessionRow, phase: Phase, wanted: Phase) -> SessionRow | None:
    """Do what a phase asks for on the way in; None while that cannot be done yet."""
    if phase is Phase.READY:
        return opening.open_book(to, row)
    if phase is Phase.CLOSED:
        return closing.close_book(to, row)
    why = "the clock" if phase is wanted else f"on the way to {wanted}"
    with to.database.begin() as db:
        return move(to, db, row, phase, why)
