"""Parked: exits that the closed market refused are put aside, and announced when that changes."""

from collections.abc import Iterable, Mapping

from app.engine.exits.parking import NEVER_PARKED, Parked, is_news, park, tried
from app.engine.orders import WORKING, Intent, Order, Purpose, Side
from app.engine.portfolio import Position
from app.engine.verdicts import Judged, Reason, Verdict
from app.io.store import pending_exits, verdicts
from app.io.store.taping import Transaction
from app.pipeline.services import Frame


def keep(to: Frame, db: Transaction, symbol: str, purpose: Purpose, intent: str) -> None:
    """Park an exit of a symbol; say so in the ledger and in the log where that is news."""
    if purpose in NEVER_PARKED:
        return
    now = to.clock.now()
    before = pending_exits.load(db, to.book.id).get(symbol)
    wanted = (symbol, purpose, Reason.SESSION_CLOSED)
    after = park(to.book, before, wanted, now, to.calendar.session_for(now))
    pending_exits.save(db, to.book.id, after)
    if not is_news(before, after):
        return
    said = Verdict("parked", Reason.EXIT_PARKED, purpose.value, after.retry_at)
    judged = [(symbol, f"intent:{intent}", said)]
    verdicts.add(db, to.book.id, now, to.settings, {"exits": judged})
    until = after.retry_at.isoformat()
    to.log("exit_parked", book=to.book.id, symbol=symbol, purpose=purpose.value, until=until)


def keep_refused(
    to: Frame, db: Transaction, asked: Iterable[Intent], judged: Iterable[Judged]
) -> None:
    """Park the exits among the intents that were refused because the session takes no orders."""
    closed = {subject for _, subject, said in judged if said.reason is Reason.SESSION_CLOSED}
    for intent in asked:
        if f"intent:{intent.id}" in closed:
            keep(to, db, intent.symbol, intent.purpose, intent.id)


def waiting(
    to: Frame, db: Transaction, held: Mapping[str, Position], orders: Iterable[Order]
) -> dict[str, Parked]:
    """Return what is parked, once what is flat or being sold by now has been let go."""
    selling = {
        o.symbol
        for o in orders
        if o.side is Side.SELL and o.purpose is not Purpose.PROTECT and o.state in WORKING
    }
    parked = pending_exits.load(db, to.book.id)
    over = [s for s, one in parked.items() if s in selling or not _is_of(one, held.get(s))]
    pending_exits.remove(db, to.book.id, over)
    for symbol in over:
        to.log("exit_unparked", book=to.book.id, symbol=symbol)
    return {symbol: one for symbol, one in parked.items() if symbol not in over}


def note_tried(
    to: Frame, db: Transaction, parked: Mapping[str, Parked], made: Iterable[Intent]
) -> None:
    """Let the parked exits that have just been tried wait for what comes of it."""
    now = to.clock.now()
    for intent in made:
        if before := parked.get(intent.symbol):
            again = tried(to.book, before, now, to.calendar.session_for(now))
            pending_exits.save(db, to.book.id, again)


def _is_of(parked: Parked, position: Position | None) -> bool:
    """Was it this position that could not be sold, and not one that has ended since?"""
    if position is None:
        return False
    return position.opened_at is None or position.opened_at <= parked.parked_at
