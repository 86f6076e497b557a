"""The switch: what people ask of a running book, from a halt to the cancel of one order.

What takes leave away holds from the moment that it is asked for, in the asker's own transaction,
whether a worker runs or not. What gives leave is carried out by the book's owner or not at all.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from app.engine.book import BookStatus
from app.engine.errors import InvalidData
from app.engine.orders import FINAL, Order, OrderState, protects
from app.engine.permissions import BLOCKS, takes_leave
from app.engine.rounding import plain
from app.engine.session import regular
from app.engine.verdicts import Reason
from app.engine.withdrawals import Withdrawal, withdrawal
from app.io.store import book_states, commands, order_names, orders, positions
from app.io.store.commands import Command
from app.pipeline import exits, withdraw
from app.pipeline.commands import Carry, carry_out, check_in_time
from app.pipeline.services import Services

HALT, REDUCE, RESUME, CANCEL = "halt", "reduce", "resume", "cancel"
#: The commands that set what a book may send: the one that was asked for last counts.
STATES = frozenset({HALT, REDUCE, RESUME})
#: So many orders are named where a beginning fits several.
_NAMED = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """The number of a command, its book, and the state that holds already because of it."""

    number: int
    book: str
    holds: BookStatus | None = None


def ask(
    db: Connection,
    book_id: str,
    kind: str,
    arguments: Mapping[str, Any],
    by: str,
    why: str,
    at: datetime,
) -> Asked:
    """Ask for another state; one that gives no new leave holds with the caller's commit.

    Raises InvalidData for a book that was never started here.
    """
    row = book_states.lock(db, book_id)
    number = commands.ask(db, book_id, kind, arguments, by, why)
    after = _wanted(kind, arguments)
    if kind == RESUME or not takes_leave(row.status, after):
        return Asked(number, book_id)
    if row.status is not after:
        book_states.set_status(db, book_id, after, why, by, at)
    return Asked(number, book_id, after)


def ask_cancel(db: Connection, books: Collection[str], text: str, by: str, why: str) -> Asked:
    """Ask for the cancel of the order that a client id, or the beginning of one, names.

    Raises InvalidData where that is none of these books', several, or one that has ended.
    """
    found = order_names.beginning(db, books, text, _NAMED) if text else []
    named = [text] if text in found else found
    if not named:
        raise InvalidData(f"no order of {' or '.join(books)} begins with {text!r}")
    if len(named) > 1:
        raise InvalidData(f"{text!r} begins several orders; the newest: {', '.join(named)}")
    order = orders.get(db, named[0])
    if order is None or order.state in FINAL:
        raise InvalidData(f"the order has ended already: {_told(order)}")
    number = commands.ask(db, order.book, CANCEL, {"order": order.client_id}, by, why)
    return Asked(number, order.book)


def turn(to: Services) -> None:
    """Carry out what waits; where everything is to be sold, ask for the sales at once."""
    if not carry_out(to, KINDS):
        return
    with to.database.begin() as db:
        row = book_states.load(db, to.book.id)
    if row.status is BookStatus.FLATTENING:
        exits.check(to)


def cancels(to: Services, db: Connection, unfinished: Iterable[Order]) -> list[Withdrawal]:
    """Return the orders that people want cancelled, for as long as those have not ended."""
    known = {order.client_id: order for order in unfinished}
    asked = [commands.get(db, n) for n in commands.waiting(db, to.book.id, {CANCEL})]
    return [
        withdrawal(known[name], Reason.CANCEL_ASKED, each.asked_by)
        for each in asked
        if each is not None and (name := each.arguments["order"]) in known
    ]


def _wanted(kind: str, arguments: Mapping[str, Any]) -> BookStatus:
    if kind == HALT:
        return BookStatus.FLATTENING if arguments["flatten"] else BookStatus.HALTED
    return {REDUCE: BookStatus.REDUCING, RESUME: BookStatus.ACTIVE}[kind]


def _set(to: Services, db: Connection, command: Command) -> str:
    """Set the state, unless another one was asked for meanwhile.

    What gives leave is carried out in time or not at all.
    """
    row, after = book_states.lock(db, to.book.id), _wanted(command.kind, command.arguments)
    if later := commands.overtaken(db, command, STATES):
        raise InvalidData(f"`{later.kind}` of {later.asked_by} came after it and counts")
    if not takes_leave(row.status, after):
        check_in_time(command)
    now = to.clock.now()
    book_states.set_status(db, to.book.id, after, command.why, command.asked_by, now)
    return f"{to.book.id} is {after}: {_follows(to, db, after)}"


def _follows(to: Services, db: Connection, after: BookStatus) -> str:
    """Say what comes of a state now."""
    if after is BookStatus.ACTIVE:
        reconciled = book_states.load(db, to.book.id).reconciled_at
        return "it enters again" + ("" if reconciled else ", once its books and the broker's agree")
    unfinished = orders.unfinished(db, to.book.id)
    stops = sum(protects(order) for order in unfinished)
    blocked = sum(o.purpose in BLOCKS[after] and not protects(o) for o in unfinished)
    held = len(positions.held(db, to.book.id))
    said = f"{blocked} unfinished orders are withdrawn, {held} positions are held"
    if after is not BookStatus.FLATTENING:
        return f"{said}, {stops} stops rest"
    if not to.book.auto:
        return f"{said} (AUTO_MODE is 0: nothing is sold)"
    now = to.clock.now()
    return f"{said} and sold{'' if regular(to.calendar.session_for(now), now) else ' at the open'}"


def _cancel(to: Services, db: Connection, command: Command) -> str | None:
    """End an order that was not sent; wait for the end of one that the broker has."""
    order = orders.get(db, command.arguments["order"], lock=True)
    if order is None or order.book != to.book.id:
        raise InvalidData(f"{to.book.id} has no such order")
    if order.state is OrderState.NEW:
        said = f"cancelled by {command.asked_by} before it was sent"
        now = to.clock.now()
        order = orders.move(db, order.client_id, OrderState.CANCELLED, now, error=said)
        withdraw.note(to, db, withdrawal(order, Reason.CANCEL_ASKED, command.asked_by))
    if order.state not in FINAL:
        return None
    if order.state is not OrderState.CANCELLED:
        raise InvalidData(f"the order ended first: {_told(order)}")
    return _told(order)


def _told(order: Order | None) -> str:
    if order is None:
        return "it is gone"
    filled = f"{plain(order.filled_quantity)} of {plain(order.quantity)}"
    return f"{order.client_id} is {order.state}, {filled} {order.symbol} filled"


KINDS: dict[str, Carry] = {HALT: _set, REDUCE: _set, RESUME: _set, CANCEL: _cancel}
