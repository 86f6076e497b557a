"""Sync: what differs from the broker, shown on demand and put right, or accepted by a person."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from decimal import Decimal

from sqlalchemy.engine import Connection

from app.adapters.port import BrokerPosition
from app.engine.errors import InvalidData, Transient
from app.engine.exits.stop_loss import stop_price
from app.engine.orders import IN_DOUBT, protects
from app.engine.portfolio import Account, Adjustment, Position, adjusted
from app.engine.rounding import plain
from app.io.locks import Lease
from app.io.store import accounts, adjustments, book_states, commands, orders, positions, sessions
from app.io.store.commands import Command
from app.pipeline import ledger
from app.pipeline.commands import ask_and_carry_out
from app.pipeline.differences import note
from app.pipeline.services import Services
from app.pipeline.table import tabulate

SYNC, ACCEPT = "sync", "accept"
Reconcile = Callable[[Services, Lease], str]


def carry_out(to: Services, lease: Lease, reconcile: Reconcile) -> list[str]:
    """Carry out what people asked for, as the book's owner; return what that was, in a line each.

    ``reconcile`` is what compares the book with its broker, where the command asks for that.
    """

    def accept(to: Services, command: Command) -> str:
        # Its own transaction takes the command: the position changes with its result.
        return _accept(to, lease, reconcile, command)

    def sync(to: Services, command: Command) -> str:
        return _sync(to, lease, reconcile, dry_run=bool(command.arguments["dry_run"]))

    done = ask_and_carry_out(to, {ACCEPT: accept, SYNC: sync})
    return [f"{command.kind} of {command.asked_by}" for command in done]


def _sync(to: Services, lease: Lease, reconcile: Reconcile, *, dry_run: bool) -> str:
    """Return, as JSON, what differs with what is done about it, and what came of that."""
    table = tabulate(to, lease)
    said = "nothing was changed" if dry_run else reconcile(to, lease)
    return json.dumps({"said": said, **asdict(table)})


def _accept(to: Services, lease: Lease, reconcile: Reconcile, command: Command) -> str:
    """Make the broker's number of one symbol ours, because a person says that it is right.

    Reconciled first: only what the broker does not explain is left to be accepted. Nothing is
    asked of the broker but its numbers.
    """
    symbol = command.arguments["symbol"]
    if (said := reconcile(to, lease)).startswith(("not reconciled", "refused")):
        raise Transient(said)
    before, held, account = to.broker.account(), to.broker.positions(), to.broker.account()
    if before.cash != account.cash:
        raise Transient("the account's cash is moving; ask again in a minute")
    with to.database.begin() as db:
        told = _take_over(to, db, command, held.get(symbol), account)
    reconcile(to, lease)
    return told


def _take_over(
    to: Services, db: Connection, command: Command, theirs: BrokerPosition | None, account: Account
) -> str:
    symbol, now = command.arguments["symbol"], to.clock.now()
    book_states.lock(db, to.book.id)
    if commands.take(db, command.id) is None:
        raise InvalidData("it was taken back")
    mine = positions.load(db, to.book.id, lock=True).get(symbol, Position(symbol))
    change = _change(to, db, mine, theirs)
    before = ledger.read(db, to.book.id).equity
    after = adjusted(mine, change)
    if change.quantity > 0:
        after = replace(after, stop_price=stop_price(after.average_price, to.book.risk.stop_loss))
    positions.save(db, to.book.id, after, now)
    adjustments.add(db, to.book.id, change, command.asked_by, command.why)
    action = f"accepted by {command.asked_by}: {command.why}"
    note(to, db, ("position", symbol), str(mine.quantity), str(after.quantity), action)
    _rebase(to, db, account, before)
    said = f"accepted: {plain(mine.quantity)} {symbol} are now {plain(after.quantity)}"
    commands.done(db, command.id, said)
    return said


def _change(
    to: Services, db: Connection, mine: Position, theirs: BrokerPosition | None
) -> Adjustment:
    """Return what makes our position the broker's. Raises InvalidData where that cannot be."""
    symbol, quantity = mine.symbol, theirs.quantity if theirs else Decimal(0)
    if symbol not in to.book.universe.symbols and not mine.quantity:
        raise InvalidData(f"{symbol}: {to.book.id} does not trade it, and leaves it alone")
    if quantity == mine.quantity:
        raise InvalidData(f"{symbol}: both have {plain(quantity)}; there is nothing to accept")
    if quantity < 0:
        raise InvalidData(
            f"{symbol}: the broker is short of {plain(-quantity)}, and a book only holds long: "
            "buy them back there first"
        )
    for order in orders.unfinished(db, to.book.id):
        if order.symbol == symbol and (order.state in IN_DOUBT or not protects(order)):
            raise InvalidData(
                f"{symbol}: order {order.client_id} has not ended and may explain it; "
                f"`metronome cancel {order.client_id[:12]}` ends it"
            )
    more = quantity - mine.quantity
    average = theirs.average_price if theirs and more > 0 else mine.average_price
    return Adjustment(symbol, more, average, to.clock.now())


def _rebase(to: Services, db: Connection, account: Account, equity_before: Decimal) -> None:
    """Count cash from the broker's word on, and leave the day's loss as it was.

    Whoever traded has moved cash too. What was accepted is no gain and no loss of the book's day,
    so that the equity at the open moves by as much as the equity does.
    """
    money = accounts.money(db, to.book.id)
    if money is None:
        return
    moved = ledger.equity_of(db, to.book.id, account.cash) - equity_before
    opening, now = money[1] + moved, to.clock.now()
    accounts.add(db, to.book.id, now, "open", replace(account, equity=opening))
    session = sessions.current(db, to.book.id)
    if session is not None and session.equity_open is not None:
        sessions.save(db, to.book.id, replace(session, equity_open=opening), now)
