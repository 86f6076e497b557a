"""Refusals: what the broker's no leaves behind, and what many of them in a row set off."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from app.engine.book import BookStatus
from app.engine.exits.parking import NEVER_PARKED
from app.engine.exits.protect import SKEW, refusals, trusted_since
from app.engine.orders import FINAL, WORKING, Order, Purpose, protects
from app.engine.portfolio import Position
from app.engine.verdicts import Reason, Verdict
from app.io.store import book_states, orders, positions, recovery
from app.io.store.book_states import BookRow
from app.io.store.recovery import Difference
from app.pipeline import order_verdicts, parked
from app.pipeline.services import Services

#: What is done about an order that the broker refuses again and again.
WATCHED = "watched here"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What was refused so often in a row that a person has to look, and why that is bad."""

    kind: str
    reason: Reason
    refused: Sequence[Order]
    why: str


def note(to: Services, db: Connection, order: Order, said: str, closed: bool = False) -> None:
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


def _count(to: Services, db: Connection, order: Order, said: str) -> None:
    """Raise the alarm where the broker has refused a position's sales too often in a row."""
    row = book_states.lock(db, to.book.id)
    position = positions.held(db, to.book.id).get(order.symbol)
    if position is None:
        return
    refused = in_a_row(row, position, outcomes(to, db, position, stops=False))
    if len(refused) >= to.book.exits.stop_tries:
        why = f"no sale of {order.quantity} {order.symbol}: refused {len(refused)} times, {said}"
        alarm(to, db, row, Trouble("exit", Reason.EXIT_BLOCKED, refused, why))


def outcomes(to: Services, db: Connection, position: Position, *, stops: bool) -> list[Order]:
    """Return a position's stops that were taken or have ended, or its other sales, oldest first."""
    since = position.opened_at - SKEW if position.opened_at else None
    known = orders.sales(db, to.book.id, position.symbol, since)
    return [order for order in known if protects(order) is stops and order.state in WORKING | FINAL]


def in_a_row(row: BookRow, position: Position, of: Sequence[Order]) -> list[Order]:
    """Return the newest of these orders, oldest first, that were refused one after another."""
    return refusals(of, trusted_since(position, row.status, row.set_at))


def blocked(to: Services, db: Connection, row: BookRow, position: Position) -> bool:
    """Was the alarm raised about a position's sales, and has nothing changed since?"""
    refused = in_a_row(row, position, outcomes(to, db, position, stops=False))
    return bool(refused) and _told(to, db, "exit", refused)


def alarm(to: Services, db: Connection, row: BookRow, trouble: Trouble) -> None:
    """End entries, and say why once as long as the refusals go on (F5)."""
    refused, now = trouble.refused, to.clock.now()
    if _told(to, db, trouble.kind, refused):
        return
    symbol, limit = refused[-1].symbol, to.book.exits.stop_tries
    difference = Difference(now, trouble.kind, symbol, trouble.why, None, WATCHED)
    recovery.add(db, to.book.id, difference)
    said = Verdict(trouble.kind, trouble.reason, len(refused), limit)
    order_verdicts.note(to, db, "protect", refused[-1], said)
    if row.status is BookStatus.ACTIVE:
        reducing = BookStatus.REDUCING
        book_states.set_status(db, to.book.id, reducing, trouble.why, trouble.kind, now)
    to.log(trouble.reason.value, book=to.book.id, symbol=symbol, why=trouble.why)


def _told(to: Services, db: Connection, kind: str, refused: Sequence[Order]) -> bool:
    since = refused[0].created_at
    return recovery.noted(db, to.book.id, kind, refused[0].symbol, since)
