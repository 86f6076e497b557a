"""One valid value of each kind that the store keeps; a test overrides only what it is about."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import insert

from app.engine.book import BookStatus
from app.engine.market import Bar, Quote
from app.engine.orders import (
    Execution,
    Intent,
    Order,
    OrderType,
    Purpose,
    Side,
    TimeInForce,
)
from app.engine.signals import Signal
from app.engine.verdicts import Reason, Verdict
from app.io.store.database import Database
from app.io.store.orders import Guard
from app.io.store.schema import book_states
from app.io.store.verdicts import Judged

BOOK = "us_baskets"
AT = datetime(2026, 3, 20, 14, 30, tzinfo=UTC)
SPAN = timedelta(seconds=30)


def a_bar(**changes: Any) -> Bar:
    values = {"symbol": "NVDA", "at": AT, "open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0}
    return Bar(**{**values, "volume": 100.0, **changes})


def a_quote(**changes: Any) -> Quote:
    values = {"symbol": "NVDA", "at": AT, "bid": 9.9, "ask": 10.1, "last": 10.0}
    return Quote(**{**values, "day_volume": 1000.0, **changes})


def a_signal(**changes: Any) -> Signal:
    values = {"id": "s1", "book": BOOK, "symbol": "NVDA", "slot": 1, "at": AT, "score": -0.3}
    return Signal(**{**values, "price": 10.0, "components": {"trend": -0.3}, **changes})


def an_intent(**changes: Any) -> Intent:
    values: dict[str, Any] = {"id": "i1", "book": BOOK, "symbol": "SOXS", "side": Side.BUY}
    values |= {"purpose": Purpose.ENTRY, "price": Decimal("10.50"), "at": AT, "signals": ("s1",)}
    return Intent(**{**values, **changes})


def an_order(**changes: Any) -> Order:
    values: dict[str, Any] = {"client_id": "c1", "book": BOOK, "intent_id": "i1", "symbol": "SOXS"}
    values |= {"side": Side.BUY, "purpose": Purpose.ENTRY, "quantity": Decimal(10)}
    values |= {"type": OrderType.MARKET, "time_in_force": TimeInForce.DAY, "created_at": AT}
    return Order(**{**values, **changes})


def a_guard(**changes: Any) -> Guard:
    values: dict[str, Any] = {"statuses": frozenset({BookStatus.ACTIVE})}
    values |= {"within_s": 60.0, "most": 30}
    return Guard(**{**values, **changes})


def an_active_book(database: Database) -> None:
    """The book's row, without which nothing may be sent."""
    with database.begin() as db:
        db.execute(
            insert(book_states),
            {"book": BOOK, "mode": "PAPER", "status": "ACTIVE", "why": "", "set_by": ""}
            | {"set_at": AT, "engine": {}, "settings": ""},
        )


def a_fill(**changes: Any) -> Execution:
    values: dict[str, Any] = {"id": "b1:4", "broker_order_id": "b1", "symbol": "SOXS", "at": AT}
    values |= {"side": Side.BUY, "quantity": Decimal(4), "price": Decimal("10.25")}
    return Execution(**{**values, "cumulative": Decimal(4), "client_id": "c1", **changes})


def judged(symbol: str, reason: Reason, subject: str = "", **numbers: Any) -> Judged:
    gate = numbers.pop("gate", reason.value)
    return Judged(symbol, subject or f"signal:{symbol}", Verdict(gate, reason, **numbers))


def the_only(database: Database, statement: str) -> Any:
    """Return the one value that a statement selects."""
    with database.begin() as db:
        return db.exec_driver_sql(statement).scalar_one()
