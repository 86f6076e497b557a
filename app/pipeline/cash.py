"""Cash: what the account should have by our fills and fees, against what the broker says it has.

What is short counts for no limit from the moment that it is seen, whatever explains it. What is
short and explained by nothing stops entries; what is too much stops nothing, for our own ledger,
which limits are computed from, is not widened by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy.engine import Connection

from app.engine.orders import OPEN, OrderState, Side
from app.engine.portfolio import Account, Fee, cash_after
from app.engine.rounding import cents
from app.engine.sizing import reserved
from app.io.store import accounts, book_states, fees, fills, orders, recovery
from app.io.store.recovery import Difference
from app.pipeline.charges import charged_lately
from app.pipeline.differences import EQUAL, STOPPED
from app.pipeline.repair import Seen
from app.pipeline.services import Services

KIND = "cash"
ACCEPTED = "accepted by "
NOTHING = Decimal(0)
#: Cash is equal to the cent, and brokers may round each fill to the cent.
ROUNDING, A_FILL = Decimal("0.01"), Decimal("0.005")
#: A broker may pay the proceeds of a sale a moment after it told of it.
PAID_WITHIN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Cash:
    """Cash as we expect it since ``opened``, as the broker states it, and what may explain more.

    ``others`` is what others' trades brought, ``filling`` the most that orders of ours which fill
    just now may have taken before we were told. Up to ``rounding`` nothing differs.
    """

    opened: datetime | None
    ours: Decimal
    theirs: Decimal
    others: Decimal = NOTHING
    filling: Decimal = NOTHING
    rounding: Decimal = ROUNDING

    @property
    def away(self) -> Decimal:
        """Return how much more the broker has than we expect."""
        return self.theirs - self.ours

    @property
    def short(self) -> Decimal:
        """Return how much less the broker has than we expect."""
        return max(-self.away, NOTHING)

    @property
    def lost(self) -> Decimal:
        """Return what is short beyond the trades of others; 0 within the rounding."""
        # Those that others bought with their own money, or before the opening, took nothing of it.
        without = min(self.short, -(self.away - self.others))
        return without if without > self.rounding else NOTHING

    @property
    def unexplained(self) -> bool:
        """Is more short than orders that are filling may have taken?"""
        return self.lost > self.filling

    @property
    def settled(self) -> bool:
        """Does the difference wait for nothing that an order of ours does?"""
        return not self.lost or self.unexplained

    @property
    def action(self) -> str | None:
        """Return what there is to say of the difference; None where there is none."""
        said = f"{cents(self.away):+f}"
        if abs(self.away) <= self.rounding:
            return None
        if self.unexplained:
            return f"{STOPPED}: {said}, {cents(self.lost)} of it unexplained"
        if self.lost:
            return f"{said}: an order that is filling may explain it"
        if abs(self.away - self.others) <= self.rounding or self.away < 0:
            return f"{said}: trades that are not ours"
        return f"{said}: not ours (dividends, deposits), trading goes on"


def compare(
    to: Services, db: Connection, account: Account, seen: Seen, charged: Sequence[Fee] = ()
) -> Cash:
    """Compare the broker's cash with the opening cash, and our fills and fees since.

    ``charged`` are fees as the broker told them: those that are not stored count too. Before the
    first opening there is nothing to compare with, and the broker's number is ours.
    """
    book = to.book.id
    opening, money = accounts.latest(db, book, "open"), accounts.money(db, book)
    if opening is None or money is None:
        return Cash(None, account.cash, account.cash)
    late = sum((fee.amount for fee in fees.unknown(db, to.broker.name, charged)), NOTHING)
    found = Cash(
        opening.at,
        money[0] - late,
        account.cash,
        cash_after(NOTHING, (e for e in seen.of_others() if e.at >= opening.at)),
    )
    if not found.away:
        return found
    rounding = ROUNDING + A_FILL * len(fills.since(db, book, opening.at))
    return replace(found, filling=_filling(to, db), rounding=rounding)


def charged_where_short(to: Services, account: Account, seen: Seen) -> list[Fee]:
    """Ask for the fees where the broker has less cash than we expect; else they explain nothing."""
    with to.database.begin() as db:
        found = compare(to, db, account, seen)
    if not found.lost:
        return []
    return charged_lately(to, to.calendar.session_for(to.clock.now()).date)


def note(to: Services, db: Connection, account: Account, found: Cash) -> None:
    """Write a difference of cash down, once as long as it stays as large, and its end.

    A difference that an order of ours may explain is looked at again when that has ended.
    """
    book_states.set_cash_short(db, to.book.id, found.short)
    if found.settled:
        _note(to, db, account.currency, found, found.action)


def stopped(db: Connection, book_id: str, currency: str) -> bool:
    """Does cash that nothing explains stop entries, as it was noted last?"""
    newest = recovery.newest(db, book_id, KIND).get(currency)
    return newest is not None and newest.action.startswith(STOPPED)


def take_over(to: Services, db: Connection, account: Account, ours: Decimal, why: str) -> None:
    """Note that the broker's number is ours from now on: nothing is short of it."""
    book_states.set_cash_short(db, to.book.id, NOTHING)
    _note(to, db, account.currency, Cash(None, ours, account.cash), why)


def _note(to: Services, db: Connection, currency: str, found: Cash, action: str | None) -> None:
    before = recovery.newest(db, to.book.id, KIND).get(currency)
    known = EQUAL if before is None or before.action.startswith(ACCEPTED) else before.action
    if (did := action or EQUAL) == known:
        return
    ours, theirs = str(cents(found.ours)), str(cents(found.theirs))
    recovery.add(db, to.book.id, Difference(to.clock.now(), KIND, currency, ours, theirs, did))
    subject = (KIND, currency)
    to.log("difference", book=to.book.id, subject=subject, ours=ours, theirs=theirs, did=did)


def _filling(to: Services, db: Connection) -> Decimal:
    """Return what our orders may have moved of the cash before, or after, we were told of it."""
    sent = OPEN - {OrderState.NEW}
    buys = (o for o in orders.unfinished(db, to.book.id) if o.state in sent and o.side is Side.BUY)
    sold = fills.since(db, to.book.id, to.clock.now() - PAID_WITHIN)
    paid = sum((f.quantity * f.price for f in sold if f.side is Side.SELL), NOTHING)
    return sum((reserved(o.reserved_notional, o) for o in buys), paid)
