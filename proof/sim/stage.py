"""The stage of the simulation: one database with a clock of its own, put back before each seed."""

from datetime import datetime
from typing import Any

import redis
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.engine.book import Book
from app.io.buckets import Buckets
from app.io.clock import pause
from app.io.store.database import Database
from app.io.store.schema import metadata
from proof.sim.edges import Rights, Sessions, Store, Wire

#: The simulation's own clock stands before PostgreSQL's. Nobody waits for a disk or for long.
SESSION = {
    "search_path": "sim,pg_catalog,public",
    "synchronous_commit": "off",
    "lock_timeout": "5ms",
    "jit": "off",
}
_CLOCK = """
    CREATE SCHEMA sim;
    CREATE TABLE sim.clock (at timestamptz NOT NULL);
    INSERT INTO sim.clock VALUES ('2020-01-01Z');
    CREATE FUNCTION sim.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql VOLATILE
        AS 'BEGIN RETURN (SELECT at FROM sim.clock); END';
"""
#: So many seeds are played before the tables are emptied for good: what is deleted takes room.
SEEDS_BETWEEN_TRUNCATIONS = 200


class Stage:
    """A migrated database and a Valkey that nobody else uses. Everything in both is thrown away."""

    def __init__(self, database_url: str, redis_url: str) -> None:
        self.database_url, self.redis_url = database_url, redis_url
        self._database = Database(database_url, "stage", SESSION)
        self._redis = redis.Redis.from_url(redis_url)
        self._sessions: dict[str, Sessions] = {}
        self._saved: dict[str, list[str]] = {}
        self._played = 0
        #: What the broker has in the scene that begins with something held.
        self.holding: Any = None
        self.db: Connection = self._database.connect_raw("judge")
        self.run(_CLOCK)
        # It would lock tables now and then, at moments that no seed knows of.
        never = "ALTER TABLE {} SET (autovacuum_enabled = off)"
        self.run("; ".join(never.format(name) for name in metadata.tables))

    def set_clock(self, at: datetime) -> None:
        """Move the database's clock, which leases, time-outs and the rate fuse go by."""
        self.db.exec_driver_sql("UPDATE sim.clock SET at = %s", (at,))

    def save(self, scene: str) -> None:
        """Keep every row that is there as what a scene begins with."""
        kept = self._saved[scene] = []
        for name in metadata.tables:
            if self.db.exec_driver_sql(f"SELECT EXISTS (SELECT FROM {name})").scalar_one():
                self.db.exec_driver_sql(f"CREATE TABLE sim.{scene}_{name} AS TABLE {name}")
                kept.append(name)

    def reset(self, scene: str | None = None) -> None:
        """Put back what a scene begins with, or nothing, and forget everything in Redis."""
        self._played += 1
        if self._played % SEEDS_BETWEEN_TRUNCATIONS == 1:
            self.run(f"TRUNCATE {', '.join(metadata.tables)}")
        self.run("; ".join(f"DELETE FROM {name}" for name in metadata.tables))
        if scene is not None:
            back = "INSERT INTO {0} OVERRIDING SYSTEM VALUE SELECT * FROM sim.{1}_{0}"
            self.run("; ".join(back.format(name, scene) for name in self._saved[scene]))
        self._redis.flushdb()

    def flush_redis(self) -> None:
        """Forget everything in Redis, as a server without its file would."""
        self._redis.flushdb()

    def sessions(self, name: str, book: Book) -> Sessions:
        """Return what a process has connected."""
        if name not in self._sessions:
            store = Store(self.database_url, name, SESSION)
            self._sessions[name] = Sessions(
                store,
                Wire(self.redis_url, book.id, name),
                Rights(store, name),
                Buckets(self.redis_url, book.id, book.rate_limits),
            )
        return self._sessions[name]

    def bury(self, name: str) -> None:
        """End what a killed process held: its lease's session, and its locks."""
        mine = self._sessions[name]
        ended, mine.rights.session_pid = mine.rights.session_pid, None
        mine.rights.close()
        mine.store.forget()
        # The others ask PostgreSQL whether that session is alive: it must be gone by then.
        while ended and self.rows("SELECT FROM pg_stat_activity WHERE pid = :pid", pid=ended):
            pause(0.0002)

    def rows(self, query: str, **values: Any) -> list[sa.Row[Any]]:
        """Ask the database, as somebody who has no part in the game."""
        return list(self.db.execute(sa.text(query), values))

    def run(self, statements: str) -> None:
        """Carry out statements, each by itself."""
        self.db.exec_driver_sql(statements)

    def close(self) -> None:
        for sessions in self._sessions.values():
            sessions.close()
        self.db.close()
        self._database.dispose()
        self._redis.close()
