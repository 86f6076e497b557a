"""Gates of entries when care is due: a broker out of reach, and a real account's first orders."""

from datetime import timedelta

from app.engine import sizing
from app.engine.book import Book
from app.engine.debut import SHARE, first_size
from app.engine.orders import Intent
from app.engine.sizing import RiskContext
from app.engine.verdicts import Reason, Verdict, verdict

#: With calls but without an answer of the broker for this long, by the wall: no entry (E10).
OUTAGE = timedelta(seconds=60)


def contact(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass unless the broker has left every call unanswered for ``OUTAGE`` or longer."""
    gone = context.unreachable
    return verdict("contact", gone < OUTAGE, Reason.BROKER_UNREACHABLE, gone, OUTAGE)


def first_real_day(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass the one symbol that a real book trades on its first day."""
    begun = context.debut.symbols if context.debut else frozenset[str]()
    other = min(begun - {intent.symbol}, default=None)
    return verdict("first_real_day", other is None, Reason.FIRST_REAL_DAY, other)


def first_real_order(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass if a tenth of the size is at least one share, where no real order was taken yet.

    Measured is the whole size; the limit is the fewest shares of which a tenth is one.
    """
    if context.debut is None or context.debut.accepted:
        return Verdict("first_real_order", Reason.PASSED)
    price = sizing.price_of(context, intent.symbol)
    whole = sizing.entry_quantity(book.risk, context, intent.symbol, price)
    # A size of nothing is refused by the gate that knows why.
    enough = whole < 1 or first_size(context.debut, whole) >= 1
    return verdict("first_real_order", enough, Reason.FIRST_REAL_ORDER, whole, 1 / SHARE)
