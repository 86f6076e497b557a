"""Signals: bars and texts become scores, scores pass the gates, and what passes is published."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.engine import Connection

from app.engine import caps, mixer, quality, tiers
from app.engine.book import Book
from app.engine.signals import Signal
from app.engine.strategies import STRATEGIES, Decision, SignalInputs
from app.engine.strategies.port import Asking
from app.engine.verdicts import Judged, Reason
from app.io.calendar import midnight
from app.io.store import (
    bars,
    book_states,
    events,
    model_calls,
    orders,
    positions,
    quarantine,
    quotes,
    signals,
    tape,
    verdicts,
)
from app.io.store.taping import Transaction
from app.pipeline import history, model
from app.pipeline.messages import SIGNALS
from app.pipeline.model import Asked
from app.pipeline.services import Frame, Services
from app.pipeline.turns import deciding

#: This step's name on the tape.
STEP = "signals"


def generate(to: Services, slot: int) -> str:
    """Judge every due symbol of a slot; state, signals and verdicts commit together.

    The model is asked in between, while no transaction is open.
    """
    book = to.book
    strategy = STRATEGIES[book.strategy]
    with to.database.begin() as db:
        as_of = tape.freeze(db, book.id)
        inputs = gather(to, db, slot)
    reading = strategy.read(book, inputs)
    asking = strategy.questions(book, inputs, reading)
    asked = model.ask(to, asking.questions, inputs.at) if asking.questions else Asked()
    with deciding(to, STEP, {"slot": slot, "as_of": as_of, "asked": asked}) as (then, db):
        fresh, decision = decide(then, db, inputs, (reading, asking, asked))
        if any(verdict.reason is Reason.BAD_DATA for _, _, verdict in decision.judged):
            _quarantine(db, book, inputs)
    for signal in fresh:
        to.streams.publish(SIGNALS, {"id": signal.id})
    if fresh:
        to.nudge("pipeline_e2e")
    return f"{len(fresh)} signals"


def decide(
    to: Frame, db: Transaction, inputs: SignalInputs, said: tuple[Any, Asking, Asked]
) -> tuple[list[Signal], Decision]:
    """Judge what was gathered, read and asked; return the signals that are new, and all of it.

    ``said`` is the strategy's reading of the inputs, what it wanted to ask, and what came of that.
    """
    book, (reading, asking, asked) = to.book, said
    row, strategy = book_states.lock(db, book.id), STRATEGIES[book.strategy]
    decision = strategy.decide(book, row.engine, _answered(inputs, asked), reading)
    book_states.save_engine(db, book.id, decision.state)
    fresh = signals.insert_once(db, decision.signals)
    about_model = (*asking.passed_over, *asked.judged)
    judged: dict[str, tuple[Judged, ...]] = {"model": about_model, "signals": decision.judged}
    verdicts.add(db, book.id, inputs.at, to.settings, judged)
    return fresh, decision


def gather(to: Frame, db: Transaction, slot: int) -> SignalInputs:
    """Return what a slot is decided on, as the book's state is in this transaction."""
    book = to.book
    at = datetime.fromtimestamp(slot * book.schedule.signals.total_seconds(), UTC)
    hours = to.calendar.session_for(at)
    held = frozenset(positions.held(db, book.id))
    since = at - mixer.lasts(book)
    known = tuple(events.listing(db, book.id, since))
    today = midnight(at, to.calendar.zone)
    interest = held | orders.open_symbols(db, book.id) | tiers.woken(book, known, at)
    return SignalInputs(
        at=at,
        slot=slot,
        hours=hours,
        panel=history.panel(to, db, hours, at),
        quoted_at=_fresh_at(db, book),
        due=frozenset(tiers.due(book, at, interest).symbols),
        held=held,
        events=known,
        opinions=model_calls.opinions(db, book.id, since) if known else (),
        kept=model_calls.kept(db, book, at) if known else frozenset(),
        entries=caps.counted(book, orders.entries_since(db, book.id, today)),
    )


def _answered(inputs: SignalInputs, asked: Asked) -> SignalInputs:
    """Add what the model said; an answer to a slot's question counts as of that slot.

    An answer that is used again is in the ledger as well: of each symbol and event one counts.
    """
    answers = [*inputs.opinions, *(replace(o, at=min(o.at, inputs.at)) for o in asked.opinions)]
    newest = {(o.symbol, o.event_id): o for o in answers}
    return replace(inputs, opinions=tuple(newest.values()), unanswered=asked.unanswered)


def _quarantine(db: Connection, book: Book, inputs: SignalInputs) -> None:
    """Note a flaw once: in the slot whose newest bars show it."""
    newest = inputs.panel.end - book.schedule.signals
    for symbol, flaw in quality.flaws(inputs.panel, book.signals.max_bar_move).items():
        if flaw.at >= newest:
            said = {"at": flaw.at.isoformat()}
            quarantine.add(db, book.id, inputs.at, "panel", symbol, flaw.what, said)


def _fresh_at(db: Transaction, book: Book) -> dict[str, datetime]:
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
