"""Signals, intents, the engine's memory and the book's status."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from app.engine.book import BookStatus
from app.engine.orders import Intent
from app.engine.signals import Signal
from app.engine.state import BookState, from_json, to_json
from app.io.memory.state import State
from app.io.store.book_states import BookRow


class BookStates:
    """``store.book_states``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def load(self, book_id: str) -> BookRow:
        return self._state.row

    def lock(self, book_id: str) -> BookRow:
        return self._state.row

    def save_engine(self, book_id: str, state: BookState) -> None:
        # Read back as from a database: in the order of its keys.
        self._state.row = replace(self._state.row, engine=from_json(to_json(state)))

    def set_status(self, book_id: str, status: BookStatus, why: str, by: str, at: datetime) -> None:
        self._state.row = replace(self._state.row, status=status, why=why, set_by=by, set_at=at)

    def set_reconciled(self, book_id: str, at: datetime | None) -> None:
        self._state.row = replace(self._state.row, reconciled_at=at)

    def set_cash_short(self, book_id: str, amount: Decimal) -> None:
        self._state.row = replace(self._state.row, cash_short=amount)


class Signals:
    """``store.signals``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def insert_once(self, new: Sequence[Signal]) -> list[Signal]:
        known, routed = self._state.signals, self._state.routed
        fresh = {s.id: s for s in new if s.id not in known and s.id not in routed}
        known |= fresh
        return list(fresh.values())

    def unrouted(self, book_id: str, limit: int = 10_000) -> list[Signal]:
        waiting = self._state.signals.values()
        return sorted(waiting, key=lambda signal: (signal.at, signal.id))[:limit]

    def mark_routed(self, ids: Sequence[str], at: datetime) -> None:
        for name in ids:
            self._state.signals.pop(name, None)
        self._state.routed.update(ids)


class Intents:
    """``store.intents``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def insert_once(self, new: Sequence[Intent]) -> list[Intent]:
        known, decided = self._state.intents, self._state.decided
        fresh = {i.id: i for i in new if i.id not in known and i.id not in decided}
        known |= fresh
        return list(fresh.values())

    def undecided(self, book_id: str) -> list[Intent]:
        return sorted(self._state.intents.values(), key=lambda intent: intent.at)

    def mark_decided(self, ids: Sequence[str], at: datetime) -> None:
        for name in ids:
            self._state.intents.pop(name, None)
        self._state.decided.update(ids)
