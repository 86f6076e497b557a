"""Cash: what the account should have by our fills, against what the broker says it has.

A difference stops nothing: limits are computed from our own ledger, which a deposit does not widen,
and where the money is not there the broker refuses the order.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy.engine import Connection

from app.engine.orders import Execution, Side
from app.engine.portfolio import Account
from app.engine.rounding import cents
from app.io.store import accounts, recovery
from app.io.store.recovery import Difference
from app.pipeline.differences import EQUAL
from app.pipeline.services import Services

KIND = "cash"
#: Brokers round each fill to cents: less than this, in the account's currency, is no difference.
ROUNDING = Decimal(1)


@dataclass(frozen=True, slots=True)
class Cash:
    """Cash as we expect it since ``opened``, as the broker states it, and what others traded."""

    opened: datetime | None
    ours: Decimal
    theirs: Decimal
    others: Decimal

    @property
    def action(self) -> str | None:
        """Return what there is to say of the difference; None where there is none."""
        away = self.theirs - self.ours
        if abs(away) < ROUNDING:
            return None
        if abs(away - self.others) < ROUNDING:
            return f"{cents(away):+f}: trades that are not ours"
        return f"{cents(away):+f}: not ours (fees, dividends, deposits), trading goes on"


def compare(db: Connection, book_id: str, account: Account, others: Iterable[Execution]) -> Cash:
    """Compare the broker's cash with the opening cash and our fills since.

    ``others`` are the executions in the account of orders that are not ours. Before the first
    opening there is nothing to compare with, and the broker's number is ours.
    """
    opening, money = accounts.latest(db, book_id, "open"), accounts.money(db, book_id)
    if opening is None or money is None:
        return Cash(None, account.cash, account.cash, Decimal(0))
    theirs = (e for e in others if e.at >= opening.at)
    paid = sum(
        (e.quantity * e.price * (-1 if e.side is Side.BUY else 1) for e in theirs), Decimal(0)
    )
    return Cash(opening.at, money[0], account.cash, paid)


def note(to: Services, db: Connection, account: Account, found: Cash) -> None:
    """Write a difference of cash down, once as long as it stays as large, and its end."""
    before = recovery.newest(db, to.book.id, KIND).get(account.currency)
    action = found.action or EQUAL
    if action == (before.action if before else EQUAL):
        return
    ours, theirs = str(cents(found.ours)), str(cents(found.theirs))
    difference = Difference(to.clock.now(), KIND, account.currency, ours, theirs, action)
    recovery.add(db, to.book.id, difference)
    subject = (KIND, account.currency)
    to.log("difference", book=to.book.id, subject=subject, ours=ours, theirs=theirs, did=action)
