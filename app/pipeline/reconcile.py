"""Reconcile: the broker's orders, fills, positions and cash against ours; the broker is right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy.engine import Connection

from app.adapters.port import BrokerPosition
from app.engine.errors import OutcomeUnknown, Rejected, Transient
from app.engine.exits.stop_loss import stop_price
from app.engine.portfolio import Account, Adjustment, Fee, Position, adjusted
from app.engine.session import SessionHours
from app.io.locks import Lease
from app.io.store import (
    accounts,
    adjustments,
    book_states,
    positions,
    quotes,
    recovery,
)
from app.io.store.recovery import Difference
from app.pipeline import cash, charges, ledger, silence, sync
from app.pipeline.desk import RECONCILED_FOR
from app.pipeline.differences import (
    ADOPTED,
    EQUAL,
    NOT_OURS,
    STOPPED,
    adoptable,
    foreign,
    note,
    unequal,
)
from app.pipeline.ownership import keep, owning
from app.pipeline.repair import Seen, compared_since, repair_orders
from app.pipeline.services import Services

#: Fills may arrive while we read: the comparison is repeated before a difference counts.
READINGS = 3
AGREED = "reconciled"
SHORT = "orders and positions agree; cash is short, and entries stopped"
#: A day begins and ends with the broker's cash, whatever is short of it.
MAY_SETTLE = (AGREED, SHORT)
LIMITED = "refused by the rate limit"
#: So many calls to the broker are one reading, as long as each answer fits on a page.
CALLS = 5


def run(to: Services) -> str:
    """Reconcile as the book's owner, as people ask for it or because it is time."""
    return owning(to, lambda lease: _in_turn(to, lease))


def _in_turn(to: Services, lease: Lease) -> str:
    compared: list[str] = []

    def counted(to: Services, lease: Lease) -> str:
        compared.append(reconcile(to, lease))
        return compared[-1]

    # A command may ask for no comparison: a dry run is none, however often it is asked for.
    told = sync.carry_out(to, lease, counted)
    if not compared:
        told.append(counted(to, lease))
    said = "; ".join(told)
    closed = silence.close(to)
    return f"{said}, {closed} silent orders closed" if closed else said


def reconcile(to: Services, lease: Lease, of: SessionHours | None = None) -> str:
    """Repair what the broker explains; a position or missing cash that it does not stops entries.

    Orders are compared from some hours before a session on, today's unless one is given, and from
    the oldest unfinished one where that is older. The lease is renewed between the calls, which
    together may last longer than it.
    """
    if not to.buckets.take("broker", to.clock.now(), cost=CALLS).allowed:
        return _not_compared(to, LIMITED)
    try:
        found = _compare(to, lease, compared_since(to, of))
    except (Transient, Rejected, OutcomeUnknown) as error:
        return _not_compared(to, f"not reconciled: {error}")
    stopped = _conclude(to, found)
    if found.different:
        return f"{len(found.different)} positions differ"
    return SHORT if stopped else AGREED


def _not_compared(to: Services, said: str) -> str:
    """Take the mark away, and say so once, where the last agreement is too old to enter on."""
    now, book = to.clock.now(), to.book
    with to.database.begin() as db:
        when = book_states.load(db, book.id).reconciled_at
        if when is None or now - when <= RECONCILED_FOR * book.schedule.reconcile:
            return said
        book_states.set_reconciled(db, book.id, None)
        row = Difference(now, "reconcile", "agreement", when.isoformat(), said, STOPPED)
        recovery.add(db, book.id, row)
    to.log("entries_stopped", book=book.id, symbols=[], why=said)
    return said


@dataclass(frozen=True, slots=True)
class _Found:
    """What the broker said at last, and (ours, theirs) of each position that stays different."""

    account: Account
    different: Mapping[str, tuple[Decimal, Decimal]]
    seen: Seen
    charged: Sequence[Fee]
    #: No cash moved while the broker was asked: all that it said is of one moment.
    still: bool


def _compare(to: Services, lease: Lease, since: datetime) -> _Found:
    for again in range(READINGS):
        if again and not to.buckets.take("broker", to.clock.now(), cost=CALLS).allowed:
            raise Transient(LIMITED)
        before = to.broker.account()
        seen = repair_orders(to, lease, since)
        charged = cash.charged_where_short(to, before, seen)
        theirs = to.broker.positions()
        account = to.broker.account()
        keep(to, lease)
        different = _compare_positions(to, theirs)
        found = _Found(account, different, seen, charged, before.cash == account.cash)
        if found.still and not different and not _newly_short(to, found):
            break
    return found


def _newly_short(to: Services, found: _Found) -> bool:
    """Is cash short, and are entries not stopped for it yet? Then it is looked at again."""
    with to.database.begin() as db:
        told = cash.compare(to, db, found.account, found.seen, found.charged)
        return told.lost > 0 and not cash.stopped(db, to.book.id, found.account.currency)


def _compare_positions(
    to: Services, theirs: Mapping[str, BrokerPosition]
) -> dict[str, tuple[Decimal, Decimal]]:
    """Return (ours, theirs) of each symbol that differs.

    What the account holds outside the book's universe, and the book has nothing of, is somebody
    else's: it is noted and left alone.
    """
    with to.database.begin() as db:
        mine = positions.load(db, to.book.id, lock=True)
        for symbol in adoptable(to, db, mine, theirs):
            _adopt(to, db, theirs[symbol], ledger.prices(quotes.load(db, to.book.id)).get(symbol))
        mine = positions.load(db, to.book.id)
        others = foreign(to, db, mine, theirs)
        for symbol in sorted(others):
            held = str(theirs[symbol].quantity)
            note(to, db, ("position", symbol), None, held, NOT_OURS)
    return unequal(mine, {s: p for s, p in theirs.items() if s not in others})


def _adopt(to: Services, db: Connection, found: BrokerPosition, price: Decimal | None) -> None:
    """Take over what the account held before this book ever traded; its cost gives its stop."""
    now = to.clock.now()
    change = Adjustment(found.symbol, found.quantity, found.average_price, now, price)
    position = replace(
        adjusted(Position(found.symbol), change),
        stop_price=stop_price(found.average_price, to.book.risk.stop_loss),
    )
    positions.save(db, to.book.id, position, now)
    adjustments.add(db, to.book.id, change, "ADOPT_POSITIONS", "held before the book's first day")
    note(to, db, ("position", found.symbol), "0", str(found.quantity), ADOPTED)


def _conclude(to: Services, found: _Found) -> bool:
    """Write down what was found; return whether entries stop for it."""
    now, different = to.clock.now(), found.different
    with to.database.begin() as db:
        accounts.add(db, to.book.id, now, "check", found.account)
        _note_own(to, db, now, found.account)
        for symbol, (ours, theirs) in sorted(different.items()):
            note(to, db, ("position", symbol), str(ours), str(theirs), STOPPED)
        _note_equal(to, db, different)
        # Exits and stops go on with what both have.
        positions.note_differences(
            db, to.book.id, {s: theirs for s, (_, theirs) in different.items()}
        )
        _conclude_cash(to, db, found)
        stopped = bool(different) or cash.stopped(db, to.book.id, found.account.currency)
        before = book_states.load(db, to.book.id).reconciled_at
        book_states.set_reconciled(db, to.book.id, None if stopped else now)
        if not different:
            book_states.bind(db, to.book.id, found.account.id)
    if stopped and before is not None:
        symbols = sorted(different) or [found.account.currency]
        to.log("entries_stopped", book=to.book.id, symbols=symbols)
    elif before is None and not stopped:
        to.log("entries_allowed", book=to.book.id)
    return stopped


def _conclude_cash(to: Services, db: Connection, found: _Found) -> None:
    """Let nothing that is short be spent; say what it is where all numbers are of one moment."""
    charges.count_today(to, db, found.charged)
    told = cash.compare(to, db, found.account, found.seen, found.charged)
    if found.still and not found.different:
        cash.note(to, db, found.account, told)
    else:
        # The positions, or what is being traded, explain the cash too.
        book_states.set_cash_short(db, to.book.id, told.short)


def _note_own(to: Services, db: Connection, now: datetime, theirs: Account) -> None:
    """Keep what the book is worth by its own numbers: the account's move with deposits too."""
    ours = ledger.read(db, to.book.id)
    if not ours.equity_open:
        return  # before the first opening there is nothing of its own
    own = replace(theirs, cash=ours.cash, equity=ours.equity, buying_power=ours.cash)
    accounts.add(db, to.book.id, now, "book", own)


def _note_equal(to: Services, db: Connection, different: Mapping[str, object]) -> None:
    """Write down of each position that stopped entries and differs no more that it is equal."""
    told = recovery.newest(db, to.book.id, "position")
    for symbol in sorted(s for s, one in told.items() if one.action == STOPPED):
        if symbol not in different:
            mine = positions.load(db, to.book.id).get(symbol, Position(symbol))
            held = str(mine.quantity)
            note(to, db, ("position", symbol), held, held, EQUAL)
