"""Capture: a book's state as the database holds it, read under the book's lock."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy.engine import Connection

from app.engine import trades
from app.engine.orders import OPEN
from app.io.memory.state import Filled, ModelCall, Money, State
from app.io.store import (
    accounts,
    adjustments,
    bars,
    book_states,
    events,
    fees,
    fills,
    intents,
    model_calls,
    order_links,
    orders,
    pending_exits,
    positions,
    quotes,
    recovery,
    sessions,
    settings_log,
    signals,
)

#: So many sessions are looked back at: today's and those around a night.
SESSIONS = 3
STATEMENTS = ("open", "check", "book", "close")


@dataclass(frozen=True, slots=True)
class Back:
    """From when on what is needed: orders and what was noted of them, texts, bars by symbol."""

    orders: datetime
    texts: datetime
    bars: datetime
    symbols: tuple[str, ...]


def capture(db: Connection, book_id: str, at: datetime, back: Back) -> State:
    """Return what decisions from ``at`` on can depend on."""
    # Whose account it is decides nothing, and would travel with the tape.
    state = State(replace(book_states.lock(db, book_id), account=None))
    state.positions = positions.load(db, book_id)
    _orders(db, book_id, back, state)
    _money(db, book_id, at, state)
    state.sessions = {row.date: row for row in sessions.newest(db, book_id, SESSIONS)}
    state.parked = pending_exits.load(db, book_id)
    state.differences = recovery.listing(db, book_id, back.orders)
    newest = settings_log.newest(db, book_id)
    state.settings = {newest.fingerprint: newest} if newest else {}
    _market(db, book_id, back, state)
    return state


def _orders(db: Connection, book_id: str, back: Back, state: State) -> None:
    state.signals = {signal.id: signal for signal in signals.unrouted(db, book_id)}
    state.intents = {intent.id: intent for intent in intents.undecided(db, book_id)}
    made = intents.listing(db, book_id, back.orders)
    state.decided = {intent.id for intent in made} - state.intents.keys()
    held = [p.opened_at for p in state.positions.values() if p.quantity and p.opened_at]
    since = min([back.orders, *held])
    taken = orders.taken(db, book_id, since)
    first = min(taken.values(), default=since)
    known = {order.client_id: order for order in orders.listing(db, book_id, since)}
    known |= {o.client_id: o for o in orders.unfinished(db, book_id)}
    older = (orders.get(db, name) for name, made in taken.items() if made == first)
    known |= {order.client_id: order for order in older if order is not None}
    state.orders, state.taken = known, set(taken) & known.keys()
    open_ = [order.client_id for order in known.values() if order.state in OPEN]
    state.links = {name: list(order_links.load(db, name)) for name in open_}


def _money(db: Connection, book_id: str, at: datetime, state: State) -> None:
    executed = fills.since(db, book_id, at - trades.REMEMBERED)
    state.fills = {e.id: Filled(e.client_id or "", e) for e in executed}
    state.adjustments = adjustments.all(db, book_id)
    now = accounts.money(db, book_id)
    state.money = None if now is None else Money(*now)
    said = {kind: accounts.latest(db, book_id, kind) for kind in STATEMENTS}
    state.statements = {kind: one for kind, one in said.items() if one is not None}
    state.charged = fees.counted(db, book_id, date.max)


def _market(db: Connection, book_id: str, back: Back, state: State) -> None:
    state.quotes = quotes.load(db, book_id)
    for bar in bars.since(db, book_id, back.symbols, back.bars):
        state.bars.setdefault(bar.symbol, []).append(bar)
    state.events = {event.id: event for event in events.listing(db, book_id, back.texts)}
    for known, symbol, event_id, key in model_calls.listing(db, book_id, back.texts):
        answer = None if known.answer is None else dict(known.answer)
        state.calls[known.id] = ModelCall(known.at, symbol, event_id, key, known.outcome, answer)
