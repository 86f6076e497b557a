"""The risk manager: whether an intent may become an order, and how large.

It is called under a lock on the book's row, in the transaction that inserts the order: what an
order reserves is seen by the next call (F4).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from app.engine import sizing
from app.engine.book import Book, BookStatus
from app.engine.ids import client_order_id
from app.engine.orders import Intent, Order, OrderType, Purpose, Side, outstanding
from app.engine.rounding import decimal
from app.engine.session import Phase, pre_close_at, regular, takes_orders
from app.engine.sizing import RiskContext
from app.engine.verdicts import Judged, Reason, Verdict, verdict

__all__ = ["BLOCKS", "ENTRY_GATES", "EXIT_GATES", "RiskContext", "Ruling", "judge"]

#: The one table of what each state of a book stops.
BLOCKS: dict[BookStatus, frozenset[Purpose]] = {
    BookStatus.ACTIVE: frozenset(),
    BookStatus.REDUCING: frozenset({Purpose.ENTRY}),
    BookStatus.HALTED: frozenset(Purpose),
}

_BLOCKED_BY = {
    BookStatus.ACTIVE: Reason.PASSED,
    BookStatus.REDUCING: Reason.BOOK_REDUCING,
    BookStatus.HALTED: Reason.BOOK_HALTED,
}

RiskGate = Callable[[Book, Intent, RiskContext], Verdict]


@dataclass(frozen=True, slots=True)
class Ruling:
    """The order, or None; and every gate's verdict up to the first refusal."""

    order: Order | None
    judged: tuple[Judged, ...]


def judge(book: Book, intent: Intent, context: RiskContext) -> Ruling:
    """Ask the gates in order, then size what passed."""
    entry = intent.purpose is Purpose.ENTRY
    judged: list[Judged] = []
    for gate in ENTRY_GATES if entry else EXIT_GATES:
        answer = gate(book, intent, context)
        judged.append((intent.symbol, f"intent:{intent.id}", answer))
        if not answer.passed:
            return Ruling(None, tuple(judged))
    order = _entry(book, intent, context) if entry else _exit(book, intent, context)
    return Ruling(order, tuple(judged))


# -- gates of every intent ----------------------------------------------------------------------


def status(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass unless the book's state blocks the intent's purpose."""
    free = intent.purpose not in BLOCKS[context.status]
    return verdict("status", free, _BLOCKED_BY[context.status], context.status, intent.purpose)


def auto_mode(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass if the book submits by itself; otherwise it decides, records and reports only (A7)."""
    return verdict("auto_mode", book.auto, Reason.AUTO_MODE_OFF)


def age(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass an intent that is not older than ``max_intent_age``: its cause may be gone."""
    since, limit = context.at - intent.at, book.risk.max_intent_age
    return verdict("age", abs(since) <= limit, Reason.EXPIRED_INTENT, since, limit)


# -- gates of entries ---------------------------------------------------------------------------


def reconciled(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass if our orders and positions were found equal to the broker's."""
    return verdict("reconciled", context.reconciled, Reason.NOT_RECONCILED)


def session(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass in regular hours, once the book has been opened."""
    hours = context.hours
    limit = hours.close if hours else None
    if not regular(hours, context.at):
        return Verdict("session", Reason.SESSION_CLOSED, context.at, limit)
    trading = context.phase in {Phase.TRADING, Phase.CLOSING}
    return verdict("session", trading, Reason.SESSION_CLOSED, context.phase, limit)


def pre_close(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass before the pre-close liquidation begins."""
    ends = pre_close_at(context.hours, book.session) if context.hours else None
    in_time = ends is not None and context.at < ends and context.phase is Phase.TRADING
    return verdict("pre_close", in_time, Reason.TOO_LATE_IN_SESSION, context.at, ends)


def price(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass if there is a price, it is a number, and it is at most ``max_price_age`` old."""
    quote, limit = context.quotes.get(intent.symbol), book.risk.max_price_age
    if quote is None:
        return Verdict("price", Reason.STALE_PRICE, None, limit)
    if sizing.sizing_price(quote) is None:
        return Verdict("price", Reason.BAD_DATA, quote.last, 0.0)
    since = context.at - quote.at
    return verdict("price", abs(since) <= limit, Reason.STALE_PRICE, since, limit)


def daily_loss(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass while the day's loss is below its limit, as a share of the equity at the open."""
    start, limit = context.day_start_equity, book.risk.daily_loss_limit
    if start <= 0:
        return Verdict("daily_loss", Reason.DAILY_LOSS_LIMIT, start, limit)
    lost = (start - context.equity) / start
    return verdict("daily_loss", lost < limit, Reason.DAILY_LOSS_LIMIT, decimal(lost), limit)


def position(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass a symbol that is not held."""
    held = sizing.held(context).get(intent.symbol)
    quantity = held.quantity if held else Decimal(0)
    return verdict("position", held is None, Reason.POSITION_EXISTS, quantity, Decimal(0))


def pending(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass a symbol without an unfinished order of either side."""
    orders = sum(order.symbol == intent.symbol for order in context.pending)
    return verdict("pending", orders == 0, Reason.ORDER_PENDING, orders, 0)


def conflict(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass unless the other half of a conflicting pair is held or on its way (F2)."""
    taken = _taken(context)
    clash = next((r for r in book.routing.rivals(intent.symbol) if r in taken), None)
    return verdict("conflict", clash is None, Reason.CONFLICTING_PAIR, clash)


def positions(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass while fewer than ``max_positions`` symbols are held or being entered."""
    count, limit = len(_taken(context)), book.risk.max_positions
    return verdict("positions", count < limit, Reason.MAX_POSITIONS, count, limit)


def concurrent_risk(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass while open and reserved risk leave room."""
    use = sizing.risk_in_use(book.risk, context)
    return verdict("risk", use.room > 0, Reason.CONCURRENT_RISK, decimal(use.used), use.limit)


def exposure(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass while positions and reserved entries leave room."""
    use = sizing.exposure_in_use(book.risk, context)
    return verdict("exposure", use.room > 0, Reason.EXPOSURE, decimal(use.used), use.limit)


def buying_power(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass while cash and buying power exceed what entries have reserved."""
    use = sizing.money_in_use(context)
    return verdict("money", use.room > 0, Reason.BUYING_POWER, decimal(use.used), use.limit)


def quantity(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass if at least one whole share fits; the limit is one share at the sizing price."""
    at_price = _price(intent, context)
    shares = sizing.entry_quantity(book.risk, context, at_price)
    return verdict("quantity", shares >= 1, Reason.ZERO_QUANTITY, shares, at_price)


# -- gates of exits -----------------------------------------------------------------------------


def orders_possible(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass if the exchange works an order of this time in force now."""
    possible = takes_orders(context.hours, context.at, intent.time_in_force)
    return verdict(
        "session", possible, Reason.SESSION_CLOSED, context.at, intent.time_in_force.value
    )


def holding(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass if something is held that no unfinished exit covers already."""
    held, covered = _held_and_covered(intent, context)
    missing = Reason.ORDER_PENDING if held > 0 else Reason.NO_POSITION
    return verdict("holding", held > covered, missing, held, covered)


ENTRY_GATES: tuple[RiskGate, ...] = (
    status,
    auto_mode,
    reconciled,
    session,
    pre_close,
    age,
    price,
    daily_loss,
    position,
    pending,
    conflict,
    positions,
    concurrent_risk,
    exposure,
    buying_power,
    quantity,
)

EXIT_GATES: tuple[RiskGate, ...] = (status, auto_mode, orders_possible, age, holding)


# -- sizes --------------------------------------------------------------------------------------


def _entry(book: Book, intent: Intent, context: RiskContext) -> Order:
    at_price = _price(intent, context)
    shares = sizing.entry_quantity(book.risk, context, at_price)
    notional = shares * at_price
    return replace(
        _order(book, intent, context, shares),
        reserved_risk=notional * book.risk.stop_loss,
        reserved_notional=notional,
    )


def _exit(book: Book, intent: Intent, context: RiskContext) -> Order:
    """Sell what was asked for, but never more than is held and not already being sold."""
    held, covered = _held_and_covered(intent, context)
    left = held - covered
    return _order(book, intent, context, min(left, intent.quantity or left))


def _order(book: Book, intent: Intent, context: RiskContext, shares: Decimal) -> Order:
    return Order(
        client_id=client_order_id(
            book.mode, book.id, intent.side, intent.symbol, shares, intent.id
        ),
        book=book.id,
        intent_id=intent.id,
        symbol=intent.symbol,
        side=intent.side,
        purpose=intent.purpose,
        quantity=shares,
        type=OrderType.MARKET if intent.stop_price is None else OrderType.STOP,
        time_in_force=intent.time_in_force,
        created_at=context.at,
        stop_price=intent.stop_price,
    )


def _price(intent: Intent, context: RiskContext) -> Decimal:
    quote = context.quotes.get(intent.symbol)
    return (sizing.sizing_price(quote) if quote else None) or Decimal(0)


def _taken(context: RiskContext) -> frozenset[str]:
    return frozenset(sizing.held(context)) | {o.symbol for o in sizing.entering(context)}


def _held_and_covered(intent: Intent, context: RiskContext) -> tuple[Decimal, Decimal]:
    held = sizing.held(context).get(intent.symbol)
    owned = held.quantity if held else Decimal(0)
    orders = (o for o in context.pending if o.symbol == intent.symbol and o.side is intent.side)
    covered = sum((outstanding(order) for order in orders), Decimal(0))
    return (owned if intent.side is Side.SELL else -owned), covered
