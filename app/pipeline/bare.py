"""Bare: shares that nothing at the broker would sell for too long call a person (F5)."""

from collections.abc import Iterable
from datetime import datetime

from app.engine.exits.protect import Stop
from app.engine.verdicts import Reason, Verdict
from app.io.store import positions
from app.io.store.book_states import BookRow
from app.io.store.taping import Transaction
from app.pipeline import refusals
from app.pipeline.desk import Desk
from app.pipeline.refusals import Trouble
from app.pipeline.services import Frame

#: Who sets the state then, and the kind of what is noted.
STOP = "stop"


def watch(to: Frame, db: Transaction, desk: Desk, found: Iterable[Stop]) -> frozenset[str]:
    """Remember since when each position is bare; return those that are for too long, once told.

    Only what is held and what works count, so that it does not matter why: a stop or a sale that is
    refused, lost, limited or not sent, or a cancel that everything waits for.
    """
    now = {stop.position.symbol: stop for stop in found}
    overdue: set[str] = set()
    for symbol, position in sorted(desk.money.positions.items()):
        since = (position.bare_since or desk.at) if symbol in now else None
        if since != position.bare_since:
            positions.note_bare(db, to.book.id, symbol, since)
        if since and desk.at - (counted := _counted(desk.row, since)) >= to.book.exits.stop_within:
            overdue.add(symbol)
            _tell(to, db, desk, now[symbol], counted)
    return frozenset(overdue)


def _counted(row: BookRow, since: datetime) -> datetime:
    """Return from when it counts: whoever changes the state lets the book try anew."""
    return since if row.set_by == STOP else max(since, row.set_at)


def _tell(to: Frame, db: Transaction, desk: Desk, stop: Stop, since: datetime) -> None:
    symbol, lasts, limit = stop.position.symbol, desk.at - since, to.book.exits.stop_within
    why = (
        f"nothing at the broker sells {stop.quantity} {symbol} for {lasts}, limit {limit};"
        f" their stop would be at {stop.price}"
    )
    said = Verdict(STOP, Reason.STOP_NOT_PLACED, lasts, limit)
    refusals.alarm(to, db, desk.row, Trouble(symbol, f"position:{symbol}", since, said, why))
