"""How much room refusals below noise take: a day of many symbols, each refused in every slot."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from app.engine.verdicts import Reason, Verdict
from app.io.clock import monotonic
from app.io.store import chains, verdicts
from app.io.store.database import Database
from app.io.store.migrate import migrate
from app.local.servers import Servers

BOOK, OPEN = "us_baskets", datetime(2026, 3, 20, 13, 30, tzinfo=UTC)
SLOT, SLOTS_A_DAY = timedelta(seconds=30), 780
#: Of a hundred symbols of a slot: the rest are below the cutoff.
RESTING, SHORT = 3, 2
LOOKUPS = 50
#: Everything that refusals below noise are kept in, with toast and indexes.
TABLES = ("verdict_slots", "verdict_symbols")


@dataclass(frozen=True, slots=True)
class Room:
    """Megabytes of a whole day, and the medians of writing a slot and of asking about a symbol."""

    symbols: int
    slots: int
    megabytes: float
    write_ms: float
    why_ms: float
    nothing_ms: float


def measure(symbols: int, slots: int) -> Room:
    """Write so many slots of a day; what the tables weigh is scaled up to a whole day."""
    with TemporaryDirectory(prefix="metronome-bench-") as place:
        Path(place).chmod(0o711)  # PostgreSQL's own account has to walk through
        with Servers(Path(place) / "state") as servers:
            migrate(servers.database_url)
            database = Database(servers.database_url, "bench")
            try:
                return _measured(database, symbols, slots)
            finally:
                database.dispose()
                servers.folder.remove()


def in_words(room: Room) -> str:
    """Return the figures in one line, and how much of the day was really written."""
    whole = room.slots >= SLOTS_A_DAY
    basis = "a whole day" if whole else f"scaled up from {room.slots} of {SLOTS_A_DAY} slots"
    return (
        f"below noise: {room.megabytes:.0f} MB a day of {room.symbols:,} symbols ({basis});"
        f" a slot is written in {room.write_ms:.0f} ms, why takes {room.why_ms:.0f} ms,"
        f" {room.nothing_ms:.0f} ms where there is nothing"
    )


def _measured(database: Database, symbols: int, slots: int) -> Room:
    names = [f"S{number:05d}" for number in range(symbols)]
    draw = random.Random(7)
    writing = [_write(database, slot, a_slot(names, slot, draw)) for slot in range(slots)]
    asked = [names[draw.randrange(symbols)] for _ in range(LOOKUPS)]
    last = OPEN + slots * SLOT
    return Room(
        symbols,
        slots,
        _bytes(database) / slots * SLOTS_A_DAY / 1e6,
        median(writing),
        median(_ask(database, name, last - slots // 2 * SLOT) for name in asked),
        median(_ask(database, f"{name}X", last) for name in asked),
    )


def a_slot(names: list[str], slot: int, draw: random.Random) -> list[tuple[str, str, Verdict]]:
    """Return what one slot says: every symbol is refused, most for a score of its own."""
    return [(name, f"signal:{name}:{slot}", _refusal(draw)) for name in names]


def _refusal(draw: random.Random) -> Verdict:
    kind = draw.randrange(100)
    if kind < RESTING:
        return Verdict("tier_due", Reason.NOT_DUE)
    if kind < RESTING + SHORT:
        return Verdict("history", Reason.NO_HISTORY, draw.randrange(30), 30)
    return Verdict("cutoff", Reason.BELOW_CUTOFF, abs(draw.gauss(0, 0.03)), 0.12)


def _write(database: Database, slot: int, said: list[tuple[str, str, Verdict]]) -> float:
    started = monotonic()
    with database.begin() as db:
        verdicts.add(db, BOOK, OPEN + slot * SLOT, "f00dfeed", {"signals": said})
    return (monotonic() - started) * 1000


def _ask(database: Database, symbol: str, at: datetime) -> float:
    started = monotonic()
    with database.begin() as db:
        chains.chain(db, BOOK, symbol, at)
    return (monotonic() - started) * 1000


def _bytes(database: Database) -> int:
    size = sa.text(
        "SELECT coalesce(sum(pg_total_relation_size(to_regclass(t))), 0)"
        " FROM unnest(CAST(:tables AS text[])) AS t"
    )
    with database.begin() as db:
        return int(db.scalar(size, {"tables": list(TABLES)}) or 0)
