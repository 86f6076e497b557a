"""The gates that an intent passes to become an order, in the order in which they are asked."""

from collections.abc import Callable, Iterable
from decimal import Decimal

from app.engine import caps, sizing, trades
from app.engine.book import Book
from app.engine.caution import contact, first_real_day, first_real_order
from app.engine.debut import first_size
from app.engine.orders import IN_DOUBT, Intent, Order, Purpose, Side, outstanding, protects
from app.engine.permissions import BLOCKED_BY, BLOCKS
from app.engine.portfolio import sellable
from app.engine.rounding import decimal
from app.engine.session import Phase, pre_close_at, regular, takes_orders
from app.engine.sizing import RiskContext
from app.engine.verdicts import Reason, Verdict, verdict

RiskGate = Callable[[Book, Intent, RiskContext], Verdict]


# -- gates of every intent ----------------------------------------------------------------------


def status(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass unless the book's state blocks the intent's purpose."""
    free = intent.purpose not in BLOCKS[context.status]
    return verdict("status", free, BLOCKED_BY[context.status], context.status, intent.purpose)


def age(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass an intent that is not older than ``max_intent_age``: its cause may be gone."""
    since, limit = context.at - intent.at, book.risk.max_intent_age
    return verdict("age", abs(since) <= limit, Reason.EXPIRED_INTENT, since, limit)


# -- gates of entries ---------------------------------------------------------------------------


def numbers(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass if every amount that limits are computed from is a number."""
    wrong = next((name for name, amount in sizing.amounts(context) if not amount.is_finite()), None)
    return verdict("numbers", wrong is None, Reason.BAD_DATA, wrong)


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
    return day_loss(book, context)


def day_loss(book: Book, context: RiskContext) -> Verdict:
    """Compare the day's loss, as a share of the equity at the open, with its limit."""
    start, limit = context.day_start_equity, book.risk.daily_loss_limit
    if start <= 0:
        return Verdict("daily_loss", Reason.DAILY_LOSS_LIMIT, start, limit)
    lost = (start - context.equity) / start
    return verdict("daily_loss", lost < limit, Reason.DAILY_LOSS_LIMIT, decimal(lost), limit)


def daily_cap(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass while the day's entries, of the symbol and of all, are below their caps (C4)."""
    of_symbol, cap = (
        context.entries.by_symbol.get(intent.symbol, 0),
        caps.cap_of(book, intent.symbol),
    )
    if of_symbol >= cap:
        return Verdict("daily_cap", Reason.DAILY_CAP, of_symbol, cap)
    total, most = context.entries.total, book.caps.total
    return verdict("daily_cap", total < most, Reason.DAILY_CAP, total, most)


def position(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass a symbol that is not held."""
    held = sizing.held(context).get(intent.symbol)
    quantity = held.quantity if held else Decimal(0)
    return verdict("position", held is None, Reason.POSITION_EXISTS, quantity, Decimal(0))


def pending(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass a symbol without an unfinished order of either side."""
    orders = [order for order in context.pending if order.symbol == intent.symbol]
    return verdict("pending", not orders, _why_pending(orders), len(orders), 0)


def _why_pending(orders: Iterable[Order]) -> Reason:
    return Reason.ORDER_IN_DOUBT if IN_DOUBT & {o.state for o in orders} else Reason.ORDER_PENDING


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


def look_through(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass while what leveraged funds move with leaves room."""
    use = sizing.look_through_in_use(book.risk, context)
    return verdict("look_through", use.room > 0, Reason.LOOK_THROUGH, decimal(use.used), use.limit)


def kelly(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass with a positive Kelly share of the book's own trades, or with too few of them.

    Measured is the share, or how many trades there are where they are too few to say.
    """
    fewest = book.risk.kelly_min_trades
    share = trades.kelly(context.gains) if len(context.gains) >= fewest else None
    if share is None:
        return Verdict("kelly", Reason.PASSED, len(context.gains), fewest)
    return verdict("kelly", share > 0, Reason.KELLY, share, Decimal(0))


def buying_power(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass while cash and buying power exceed what entries have reserved."""
    use = sizing.money_in_use(context)
    return verdict("money", use.room > 0, Reason.BUYING_POWER, decimal(use.used), use.limit)


def quantity(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass if at least one whole share fits; the limit is one share at the sizing price."""
    shares = shares_of(book, intent, context)
    at_price = sizing.price_of(context, intent.symbol)
    return verdict("quantity", shares >= 1, Reason.ZERO_QUANTITY, shares, at_price)


# -- gates of exits -----------------------------------------------------------------------------


def orders_possible(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass if the exchange works an order of this time in force now."""
    possible = takes_orders(context.hours, context.at, intent.time_in_force)
    return verdict(
        "session", possible, Reason.SESSION_CLOSED, context.at, intent.time_in_force.value
    )


def at_broker(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass if the broker has some of it too, where its number and ours were found to differ.

    What it has is the most that is sold: a sale of what it lacks could open a short position.
    """
    held = sizing.held(context).get(intent.symbol)
    if held is None or held.at_broker is None:
        return Verdict("at_broker", Reason.PASSED)
    theirs = held.at_broker
    return verdict("at_broker", theirs > 0, Reason.NOT_AT_BROKER, theirs, held.quantity)


def holding(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass if something is held that no unfinished exit covers already."""
    held, covered = held_and_covered(intent, context)
    if not held.is_finite():
        return Verdict("holding", Reason.BAD_DATA, str(held), covered)
    missing = _why_pending(_exits(intent, context)) if held > 0 else Reason.NO_POSITION
    return verdict("holding", held > covered, missing, held, covered)


def stop(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass what is no stop at the broker, and a stop that names its price."""
    if not protects(intent):
        return Verdict("stop", Reason.PASSED)
    at = intent.stop_price
    named = at is not None and at.is_finite() and at > 0
    return verdict("stop", named, Reason.BAD_DATA, None if at is None else str(at), Decimal(0))


def auto_mode(book: Book, intent: Intent, context: RiskContext) -> Verdict:
    """Pass if the book submits by itself; otherwise it decides, records and reports only (A7).

    Asked last: everything else is decided by then, and the shares that it measured would be sent.
    """
    shares = shares_of(book, intent, context)
    return verdict("auto_mode", book.auto, Reason.AUTO_MODE_OFF, shares)


ENTRY_GATES: tuple[RiskGate, ...] = (
    status,
    contact,
    reconciled,
    session,
    pre_close,
    age,
    price,
    numbers,
    daily_loss,
    position,
    pending,
    conflict,
    daily_cap,
    positions,
    first_real_day,
    kelly,
    concurrent_risk,
    exposure,
    look_through,
    buying_power,
    first_real_order,
    quantity,
    auto_mode,
)

EXIT_GATES: tuple[RiskGate, ...] = (
    status,
    orders_possible,
    age,
    at_broker,
    holding,
    stop,
    auto_mode,
)


def shares_of(book: Book, intent: Intent, context: RiskContext) -> Decimal:
    """Return how many shares an intent is for: what limits have room for, or what is left to sell.

    An exit sells what was asked for, but never more than is held and not already being sold.
    """
    if intent.purpose is Purpose.ENTRY:
        at_price = sizing.price_of(context, intent.symbol)
        whole = sizing.entry_quantity(book.risk, context, intent.symbol, at_price)
        return first_size(context.debut, whole)
    held, covered = held_and_covered(intent, context)
    left = held - covered
    return min(left, intent.quantity or left)


def _taken(context: RiskContext) -> frozenset[str]:
    return frozenset(sizing.held(context)) | {o.symbol for o in sizing.entering(context)}


def held_and_covered(intent: Intent, context: RiskContext) -> tuple[Decimal, Decimal]:
    """Return what may be sold in an exit's direction, and what unfinished exits sell of it already.

    A stop that rests at the broker counts like any sale: whoever wants its shares waits until it is
    final, so that no share is ever sold twice.
    """
    held = sizing.held(context).get(intent.symbol)
    owned = sellable(held) if held else Decimal(0)
    covered = sum((outstanding(order) for order in _exits(intent, context)), Decimal(0))
    return (owned if intent.side is Side.SELL else -owned), covered


def _exits(intent: Intent, context: RiskContext) -> list[Order]:
    return [o for o in context.pending if (o.symbol, o.side) == (intent.symbol, intent.side)]
