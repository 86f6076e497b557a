"""Where the paper ledger keeps its book: one SQLite file, in whole transactions."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from app.adapters.paper.matching import Resting
from app.engine.errors import Transient
from app.engine.ids import execution_id
from app.engine.orders import (
    FINAL,
    BrokerOrder,
    Execution,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
)

_WAIT_S = 5.0
_TABLES = """
CREATE TABLE IF NOT EXISTS account (one INTEGER PRIMARY KEY CHECK (one = 1), cash TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS name (one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
    seq INTEGER PRIMARY KEY, broker_id TEXT NOT NULL UNIQUE, client_id TEXT NOT NULL UNIQUE,
    symbol TEXT NOT NULL, side TEXT NOT NULL, quantity TEXT NOT NULL, type TEXT NOT NULL,
    tif TEXT NOT NULL, limit_price TEXT, stop_price TEXT, held_at TEXT NOT NULL, triggered INTEGER
    NOT NULL, due TEXT, expires_at TEXT, created_at TEXT NOT NULL, state TEXT NOT NULL,
    status TEXT NOT NULL, price TEXT, replaced_by TEXT);
CREATE INDEX IF NOT EXISTS open_orders ON orders (state) WHERE state = 'SUBMITTED';
CREATE TABLE IF NOT EXISTS fills (
    seq INTEGER PRIMARY KEY, broker_id TEXT NOT NULL UNIQUE, price TEXT NOT NULL, at TEXT NOT NULL);
"""
#: A ledger that was deleted and begun anew is another account, wherever its file lies.
_NAME = "INSERT OR IGNORE INTO name VALUES (1, 'paper-' || lower(hex(randomblob(8))))"


@dataclass(frozen=True, slots=True)
class Entry:
    """An order in the book. ``held_at`` is the price at which a buy holds cash while it rests."""

    stated: BrokerOrder
    rests: Resting
    held_at: Decimal

    @property
    def is_open(self) -> bool:
        return self.stated.state not in FINAL


@contextmanager
def opened(path: Path, cash: Decimal) -> Iterator[sqlite3.Connection]:
    """Open the book for one transaction; committed at the end, undone on an error."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)) as db:
            db.row_factory = sqlite3.Row
            db.executescript(_TABLES)
            db.execute("BEGIN IMMEDIATE")
            try:
                db.execute("INSERT OR IGNORE INTO account VALUES (1, ?)", (str(cash),))
                db.execute(_NAME)
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")
    except (sqlite3.OperationalError, OSError) as error:
        raise Transient(f"the paper ledger at {path} cannot be used: {error}") from error


def first_cash(db: sqlite3.Connection) -> Decimal:
    """Return the cash that the book began with."""
    return Decimal(db.execute("SELECT cash FROM account").fetchone()["cash"])


def name(db: sqlite3.Connection) -> str:
    """Return the name that the book was given when it began, which no other one has."""
    return str(db.execute("SELECT name FROM name").fetchone()["name"])


def add(db: sqlite3.Connection, entry: Entry) -> None:
    """Write a new order."""
    order, rests = entry.stated, entry.rests
    db.execute(
        "INSERT INTO orders (broker_id, client_id, symbol, side, quantity, type, tif, limit_price,"
        " stop_price, held_at, triggered, due, expires_at, created_at, state, status)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            order.broker_id,
            order.client_id,
            order.symbol,
            order.side.value,
            str(order.quantity),
            order.type,
            order.time_in_force,
            _maybe(rests.limit_price),
            _maybe(rests.stop_price),
            str(entry.held_at),
            int(rests.triggered),
            _maybe(rests.due),
            _maybe(rests.expires_at),
            order.created_at.isoformat(),
            order.state.value,
            order.status,
        ),
    )


def fill(db: sqlite3.Connection, entry: Entry, price: Decimal, at: datetime) -> None:
    """Fill an order whole."""
    db.execute(
        "INSERT INTO fills (broker_id, price, at) VALUES (?, ?, ?)",
        (entry.stated.broker_id, str(price), at.isoformat()),
    )
    db.execute(
        "UPDATE orders SET state = 'FILLED', status = 'filled', price = ? WHERE broker_id = ?",
        (str(price), entry.stated.broker_id),
    )


def end(
    db: sqlite3.Connection,
    broker_id: str,
    state: OrderState,
    status: str,
    replaced_by: str | None = None,
) -> None:
    """End an order that has not filled."""
    db.execute(
        "UPDATE orders SET state = ?, status = ?, replaced_by = ? WHERE broker_id = ?",
        (state.value, status, replaced_by, broker_id),
    )


def trigger(db: sqlite3.Connection, broker_id: str) -> None:
    """Remember that a stop was reached."""
    db.execute("UPDATE orders SET triggered = 1 WHERE broker_id = ?", (broker_id,))


def entries(db: sqlite3.Connection, *, only_open: bool = False) -> list[Entry]:
    """Return the orders, oldest first."""
    where = " WHERE state = 'SUBMITTED'" if only_open else ""
    rows = db.execute(f"SELECT * FROM orders{where} ORDER BY seq").fetchall()
    return [_entry(row) for row in rows]


def entry(db: sqlite3.Connection, broker_id: str) -> Entry | None:
    """Return an order by the ledger's id."""
    row = db.execute("SELECT * FROM orders WHERE broker_id = ?", (broker_id,)).fetchone()
    return _entry(row) if row else None


def entry_by_client_id(db: sqlite3.Connection, client_id: str) -> Entry | None:
    """Return an order by its client id."""
    row = db.execute("SELECT * FROM orders WHERE client_id = ?", (client_id,)).fetchone()
    return _entry(row) if row else None


def executions(db: sqlite3.Connection) -> list[Execution]:
    """Return the fills, oldest first."""
    rows = db.execute(
        "SELECT f.price AS paid, f.at, o.* FROM fills f JOIN orders o USING (broker_id)"
        " ORDER BY f.seq"
    ).fetchall()
    return [
        Execution(
            id=execution_id(row["broker_id"], Decimal(row["quantity"])),
            broker_order_id=row["broker_id"],
            symbol=row["symbol"],
            side=Side(row["side"]),
            quantity=Decimal(row["quantity"]),
            price=Decimal(row["paid"]),
            cumulative=Decimal(row["quantity"]),
            at=datetime.fromisoformat(row["at"]),
            client_id=row["client_id"],
        )
        for row in rows
    ]


def _entry(row: sqlite3.Row) -> Entry:
    state, quantity = OrderState(row["state"]), Decimal(row["quantity"])
    stated = BrokerOrder(
        broker_id=row["broker_id"],
        client_id=row["client_id"],
        symbol=row["symbol"],
        side=Side(row["side"]),
        quantity=quantity,
        filled_quantity=quantity if state is OrderState.FILLED else Decimal(0),
        average_price=_decimal(row["price"]),
        state=state,
        type=row["type"],
        time_in_force=row["tif"],
        created_at=datetime.fromisoformat(row["created_at"]),
        status=row["status"],
        replaced_by=row["replaced_by"],
        limit_price=_decimal(row["limit_price"]),
        stop_price=_decimal(row["stop_price"]),
    )
    rests = Resting(
        side=stated.side,
        type=OrderType(row["type"]),
        time_in_force=TimeInForce(row["tif"]),
        limit_price=_decimal(row["limit_price"]),
        stop_price=_decimal(row["stop_price"]),
        triggered=bool(row["triggered"]),
        due=_moment(row["due"]),
        expires_at=_moment(row["expires_at"]),
    )
    return Entry(stated, rests, Decimal(row["held_at"]))


def _maybe(value: Decimal | datetime | None) -> str | None:
    if value is None:
        return None
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def _moment(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
