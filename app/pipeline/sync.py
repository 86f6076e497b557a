"""Sync: what differs from the broker, shown on demand and put right, or accepted by a person."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal

from sqlalchemy.engine import Connection

from app.adapters.port import BrokerPosition
from app.engine.errors import InvalidData, Transient
from app.engine.exits.stop_loss import stop_price
from app.engine.orders import IN_DOUBT, protects
from app.engine.portfolio import Account, Adjustment, Fee, Position, adjusted
from app.engine.rounding import cents, plain
from app.io.locks import Lease
from app.io.store import (
    accounts,
    adjustments,
    book_states,
    commands,
    orders,
    positions,
    quotes,
    sessions,
)
from app.io.store.commands import Command
from app.pipeline import ledger
from app.pipeline.cash import ACCEPTED, take_over
from app.pipeline.charges import charged_lately, count_today
from app.pipeline.commands import ask_and_carry_out
from app.pipeline.differences import note
from app.pipeline.moves import under_way
from app.pipeline.ownership import keep, require
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


@dataclass(frozen=True, slots=True)
class _Told:
    """What the broker has of a symbol, its account at the same moment, and what it charged."""

    held: BrokerPosition | None
    account: Account
    charged: Sequence[Fee]


def _accept(to: Services, lease: Lease, reconcile: Reconcile, command: Command) -> str:
    """Make the broker's number of one symbol, or of the cash, ours: a person says it is right.

    Reconciled first: only what the broker does not explain is left to be accepted. Nothing is
    asked of the broker but its numbers.
    """
    symbol = command.arguments["symbol"]
    if (said := reconcile(to, lease)).startswith(("not reconciled", "refused")):
        raise Transient(said)
    of_cash = symbol == to.book.currency
    if of_cash and said.endswith("differ"):
        raise InvalidData(f"{said}, and may explain the cash: accept or explain these first")
    told = _ask(to, symbol)
    keep(to, lease)
    with to.database.begin() as db:
        _own(to, db, lease, command)
        take = _take_cash if of_cash else _take_over
        done = take(to, db, command, told)
        commands.done(db, command.id, done)
    reconcile(to, lease)
    return done


def _ask(to: Services, symbol: str) -> _Told:
    before, theirs = to.broker.account(), to.broker.positions()
    charged = charged_lately(to, to.calendar.session_for(to.clock.now()).date)
    account = to.broker.account()
    if before.cash != account.cash:
        raise Transient("the account's cash is moving; ask again in a minute")
    return _Told(theirs.get(symbol), account, charged)


def _own(to: Services, db: Connection, lease: Lease, command: Command) -> None:
    """Lock the book for its owner, who may have lost it while the broker was asked."""
    book_states.lock(db, to.book.id)
    require(db, lease)
    if commands.take(db, command.id) is None:
        raise InvalidData("it was taken back")


def _take_cash(to: Services, db: Connection, command: Command, told: _Told) -> str:
    """Count from the broker's cash on; what came or went is no gain and no loss of the day."""
    _refuse_unended(to, db)
    count_today(to, db, told.charged)
    money, account = accounts.money(db, to.book.id), told.account
    if money is None or under_way(to, db) is None:
        raise InvalidData("no session is under way: the next opening takes the broker's cash")
    if money[0] == account.cash:
        raise InvalidData(f"both have {cents(account.cash)}; there is nothing to accept")
    take_over(to, db, account, money[0], f"{ACCEPTED}{command.asked_by}: {command.why}")
    _rebase(to, db, account, ledger.read(db, to.book.id).equity, account.cash - money[0])
    return f"accepted: {cents(money[0])} {account.currency} are now {cents(account.cash)}"


def _take_over(to: Services, db: Connection, command: Command, told: _Told) -> str:
    symbol, now, theirs = command.arguments["symbol"], to.clock.now(), told.held
    count_today(to, db, told.charged)
    mine = positions.load(db, to.book.id, lock=True).get(symbol, Position(symbol))
    change = _change(to, db, mine, theirs)
    before = ledger.read(db, to.book.id).equity
    after = adjusted(mine, change)
    if change.quantity > 0:
        after = replace(after, stop_price=stop_price(after.average_price, to.book.risk.stop_loss))
    positions.save(db, to.book.id, after, now)
    adjustments.add(db, to.book.id, change, command.asked_by, command.why)
    action = f"{ACCEPTED}{command.asked_by}: {command.why}"
    note(to, db, ("position", symbol), str(mine.quantity), str(after.quantity), action)
    money, moved = accounts.money(db, to.book.id), Decimal(0)
    if money is not None and money[0] != told.account.cash:
        moved = told.account.cash - money[0]
        take_over(to, db, told.account, money[0], action)
    _rebase(to, db, told.account, before, moved)
    return f"accepted: {plain(mine.quantity)} {symbol} are now {plain(after.quantity)}"


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
    _refuse_unended(to, db, symbol)
    more = quantity - mine.quantity
    average = theirs.average_price if theirs and more > 0 else mine.average_price
    price = ledger.prices(quotes.load(db, to.book.id)).get(symbol)
    return Adjustment(symbol, more, average, to.clock.now(), price)


def _refuse_unended(to: Services, db: Connection, symbol: str | None = None) -> None:
    """Raise InvalidData where an order, of a symbol or any, may yet explain a difference."""
    for order in orders.unfinished(db, to.book.id):
        mine = symbol in (None, order.symbol)
        if mine and (order.state in IN_DOUBT or not protects(order)):
            raise InvalidData(
                f"{symbol or to.book.currency}: order {order.client_id} has not ended and may "
                f"explain it; `metronome cancel {order.client_id[:12]}` ends it"
            )


def _rebase(
    to: Services, db: Connection, account: Account, equity_before: Decimal, cash_moved: Decimal
) -> None:
    """Count cash from the broker's word on, and leave the day's loss as it was.

    What was accepted is no gain and no loss of the book's day, so that the equity at the open moves
    by as much as the equity does, and the cash at the open, from which the day is settled, by what
    came or went without a fill of the book. A day that has been settled stays as it is.
    """
    money = accounts.money(db, to.book.id)
    if money is None:
        return
    moved = ledger.equity_of(db, to.book.id, account.cash) - equity_before
    opening = replace(account, equity=money[1] + moved)
    accounts.add(db, to.book.id, to.clock.now(), "open", opening)
    if (session := under_way(to, db)) is not None:
        sessions.rebase(db, to.book.id, session.date, moved, cash_moved)
