"""Signals: the last bars become scores, scores pass the gates, and what passes is published."""

from datetime import UTC, datetime

from sqlalchemy.engine import Connection

from app.engine import tiers
from app.engine.book import Book
from app.engine.strategies import STRATEGIES, SignalInputs
from app.io.store import bars, book_states, orders, positions, quotes, signals, verdicts
from app.pipeline import history
from app.pipeline.messages import SIGNALS
from app.pipeline.services import Services


def generate(to: Services, slot: int) -> str:
    """Judge every due symbol of a slot; state, signals and verdicts commit together."""
    book = to.book
    at = datetime.fromtimestamp(slot * book.schedule.signals.total_seconds(), UTC)
    hours = to.calendar.session_for(at)
    with to.database.begin() as db:
        row = book_states.lock(db, book.id)
        held = frozenset(positions.held(db, book.id))
        due = tiers.due(book, at, held | orders.open_symbols(db, book.id))
        inputs = SignalInputs(
            at=at,
            slot=slot,
            hours=hours,
            panel=history.panel(to, db, hours, at),
            quoted_at=_fresh_at(db, book),
            due=frozenset(due),
            held=held,
        )
        decision = STRATEGIES[book.strategy].decide(book, row.engine, inputs)
        book_states.save_engine(db, book.id, decision.state)
        fresh = signals.insert_once(db, decision.signals)
        verdicts.add(db, book.id, at, to.settings, {"signals": decision.judged})
    for signal in fresh:
        to.streams.publish(SIGNALS, {"id": signal.id})
    if fresh:
        to.nudge("pipeline_e2e")
    return f"{len(fresh)} signals"


def _fresh_at(db: Connection, book: Book) -> dict[str, datetime]:
    """Return how old each symbol's data are: as old as its last quote or its last bar, the older.

    A quote alone is not enough: at the open it is new while every bar is yesterday's.
    """
    ended = bars.last_at(db, book.id, book.universe.symbols)
    quoted = quotes.load(db, book.id)
    return {
        symbol: min(quoted[symbol].at, start + history.SPAN)
        for symbol, start in ended.items()
        if symbol in quoted
    }
