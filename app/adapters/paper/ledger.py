"""The broker port over a ledger of our own: live prices, and no order leaves the house."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace as changed
from datetime import date, datetime
from decimal import Decimal

from app.adapters.paper import matching, shelf
from app.adapters.paper.matching import Price, sound, step
from app.adapters.paper.shelf import Entry
from app.adapters.port import BrokerClock, BrokerPosition, Capabilities, Rehearsal
from app.engine.errors import InvalidData, Rejected
from app.engine.ids import digest
from app.engine.orders import (
    BrokerOrder,
    Execution,
    Order,
    OrderState,
    OrderType,
    Side,
)
from app.engine.portfolio import Account, Fee, Position, after_fill, cash_after

_LIMITED = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
_STOPPED = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})
_STATUS = {OrderState.EXPIRED: "expired", OrderState.CANCELLED: "canceled"}


def open_ledger(rehearsal: Rehearsal | None) -> "PaperLedger":
    """Return the ledger that a rehearsal describes."""
    if rehearsal is None:
        raise InvalidData("the broker paper needs a file, cash, prices and a session")
    return PaperLedger(rehearsal)


class PaperLedger:
    """Orders fill whole at the far side of the price whenever anyone looks; nobody goes short.

    Regular hours only, whatever an order says of extended ones.
    """

    name = "paper"
    capabilities = Capabilities(client_ids=True, auction_orders=True, stop_orders=True)

    def __init__(self, rehearsal: Rehearsal) -> None:
        self._rehearsal = rehearsal

    def submit(self, order: Order) -> BrokerOrder:
        _check(order)
        session, price = self._settle(), self._price(order.symbol)
        entry = _accepted(order, price, session)
        with self._book() as db:
            _refuse_repeat(db, order.client_id)
            _refuse_uncovered(db, entry)
            shelf.add(db, entry)
            _advance(db, entry, price, session)
            return _stated(db, entry.stated.broker_id)

    def cancel(self, broker_id: str) -> None:
        self._settle()
        with self._book() as db:
            _open_entry(db, broker_id)
            shelf.end(db, broker_id, OrderState.CANCELLED, "canceled")

    def replace(
        self, broker_id: str, *, quantity: Decimal | None = None, limit_price: Decimal | None = None
    ) -> BrokerOrder:
        session = self._settle()
        with self._book() as db:
            old = _open_entry(db, broker_id)
            successor = _successor(old, quantity, limit_price, session.at)
            price = self._price(old.stated.symbol)
            shelf.end(db, broker_id, OrderState.CANCELLED, "replaced", successor.stated.broker_id)
            _refuse_repeat(db, successor.stated.client_id)
            _refuse_uncovered(db, successor)
            shelf.add(db, successor)
            _advance(db, successor, price, session)
            return _stated(db, successor.stated.broker_id)

    def order(self, broker_id: str) -> BrokerOrder | None:
        self._settle()
        with self._book() as db:
            found = shelf.entry(db, broker_id)
        return found.stated if found else None

    def order_by_client_id(self, client_id: str) -> BrokerOrder | None:
        self._settle()
        with self._book() as db:
            found = shelf.entry_by_client_id(db, client_id)
        return found.stated if found else None

    def open_orders(self) -> Sequence[BrokerOrder]:
        self._settle()
        with self._book() as db:
            return [entry.stated for entry in shelf.entries(db, only_open=True)]

    def orders_since(self, since: datetime) -> Sequence[BrokerOrder]:
        self._settle()
        with self._book() as db:
            stated = [entry.stated for entry in shelf.entries(db)]
        return [order for order in stated if order.created_at >= since]

    def executions(self, since: datetime) -> Sequence[Execution]:
        self._settle()
        with self._book() as db:
            return [fill for fill in shelf.executions(db) if fill.at >= since]

    def fees(self, since: date) -> Sequence[Fee]:
        return ()  # a ledger of our own charges nothing

    def positions(self) -> Mapping[str, BrokerPosition]:
        self._settle()
        with self._book() as db:
            held = _held(db)
        return {p.symbol: BrokerPosition(p.symbol, p.quantity, p.average_price) for p in held}

    def account(self) -> Account:
        self._settle()
        with self._book() as db:
            cash, held, free = _cash(db), _held(db), _buying_power(db)
            name = shelf.name(db)
        worth = Decimal(0)
        for position in held:
            price = self._price(position.symbol)
            worth += position.quantity * (price.bid if price else position.average_price)
        return Account(cash=cash, equity=cash + worth, buying_power=free, id=name)

    def clock(self) -> BrokerClock:
        return self._rehearsal.session()

    def _book(self) -> AbstractContextManager[sqlite3.Connection]:
        return shelf.opened(self._rehearsal.path, self._rehearsal.cash)

    def _price(self, symbol: str) -> Price | None:
        return sound(self._rehearsal.prices(symbol))

    def _settle(self) -> BrokerClock:
        """Let the prices of now act on what rests; committed before anything else is looked at."""
        session = self._rehearsal.session()
        with self._book() as db:
            symbols = {entry.stated.symbol for entry in shelf.entries(db, only_open=True)}
        prices = {symbol: self._price(symbol) for symbol in sorted(symbols)}
        with self._book() as db:
            for entry in shelf.entries(db, only_open=True):
                _advance(db, entry, prices.get(entry.stated.symbol), session)
        return session


def _advance(
    db: sqlite3.Connection, entry: Entry, price: Price | None, session: BrokerClock
) -> None:
    outcome = step(entry.rests, price, session)
    if outcome.fill_price is not None:
        shelf.fill(db, entry, outcome.fill_price, session.at)
    elif outcome.ends is not None:
        shelf.end(db, entry.stated.broker_id, outcome.ends, _STATUS[outcome.ends])
    elif outcome.triggered:
        shelf.trigger(db, entry.stated.broker_id)


def _accepted(order: Order, price: Price | None, session: BrokerClock) -> Entry:
    held_at = _held_at(order, price)
    if order.side is Side.BUY and held_at is None:
        raise Rejected("no_price", f"{order.symbol} has no price now")
    rests = matching.resting(order, session)
    stated = matching.stated(order, digest("paper", order.client_id), session)
    return Entry(stated, rests, held_at or Decimal(0))


def _successor(
    old: Entry, quantity: Decimal | None, limit_price: Decimal | None, at: datetime
) -> Entry:
    if quantity is None and limit_price is None:
        raise Rejected("invalid", "nothing to change")
    if limit_price is not None and old.rests.type not in _LIMITED:
        raise Rejected("invalid", f"a {old.rests.type} order has no limit price")
    limit = limit_price if limit_price is not None else old.rests.limit_price
    amount = quantity if quantity is not None else old.stated.quantity
    _check_number("quantity", amount)
    _check_number("limit price", limit, needed=old.rests.type in _LIMITED)
    client_id = digest("replace", old.stated.broker_id, str(quantity), str(limit_price), length=32)
    stated = changed(
        old.stated,
        broker_id=digest("paper", client_id),
        client_id=client_id,
        quantity=amount,
        created_at=at,
        limit_price=limit,
    )
    return Entry(stated, changed(old.rests, limit_price=limit), limit or old.held_at)


def _check(order: Order) -> None:
    if not order.client_id or not order.symbol:
        raise Rejected("invalid", "an order needs a client id and a symbol")
    _check_number("quantity", order.quantity)
    _check_number("limit price", order.limit_price, needed=order.type in _LIMITED)
    _check_number("stop price", order.stop_price, needed=order.type in _STOPPED)


def _check_number(name: str, value: Decimal | None, *, needed: bool = True) -> None:
    if needed and (value is None or not value.is_finite() or value <= 0):
        raise Rejected("invalid", f"{name} is {value}, not a number above zero")


def _refuse_repeat(db: sqlite3.Connection, client_id: str) -> None:
    if shelf.entry_by_client_id(db, client_id) is not None:
        raise Rejected("duplicate", f"client id {client_id} was used before")


def _refuse_uncovered(db: sqlite3.Connection, entry: Entry) -> None:
    order = entry.stated
    if order.side is Side.BUY:
        free, needed = _buying_power(db), order.quantity * entry.held_at
        if needed > free:
            raise Rejected("insufficient_buying_power", f"{needed} needed, {free} free")
        return
    held = {position.symbol: position.quantity for position in _held(db)}
    for other in shelf.entries(db, only_open=True):
        if other.stated.side is Side.SELL and other.stated.symbol == order.symbol:
            held[order.symbol] = held.get(order.symbol, Decimal(0)) - other.stated.quantity
    free = held.get(order.symbol, Decimal(0))
    if order.quantity > free:
        raise Rejected("insufficient_quantity", f"{order.quantity} to sell, {free} free")


def _open_entry(db: sqlite3.Connection, broker_id: str) -> Entry:
    found = shelf.entry(db, broker_id)
    if found is None:
        raise Rejected("not_found", f"no order {broker_id}")
    if not found.is_open:
        raise Rejected("not_open", f"the order is {found.stated.status}")
    return found


def _stated(db: sqlite3.Connection, broker_id: str) -> BrokerOrder:
    found = shelf.entry(db, broker_id)
    if found is None:
        raise InvalidData(f"the ledger lost order {broker_id}")
    return found.stated


def _held(db: sqlite3.Connection) -> list[Position]:
    held: dict[str, Position] = {}
    for fill in shelf.executions(db):
        held[fill.symbol] = after_fill(held.get(fill.symbol, Position(fill.symbol)), fill)
    return [position for position in held.values() if position.quantity]


def _cash(db: sqlite3.Connection) -> Decimal:
    return cash_after(shelf.first_cash(db), shelf.executions(db))


def _buying_power(db: sqlite3.Connection) -> Decimal:
    return _cash(db) - sum(
        (
            entry.stated.quantity * entry.held_at
            for entry in shelf.entries(db, only_open=True)
            if entry.stated.side is Side.BUY
        ),
        Decimal(0),
    )


def _held_at(order: Order, price: Price | None) -> Decimal | None:
    if order.type in _LIMITED:
        return order.limit_price
    if order.type in _STOPPED:
        return order.stop_price
    return price.ask if price else None
