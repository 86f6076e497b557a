"""Router and risk: signals a second from their rows to verdicts in PostgreSQL, beside a COPY."""

import io
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from app.engine.ids import signal_id
from app.engine.signals import Signal
from app.io.clock import monotonic
from app.io.store import signals
from app.io.store.schema import verdicts as verdict_table
from app.jobs import root
from app.local.environment import simulated
from app.pipeline import cycle
from app.pipeline.services import Services
from bench import latency

#: Of ten signals, so many are to buy; the others are evidence and nothing more.
BUYS = 2
SYMBOLS = 10_000


@dataclass(frozen=True, slots=True)
class Throughput:
    """Signals a second, verdicts a second on the way, and what COPY writes of them."""

    signals: int
    signals_per_s: float
    verdicts: int
    verdicts_per_s: float
    copied_per_s: float


def measure(count: int) -> Throughput:
    """Route and judge ``count`` signals, mostly refused, in a database of its own."""
    with TemporaryDirectory() as folder, latency.stack(Path(folder), worker=False) as stack:
        os.environ.update(simulated(int(stack.urls["exchange"].rsplit(":", 1)[1]), 1.0))
        os.environ.update(latency.WIDE)
        os.environ["DATABASE_URL"] = stack.urls["database"]
        os.environ["REDIS_URL"] = stack.urls["redis"]
        to = root.services("us_baskets")
        latency.open_book(to)
        _pass(to, 1_000, 0)  # connections and plans
        with to.database.begin() as db:
            before = _verdicts(db)
        took = _pass(to, count, 1_000)
        with to.database.begin() as db:
            written = _verdicts(db) - before
        return Throughput(count, count / took, written, written / took, written / _copy(to))


def _pass(to: Services, count: int, first: int) -> float:
    """Store signals of now, then decide until none waits; return the seconds that deciding took."""
    now = to.clock.now()
    made = [_signal(to.book.id, first + n, now) for n in range(count)]
    with to.database.begin() as db:
        for start in range(0, count, 5_000):
            signals.insert_once(db, made[start : start + 5_000])
    started = monotonic()
    while True:
        with to.database.begin() as db:
            desk = cycle.decide(to, db).desk
        if not desk.signals:
            return monotonic() - started


def _signal(book: str, n: int, at: datetime) -> Signal:
    symbol, slot = f"B{n % SYMBOLS}", n // SYMBOLS
    score = 0.3 if n % 10 < BUYS else -0.3
    return Signal(
        signal_id(book, symbol, slot), book, symbol, slot, at, score, 100.0, {"trend": score}
    )


def _verdicts(db: sa.Connection) -> int:
    return db.scalar(sa.select(sa.func.count()).select_from(verdict_table)) or 0


def _copy(to: Services) -> float:
    """Return the seconds that COPY takes to write every verdict once more, with their indexes."""
    names = [c.name for c in verdict_table.columns if c.name not in ("id", "written_wall")]
    columns = ", ".join(f'"{name}"' for name in names)
    with to.database.begin() as db:
        cursor = db.connection.cursor()
        text = io.StringIO()
        cursor.copy_expert(f"COPY verdicts ({columns}) TO STDOUT", text)
        text.seek(0)
        started = monotonic()
        cursor.copy_expert(f"COPY verdicts ({columns}) FROM STDIN", text)
    return monotonic() - started
