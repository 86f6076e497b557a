"""Refusals: what the broker's no leaves behind, and what many of them in a row set off."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.engine.book import BookStatus
from app.engine.exits.parking import NEVER_PARKED
from app.engine.exits.protect import SKEW, refusals, trusted_since
from app.engine.orders import FINAL, WORKING, Order, Purpose, protects
from app.engine.portfolio import Position
from app.engine.verdicts import Reason, Verdict
from app.io.store import book_states, orders, positions, recovery, verdicts
from app.io.store.book_states import BookRow
from app.io.store.recovery import Difference
from app.io.store.taping import Transaction
from app.pipeline import order_verdicts, parked
from app.pipeline.services import Frame

#: Who sets the state when sales are refused, and the kind of what is noted.
EXIT = "exit"
#: What is done about an order that the broker refuses again and again.
WATCHED = "watched here"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a person has to look at: of which symbol, since when, the verdict and it in words.

    The verdict's gate is the kind under which it is noted, and who sets the state.
    """

    symbol: str
    subject: str
    since: datetime
    said: Verdict
    why: str


def note(to: Frame, db: Transaction, order: Order, said: str, closed: bool = False) -> None:
    """Give an order that has become REJECTED its verdict; an exit is parked, or told and counted.

    ``closed`` says that the broker takes no such order of anybody now.
    """
    no = Verdict("execute", Reason.BROKER_REJECTED, said)
    order_verdicts.note(to, db, "execute", order, no)
    if order.purpose is Purpose.ENTRY:
        return
    if closed and order.purpose not in NEVER_PARKED:
        parked.keep(to, db, order.symbol, order.purpose, order.intent_id)
        return
    named = {"symbol": order.symbol, "purpose": order.purpose.value, "order": order.client_id}
    to.log("exit_refused", book=to.book.id, **named, why=said)
    if not protects(order):
        _count(to, db, order, said)


def _count(to: Frame, db: Transaction, order: Order, said: str) -> None:
    """Raise the alarm where the broker has refused a position's sales too often in a row."""
    row = book_states.lock(db, to.book.id)
    position = positions.held(db, to.book.id).get(order.symbol)
    if position is None:
        return
    refused = in_a_row(row, position, outcomes(to, db, position, stops=False))
    limit = to.book.exits.exit_tries
    if len(refused) >= limit:
        why = f"no sale of {order.quantity} {order.symbol}: refused {len(refused)} times, {said}"
        no = Verdict(EXIT, Reason.EXIT_BLOCKED, len(refused), limit)
        subject, since = order_verdicts.subject(refused[-1]), refused[0].created_at
        alarm(to, db, row, Trouble(order.symbol, subject, since, no, why))


def outcomes(to: Frame, db: Transaction, position: Position, *, stops: bool) -> list[Order]:
    """Return a position's stops that were taken or have ended, or its other sales, oldest first."""
    since = position.opened_at - SKEW if position.opened_at else None
    known = orders.sales(db, to.book.id, position.symbol, since)
    return [order for order in known if protects(order) is stops and order.state in WORKING | FINAL]


def in_a_row(row: BookRow, position: Position, of: Sequence[Order]) -> list[Order]:
    """Return the newest of these orders, oldest first, that were refused one after another."""
    return refusals(of, trusted_since(position, row.status, row.set_at))


def blocked(to: Frame, db: Transaction, row: BookRow, position: Position) -> bool:
    """Was the alarm raised about a position's sales, and has nothing changed since?"""
    refused = in_a_row(row, position, outcomes(to, db, position, stops=False))
    if not refused:
        return False
    return recovery.noted(db, to.book.id, EXIT, position.symbol, refused[0].created_at)


def alarm(to: Frame, db: Transaction, row: BookRow, trouble: Trouble) -> None:
    """End entries, and say why once as long as the trouble lasts (F5)."""
    now, kind, symbol = to.clock.now(), trouble.said.gate, trouble.symbol
    if recovery.noted(db, to.book.id, kind, symbol, trouble.since):
        return
    recovery.add(db, to.book.id, Difference(now, kind, symbol, trouble.why, None, WATCHED))
    judged = [(symbol, trouble.subject, trouble.said)]
    verdicts.add(db, to.book.id, now, to.settings, {"protect": judged})
    # A book that sends nothing enters nothing: what it decides stays worth reading.
    if row.status is BookStatus.ACTIVE and to.book.auto:
        book_states.set_status(db, to.book.id, BookStatus.REDUCING, trouble.why, kind, now)
    to.log(trouble.said.reason.value, book=to.book.id, symbol=symbol, why=trouble.why)
