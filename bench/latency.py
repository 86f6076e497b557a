"""From a signal's row to the broker's acceptance: the real worker, streams, database, exchange."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from app.engine.book import Book
from app.engine.ids import signal_id
from app.engine.market import Quote
from app.engine.portfolio import Account
from app.engine.session import Phase
from app.engine.signals import Signal
from app.io.clock import monotonic, pause
from app.io.store import accounts, book_states, orders, quotes, sessions, signals
from app.io.store.database import Database
from app.io.store.schema import orders as order_table
from app.io.store.schema import positions as position_table
from app.io.store.sessions import SessionRow
from app.jobs import root
from app.local.environment import simulated
from app.local.procfile import read_procfile
from app.local.stack import Stack
from app.pipeline.messages import SIGNALS
from app.pipeline.services import Services
from bench import hop

#: Limits wide enough that every signal becomes a small order.
WIDE = {
    "MAX_POSITIONS": "1000",
    "RISK_PER_TRADE": "0.0000001",
    "ORDERS_PER_MINUTE": "1000",
    "TIER_A_DAILY_CAP": "10000",
    "TIER_B_DAILY_CAP": "10000",
    "BENCH_DAILY_CAP": "10000",
    "RTH_DAILY_CAP": "100000",
    "BROKER_CALLS": "100000",
    "LOG_LEVEL": "WARNING",
    "DATABASE_URL": "",
    "REDIS_URL": "",
}
CASH = 1_000_000_000
PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of each order, sorted, and of the three floors measured beside them."""

    orders: Sequence[float]
    hop: Sequence[float]
    commit: Sequence[float]
    http: Sequence[float]


def measure(count: int) -> Latency:
    """Send ``count`` signals one after the other through a stack of its own."""
    with TemporaryDirectory() as folder, stack(Path(folder)) as running:
        os.environ.update(simulated(int(running.urls["exchange"].rsplit(":", 1)[1]), 1.0))
        os.environ.update(WIDE)
        os.environ["DATABASE_URL"] = running.urls["database"]
        os.environ["REDIS_URL"] = running.urls["redis"]
        to = root.services("us_baskets")
        open_book(to)
        for number in range(20):
            _one(to, -1 - number)
        with to.database.begin() as db:
            db.execute(order_table.delete())
        for number in range(count):
            _one(to, number)
        with to.database.begin() as db:
            taken = orders.latencies(db, to.book.id, datetime(2000, 1, 1, tzinfo=UTC))
        return Latency(
            taken,
            hop.measure(running.urls["redis"], count),
            _commits(to.database, count),
            _http(to, count),
        )


def stack(folder: Path, *, worker: bool = True) -> Stack:
    """Return the processes that a measurement needs, over a folder of its own."""
    wanted = {"postgres", "redis", "exchange"} | ({"worker"} if worker else set())
    commands = {name: command for name, command in read_procfile().items() if name in wanted}
    commands["exchange"] += f" --start 10:00 --cash {CASH} --rate-limit 1000000 --synthetic 7"
    return Stack(folder / "state", processes=commands, environment=WIDE, sim=True, speed=1.0)


def open_book(to: Services) -> None:
    """Open the book with plenty of money, as a session's start does."""
    now, cash = to.clock.now(), Decimal(CASH)
    with to.database.begin() as db:
        book_states.ensure(db, to.book, to.settings, now)
        book_states.set_reconciled(db, to.book.id, now)
        accounts.add(db, to.book.id, now, "open", Account(cash, cash, cash))
        hours = to.calendar.session_for(now)
        opened = SessionRow(hours.date, Phase.TRADING, hours.open, hours.close, cash, cash)
        sessions.save(db, to.book.id, opened, now)


def _stocks(book: Book) -> list[str]:
    return [s for s in book.universe.symbols if s not in book.universe.inverse]


def _one(to: Services, number: int) -> None:
    """Let one signal become one order, then forget both order and position."""
    stocks = _stocks(to.book)
    symbol, now = stocks[number % len(stocks)], to.clock.now()
    slot = 1_000_000 + number
    signal = Signal(signal_id(to.book.id, symbol, slot), to.book.id, symbol, slot, now, 0.5, 100.0)
    with to.database.begin() as db:
        quotes.save(db, to.book.id, [Quote(symbol, now, 99.9, 100.1, 100.0, 1e6)])
    with to.database.begin() as db:
        signals.insert_once(db, [signal])
    to.streams.publish(SIGNALS, {"id": signal.id})
    to.nudge("pipeline_e2e")
    _wait_accepted(to.database, number)
    with to.database.begin() as db:
        db.execute(order_table.update().values(state="CANCELLED"))
        db.execute(position_table.delete())


def _wait_accepted(database: Database, number: int) -> None:
    waiting = sa.select(sa.func.count()).where(order_table.c.state.in_(["SUBMITTED", "FILLED"]))
    deadline = monotonic() + PATIENCE_S
    pause(0.02)  # looking earlier would only take the processor from what is measured
    while monotonic() < deadline:
        pause(0.003)
        with database.begin() as db:
            if db.scalar(waiting):
                return
    raise SystemExit(f"signal {number} became no order within {PATIENCE_S:.0f} s")


def _commits(database: Database, count: int) -> list[float]:
    """Time one-row transactions."""
    row = sa.text(
        "INSERT INTO task_slots (book, task, slot, owner, status)"
        " VALUES ('b', 'b', :n, 'b', 'done')"
    )

    def once(number: int) -> float:
        started = monotonic()
        with database.begin() as db:
            db.execute(row, {"n": number})
        return (monotonic() - started) * 1000

    return sorted(once(number) for number in range(count))


def _http(to: Services, count: int) -> list[float]:
    """Time a read of one order at the exchange through the broker's adapter."""

    def once() -> float:
        started = monotonic()
        to.broker.order_by_client_id("nobody")
        return (monotonic() - started) * 1000

    return sorted(once() for _ in range(count))
