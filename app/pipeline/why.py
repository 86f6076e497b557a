"""Why: the chain of gates behind what a symbol did or did not do, with the evidence behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.engine import attribution, baskets
from app.engine.attribution import Share
from app.engine.book import Book
from app.engine.events import Event
from app.engine.signals import Signal
from app.io.store import chains, events, evidence, signals
from app.io.store.chains import Decision
from app.io.store.database import Database
from app.io.store.evidence import CallSeen, OrderSeen


@dataclass(frozen=True, slots=True)
class Explanation:
    """A symbol's newest chain: decisions, the signals and events behind them, and their orders.

    ``shares`` says by client id which signals moved an order, and how much; ``witness_of`` names
    the baskets (name, ETF) that the symbol's signals are evidence for.
    """

    book: str
    symbol: str
    auto: bool
    decisions: tuple[Decision, ...]
    signals: tuple[Signal, ...] = ()
    orders: tuple[OrderSeen, ...] = ()
    shares: Mapping[str, tuple[Share, ...]] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    calls: tuple[CallSeen, ...] = ()
    witness_of: tuple[tuple[str, str], ...] = ()


def why(database: Database, book: str, symbol: str, at: datetime | None) -> list[Decision]:
    """Return the newest chain of decisions about a symbol at or before ``at``, oldest first."""
    with database.begin() as db:
        return chains.chain(db, book, symbol, at)


def explain(database: Database, book: Book, symbol: str, at: datetime | None) -> Explanation:
    """Return the newest chain at or before ``at`` with everything that it rests on."""
    with database.begin() as db:
        found = chains.chain(db, book.id, symbol, at)
        if not found:
            return Explanation(book.id, symbol, book.auto, ())
        orders = evidence.orders_of(db, book.id, chains.named("intent", _subjects(found)))
        named = {*chains.named("signal", _subjects(found)), *(s for o in orders for s in o.signals)}
        caused = signals.by_ids(db, book.id, named)
        heard = {(d.subject.partition(":")[2], d.symbol) for d in found if d.step == "model"}
        return Explanation(
            book=book.id,
            symbol=symbol,
            auto=book.auto,
            decisions=tuple(found),
            signals=tuple(caused),
            orders=tuple(orders),
            shares={order.client_id: _moved(book, order, caused) for order in orders},
            events=tuple(events.by_ids(db, book.id, {event for event, _ in heard})),
            calls=tuple(evidence.calls_of(db, book.id, heard, found[-1].at)),
            witness_of=_witness_of(book, symbol),
        )


def _subjects(found: Sequence[Decision]) -> set[str]:
    return {decision.subject for decision in found}


def _moved(book: Book, order: OrderSeen, caused: Sequence[Signal]) -> tuple[Share, ...]:
    """Return each signal's share of an order; a basket turns an inverse ETF's word around."""
    mine = [signal for signal in caused if signal.id in order.signals]
    return attribution.of(mine, frozenset(book.universe.inverse) if order.basket else frozenset())


def _witness_of(book: Book, symbol: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (basket.name, basket.etf)
        for basket in book.routing.baskets
        if symbol != basket.etf and symbol in baskets.witnesses(book, basket)
    )
