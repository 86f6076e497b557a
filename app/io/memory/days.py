"""Sessions, parked exits, what was noted, the settings' log, verdicts and the wall's answers."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from app.engine.exits.parking import Parked
from app.engine.session import Phase
from app.io.memory.state import State
from app.io.store.recovery import Difference
from app.io.store.sessions import SessionRow
from app.io.store.settings_log import Entry


class Sessions:
    """``store.sessions``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def save(self, book_id: str, session: SessionRow, at: datetime) -> None:
        before = self._state.sessions.get(session.date)
        if before is not None:
            session = replace(
                session,
                equity_open=session.equity_open
                if before.equity_open is None
                else before.equity_open,
                cash_open=session.cash_open if before.cash_open is None else before.cash_open,
            )
        self._state.sessions[session.date] = session

    def rebase(self, book_id: str, day: date, equity: Decimal, cash: Decimal) -> None:
        row = self._state.sessions.get(day)
        if row is None or row.state in (Phase.CLOSED, Phase.STOPPED):
            return
        self._state.sessions[day] = replace(
            row,
            equity_open=None if row.equity_open is None else row.equity_open + equity,
            cash_open=None if row.cash_open is None else row.cash_open + cash,
        )

    def load(self, book_id: str, day: date) -> SessionRow | None:
        return self._state.sessions.get(day)


class PendingExits:
    """``store.pending_exits``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def load(self, book_id: str) -> dict[str, Parked]:
        return dict(sorted(self._state.parked.items()))

    def save(self, book_id: str, parked: Parked) -> None:
        self._state.parked[parked.symbol] = parked

    def remove(self, book_id: str, symbols: Collection[str]) -> None:
        for symbol in symbols:
            self._state.parked.pop(symbol, None)


class Recovery:
    """``store.recovery``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, book_id: str, difference: Difference) -> None:
        self._state.differences.append(difference)

    def noted(self, book_id: str, kind: str, subject: str, since: datetime) -> bool:
        return any(
            one.kind == kind and one.subject == subject and one.at >= since
            for one in self._state.differences
        )


class SettingsLog:
    """``store.settings_log``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add_once(self, book_id: str, entry: Entry) -> bool:
        self._state.settings[entry.fingerprint] = entry
        return True
