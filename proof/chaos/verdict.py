"""After the quiet: what the exchange has against what our tables have, and each slot's runs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.engine.book import Book
from app.engine.errors import Transient
from app.engine.orders import WORKING, Execution, Order, OrderState
from app.io.store import book_states, fills, orders, sessions
from app.io.store.database import Database
from app.pipeline.invariants import Breaches, Theirs, check
from proof.chaos.recovery import Work
from proof.chaos.states import differing_states

#: Every end of a slot's run is noted beside it: two ends of one slot are two runs.
WITNESS = (
    "CREATE SCHEMA chaos",
    "CREATE TABLE chaos.runs (book text, task text, slot bigint)",
    """
    CREATE FUNCTION chaos.note() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO chaos.runs VALUES (NEW.book, NEW.task, NEW.slot);
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER chaos_note AFTER UPDATE ON task_slots
    FOR EACH ROW WHEN (NEW.status IN ('done', 'failed')) EXECUTE FUNCTION chaos.note()
    """,
)
_TWICE = (
    "SELECT count(*) FROM (SELECT FROM chaos.runs GROUP BY book, task, slot HAVING count(*) > 1) t"
)
_WORK = """
    SELECT extract(epoch FROM started_wall), extract(epoch FROM finished_wall), owner
      FROM task_slots WHERE status = 'done' ORDER BY finished_wall
"""
_HAD = frozenset({*WORKING, OrderState.FILLED})


@dataclass(frozen=True, slots=True)
class Account:
    """Both sides' books compared once."""

    breaches: Breaches
    lost: int
    states_differ: tuple[str, ...]
    slots: int
    slots_run_twice: int
    orders: int
    fills: int
    status: str

    @property
    def is_sound(self) -> bool:
        wrong = self.breaches.total or self.lost or self.states_differ or self.slots_run_twice
        return not wrong


class Exchange:
    """The judge's own doors, asked directly: no fault and no proxy is on the way."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=10, trust_env=False)

    def ask(self, path: str) -> Any:
        """Return what it says. Raises Transient where it does not answer."""
        try:
            return self._client.get(path).raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise Transient(f"exchange: {error}") from error

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def misbehave(self, rules: list[dict[str, Any]], seed: int) -> None:
        """Let it commit faults, drawn from the seed; without rules it misbehaves no more."""
        told = {"rules": rules, "seed": seed}
        self._client.post("/sim/faults", json=told).raise_for_status()

    def faults(self) -> tuple[dict[str, int], int]:
        """Return its faults of trading and of the stream of orders, and how many others it made.

        The others are those of prices, and of the news, filings and answers that it plays.
        """
        doors: dict[str, dict[str, int]] = self.ask("/sim/faults")["doors"]
        trading = doors.pop("trading")
        return trading, sum(sum(counts.values()) for counts in doors.values())


def begin_to_witness(database: Database) -> None:
    """Set the witness of slots up; the tables exist by now."""
    with database.begin() as db:
        for statement in WITNESS:
            db.execute(sa.text(statement))


def compare(database: Database, exchange: Exchange, book: Book) -> Account:
    """Compare the books. What is under way this very moment may look wrong: ask again then."""
    taken, filled = exchange.ask("/sim/orders"), exchange.ask("/sim/fills")
    state = exchange.ask("/sim/state")
    held = {s: Decimal(q) for s, q in state["positions"].items() if Decimal(q)}
    theirs = Theirs([order["client_order_id"] for order in taken], held)
    with database.begin() as db:
        session = sessions.current(db, book.id)
        opened_with = (session and session.equity_open) or Decimal(0)
        made, executed = orders.listing(db, book.id), fills.all(db, book.id)
        return Account(
            breaches=check(db, book, theirs, opened_with),
            lost=len(lost_orders(made, theirs.client_ids)) + len(lost_fills(executed, filled)),
            states_differ=tuple(differing_states(made, taken)),
            slots=db.scalar(sa.text("SELECT count(*) FROM task_slots")) or 0,
            slots_run_twice=db.scalar(sa.text(_TWICE)) or 0,
            orders=len(made),
            fills=len(executed),
            status=_status(db, book),
        )


def _status(db: Connection, book: Book) -> str:
    row = book_states.load(db, book.id)
    return f"{row.status} {row.why}".strip()


def lost_orders(made: Iterable[Order], taken: Sequence[str]) -> list[str]:
    """Name the orders that we believe to work or to have filled and that the exchange never had."""
    theirs = set(taken)
    return [o.client_id for o in made if o.state in _HAD and o.client_id not in theirs]


def lost_fills(ours: Iterable[Execution], theirs: Iterable[Mapping[str, Any]]) -> list[str]:
    """Name the exchange's orders of which it filled another quantity than we have written down."""
    filled: dict[str, Decimal] = {}
    for fill in ours:
        filled[fill.broker_order_id] = filled.get(fill.broker_order_id, Decimal(0)) - fill.quantity
    for told in theirs:
        key = told["order_id"]
        filled[key] = filled.get(key, Decimal(0)) + Decimal(told["qty"])
    return [key for key, difference in filled.items() if difference]


def work_done(database: Database) -> list[Work]:
    """Return the slots that were carried out, by the database's clock, which is this machine's."""
    with database.begin() as db:
        rows = db.execute(sa.text(_WORK)).all()
    return [
        Work(float(began), float(ended), int(who.rpartition(":")[2])) for began, ended, who in rows
    ]
