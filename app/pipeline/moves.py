"""Moves: a session goes from one phase to the next, and when and why is written down with it."""

from dataclasses import replace

from sqlalchemy.engine import Connection

from app.engine.session import Phase, check_phase
from app.io.store import market_states, recovery, sessions
from app.io.store.market_states import Move
from app.io.store.recovery import Difference
from app.io.store.sessions import SessionRow
from app.pipeline.services import Services


def move(to: Services, db: Connection, row: SessionRow, phase: Phase, why: str) -> SessionRow:
    """Move a session on in the caller's transaction. Raises InvalidData for an illegal move."""
    before, now = Phase(row.state), to.clock.now()
    check_phase(before, phase)
    after = replace(row, state=phase)
    sessions.save(db, to.book.id, after, now)
    market_states.add(db, to.book.id, Move(row.date, now, before, phase, why))
    return after


def under_way(to: Services, db: Connection) -> SessionRow | None:
    """Return the session of now, once its book was opened and until its day is settled."""
    row = sessions.load(db, to.book.id, to.calendar.session_for(to.clock.now()).date)
    if row is None or row.cash_open is None or row.state in (Phase.CLOSED, Phase.STOPPED):
        return None
    return row


def held_up(to: Services, row: SessionRow, kind: str, step: str, why: str) -> bool:
    """Write down what keeps a session from moving on; return False where it is the same as before.

    The session and the step count, not what another date's session waits for meanwhile.
    """
    said = Difference(to.clock.now(), kind, step, row.date.isoformat(), why, "tried again")
    with to.database.begin() as db:
        before = recovery.newest_of(db, to.book.id, kind, row.date.isoformat(), step)
        if before is not None and before.theirs == why:
            return False
        recovery.add(db, to.book.id, said)
    return True
