"""Why: the chain of gates behind what a symbol did or did not do, with the evidence behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.engine import baskets
from app.engine.book import Book
from app.io.store import chains, evidence
from app.io.store.chains import Decision
from app.io.store.database import Database
from app.io.store.evidence import CallSeen, EventSeen, OrderSeen, SignalSeen


@dataclass(frozen=True, slots=True)
class Explanation:
    """A symbol's newest chain: decisions, the signals and events behind them, and their orders.

    ``witness_of`` names the baskets (name, ETF) that the symbol's signals are evidence for.
    """

    book: str
    symbol: str
    auto: bool
    decisions: tuple[Decision, ...]
    signals: tuple[SignalSeen, ...] = ()
    orders: tuple[OrderSeen, ...] = ()
    events: tuple[EventSeen, ...] = ()
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
        heard = {(d.subject.partition(":")[2], d.symbol) for d in found if d.step == "model"}
        return Explanation(
            book=book.id,
            symbol=symbol,
            auto=book.auto,
            decisions=tuple(found),
            signals=tuple(evidence.signals_of(db, book.id, named)),
            orders=tuple(orders),
            events=tuple(evidence.events_of(db, book.id, {event for event, _ in heard})),
            calls=tuple(evidence.calls_of(db, book.id, heard, found[-1].at)),
            witness_of=_witness_of(book, symbol),
        )


def _subjects(found: Sequence[Decision]) -> set[str]:
    return {decision.subject for decision in found}


def _witness_of(book: Book, symbol: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (basket.name, basket.etf)
        for basket in book.routing.baskets
        if symbol != basket.etf and symbol in baskets.witnesses(book, basket)
    )
