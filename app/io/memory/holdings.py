"""Positions, fills, adjustments and money."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from app.engine.orders import Execution
from app.engine.portfolio import Account, Adjustment, Fee, Position, cash_after
from app.io.memory.state import Filled, Money, State
from app.io.store.accounts import OPENING, Statement


class Positions:
    """``store.positions``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def load(self, book_id: str, lock: bool = False) -> dict[str, Position]:
        return dict(sorted(self._state.positions.items()))

    def begin(self, book_id: str, symbol: str, at: datetime) -> None:
        self._state.positions.setdefault(symbol, Position(symbol))

    def held(self, book_id: str) -> dict[str, Position]:
        return {symbol: p for symbol, p in self.load(book_id).items() if p.quantity}

    def save(self, book_id: str, position: Position, at: datetime) -> None:
        self._state.positions[position.symbol] = position

    def follow(self, book_id: str, position: Position) -> None:
        now = self._state.positions.get(position.symbol)
        if now is None or not now.quantity or now.opened_at != position.opened_at:
            return
        peaks = [p for p in (now.peak_price, position.peak_price) if p is not None]
        best = max(peaks, default=None)
        moved = replace(now, peak_price=best, through_at=position.through_at)
        self._state.positions[position.symbol] = moved

    def note_bare(self, book_id: str, symbol: str, since: datetime | None) -> None:
        position = self._state.positions.get(symbol)
        if position is not None:
            self._state.positions[symbol] = replace(position, bare_since=since)

    def note_differences(self, book_id: str, theirs: Mapping[str, Decimal]) -> None:
        for symbol, position in self._state.positions.items():
            told = replace(position, at_broker=theirs.get(symbol))
            self._state.positions[symbol] = told


class Fills:
    """``store.fills``."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._made: tuple[tuple[object, ...], list[Execution]] = ((), [])

    def insert_once(
        self,
        book_id: str,
        broker: str,
        client_id: str,
        executions: Sequence[Execution],
        source: str,
    ) -> list[Execution]:
        known = self._state.fills
        fresh = {e.id: e for e in executions if e.id not in known}
        for name, execution in fresh.items():
            known[name] = Filled(client_id, execution)
        if self._state.money is not None:
            self._state.money.cash = cash_after(self._state.money.cash, fresh.values())
        return list(fresh.values())

    def for_order(self, client_id: str) -> list[Execution]:
        mine = [f.execution for f in self._state.fills.values() if f.client_id == client_id]
        return sorted(mine, key=lambda e: (e.at, e.broker_order_id, e.cumulative))

    def by_order(self, book_id: str, since: datetime, most: int) -> list[Execution]:
        known = self._state.fills.values()
        if all(filled.execution.at >= since for filled in known):
            # Asked for in every pass, and another answer only after a fill.
            of = (
                len(known),
                next(iter(self._state.fills), ""),
                next(reversed(self._state.fills), ""),
            )
            if self._made[0] != of:
                self._made = of, _by_order(known)
            made = self._made[1]
        else:
            made = _by_order(filled for filled in known if filled.execution.at >= since)
        newest = sorted(made, key=lambda each: each.id)
        newest = sorted(newest, key=lambda each: each.at, reverse=True)[:most]
        return sorted(newest, key=lambda each: (each.at, each.symbol, each.side))


def _by_order(filled: Iterable[Filled]) -> list[Execution]:
    orders: dict[tuple[str, str, str], list[Execution]] = {}
    for each in filled:
        one = each.execution
        orders.setdefault((each.client_id, one.symbol, one.side), []).append(one)
    return [_as_one(client_id, of) for (client_id, _, _), of in orders.items()]


def _as_one(client_id: str, filled: Sequence[Execution]) -> Execution:
    """Return what an order filled as one execution, at its average price and its first time."""
    quantity = sum((each.quantity for each in filled), Decimal(0))
    paid = sum((each.quantity * each.price for each in filled), Decimal(0))
    first, at = filled[0], min(each.at for each in filled)
    price = paid / quantity
    return Execution(client_id, client_id, first.symbol, first.side, quantity, price, quantity, at)


class Adjustments:
    """``store.adjustments``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, book_id: str, adjustment: Adjustment, by: str, why: str) -> None:
        self._state.adjustments.append(adjustment)

    def all(self, book_id: str) -> list[Adjustment]:
        return sorted(self._state.adjustments, key=lambda change: change.at)


class Accounts:
    """``store.accounts``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def keep(self, book_id: str, at: datetime, kind: str, account: Account) -> None:
        newest = self._state.statements.get(kind)
        if newest is None or at >= newest.at:
            self._state.statements[kind] = Statement(at, account)
            if kind == OPENING:
                self._state.money = Money(account.cash, account.equity)

    def latest(self, book_id: str, kind: str | None = None) -> Statement | None:
        if kind is not None:
            return self._state.statements.get(kind)
        return max(self._state.statements.values(), key=lambda said: said.at, default=None)

    def money(self, book_id: str) -> tuple[Decimal, Decimal] | None:
        now = self._state.money
        return None if now is None else (now.cash, now.equity_open)


class Fees:
    """``store.fees``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def insert_once(
        self, book_id: str, broker: str, charged: Sequence[Fee], settled_on: date
    ) -> list[Fee]:
        fresh = {fee.id: fee for fee in charged if fee.id not in self._state.charged}
        self._state.charged.update(fresh)
        if self._state.money is not None:
            self._state.money.cash -= sum((f.amount for f in fresh.values()), Decimal(0))
        return list(fresh.values())
