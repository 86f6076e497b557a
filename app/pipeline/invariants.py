"""Invariants: what must hold of a book and its broker whatever happened, counted as breaches.

Nothing here asks the engine whether it was right: rows are compared with rows, and with what the
broker says it has.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from sqlalchemy.engine import Connection

from app.engine.book import Book
from app.engine.orders import IN_DOUBT, Execution, Order, OrderState, Purpose, Side, outstanding
from app.engine.portfolio import Adjustment, Position, walked
from app.io.store import adjustments, fills, orders, positions


@dataclass(frozen=True, slots=True)
class Theirs:
    """What the broker has: the client id of every order it ever took, and its positions."""

    client_ids: Sequence[str]
    positions: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Breaches:
    """How often each invariant does not hold; all are 0 in a sound book."""

    duplicate_orders: int
    ghost_orders: int
    unresolved: int
    position_mismatches: int
    limit_breaches: int
    short_positions: int

    @property
    def total(self) -> int:
        return (
            self.duplicate_orders
            + self.ghost_orders
            + self.unresolved
            + self.position_mismatches
            + self.limit_breaches
            + self.short_positions
        )


def check(db: Connection, book: Book, theirs: Theirs, equity_open: Decimal) -> Breaches:
    """Count the breaches of a book's whole history; ``equity_open`` is where it began."""
    made = orders.listing(db, book.id)
    executed, changes = fills.all(db, book.id), adjustments.all(db, book.id)
    held = {symbol: p.quantity for symbol, p in positions.held(db, book.id).items()}
    known = {order.client_id for order in made}
    return Breaches(
        duplicate_orders=duplicates(made, theirs.client_ids),
        ghost_orders=sum(client_id not in known for client_id in theirs.client_ids),
        unresolved=sum(order.state in IN_DOUBT | {OrderState.NEW} for order in made),
        position_mismatches=mismatches(held, summed(executed, changes), theirs.positions),
        limit_breaches=len(breached_limits(book, made, executed, changes, equity_open))
        + len(oversold(made, held)),
        short_positions=sum(quantity < 0 for quantity in theirs.positions.values()),
    )


def duplicates(made: Iterable[Order], taken: Iterable[str]) -> int:
    """Count what exceeds one order at the broker for each intent."""
    intent_of = {order.client_id: order.intent_id for order in made}
    per_intent = Counter(intent_of.get(client_id, client_id) for client_id in taken)
    return sum(count - 1 for count in per_intent.values())


def summed(executed: Iterable[Execution], changes: Iterable[Adjustment]) -> dict[str, Decimal]:
    """Return the net quantity of fills and adjustments by symbol, flat ones left out."""
    net: dict[str, Decimal] = {}
    for change in changes:
        net[change.symbol] = net.get(change.symbol, Decimal(0)) + change.quantity
    for fill in executed:
        signed = fill.quantity if fill.side is Side.BUY else -fill.quantity
        net[fill.symbol] = net.get(fill.symbol, Decimal(0)) + signed
    return {symbol: quantity for symbol, quantity in net.items() if quantity}


def mismatches(*views: Mapping[str, Decimal]) -> int:
    """Count the symbols on which the views of the positions are not all the same."""
    symbols = {symbol for view in views for symbol in view}
    return sum(len({view.get(symbol, Decimal(0)) for view in views}) > 1 for symbol in symbols)


def breached_limits(
    book: Book,
    made: Sequence[Order],
    executed: Sequence[Execution],
    changes: Sequence[Adjustment],
    equity_open: Decimal,
) -> list[str]:
    """Return a line for each limit that was passed, walking through the day fill by fill.

    Money limits are checked at cost against the equity at the open plus what was realised; they
    are shares of an equity that also moves with prices, so a tenth of that share is allowed for.
    """
    found = [*_bursts(book, made), *_over_reserved(made)]
    in_order = sorted(executed, key=lambda f: (f.at, f.id))
    for one, held in walked({}, in_order, changes):
        if isinstance(one, Execution):
            found += _at(book, held, equity_open, one)
    return found


def _at(
    book: Book, held: Mapping[str, Position], equity_open: Decimal, fill: Execution
) -> list[str]:
    open_now = [p for p in held.values() if p.quantity]
    cost = sum((p.quantity * p.average_price for p in open_now), Decimal(0))
    equity = equity_open + sum((p.realised for p in held.values()), Decimal(0))
    allowed = equity * book.risk.max_exposure * Decimal("1.1")
    one = held[fill.symbol]
    symbols = {p.symbol for p in open_now}
    limits = (
        (len(open_now) <= book.risk.max_positions, f"{len(open_now)} positions"),
        (cost <= allowed, f"exposure {cost}"),
        (one.quantity * one.average_price <= allowed / book.risk.min_slots, f"{one.symbol} alone"),
        (not any(symbols.issuperset(p) for p in book.routing.conflicts), "a conflicting pair"),
        (all(p.quantity > 0 for p in open_now), "a short position"),
    )
    return [f"{fill.at.isoformat()}: {said}" for holds, said in limits if not holds]


def oversold(made: Iterable[Order], held: Mapping[str, Decimal]) -> list[str]:
    """Name each symbol whose unfinished sales may still sell more than is held of it."""
    selling: dict[str, Decimal] = {}
    for order in made:
        if order.side is Side.SELL:
            selling[order.symbol] = selling.get(order.symbol, Decimal(0)) + outstanding(order)
    return [
        f"{symbol}: {wanted} on sale, {held.get(symbol, Decimal(0))} held"
        for symbol, wanted in sorted(selling.items())
        if wanted > max(held.get(symbol, Decimal(0)), Decimal(0))
    ]


def _over_reserved(made: Iterable[Order]) -> list[str]:
    return [
        f"{order.client_id}: spent more than reserved"
        for order in made
        if order.purpose is Purpose.ENTRY
        and order.filled_quantity * (order.average_price or 0) > order.reserved_notional
    ]


def _bursts(book: Book, made: Sequence[Order]) -> list[str]:
    """Name more orders within a minute than the fuse allows, and entries inside an ETF's lock."""
    found = []
    # A resting stop opens no risk and is limited by how far prices move, as the fuse has it too.
    times = sorted(order.created_at for order in made if order.purpose is not Purpose.PROTECT)
    most = book.risk.orders_per_minute
    for first, last in zip(times, times[most:], strict=False):
        if last - first < timedelta(minutes=1):
            found.append(f"{first.isoformat()}: more than {most} orders within a minute")
    etfs = {basket.etf for basket in book.routing.baskets}
    for etf in sorted(etfs):
        entries = sorted(
            o.created_at for o in made if o.symbol == etf and o.purpose is Purpose.ENTRY
        )
        for first, last in pairwise(entries):
            if last - first < book.routing.etf_lock:
                found.append(f"{last.isoformat()}: {etf} twice within its lock")
    return found
