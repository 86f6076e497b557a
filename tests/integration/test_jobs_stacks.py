"""Two whole stacks on one database: the second waits, and takes over when the first is killed."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
import redis
from jobs_processes import BOOK, READY, Process, Stage, exchange, stage, valkey, wait_until

from app.engine.errors import InvalidData
from app.io.store import book_states
from app.io.store.database import Database
from app.jobs.standby import GRACE_S


@dataclass
class Running:
    """The processes of one stack, over a Redis of its own."""

    on: Stage
    redis_url: str
    worker: Process
    beat: Process
    feed: Process

    def kill(self) -> None:
        """Let the machine go, the worker's children included."""
        for pid in (*self.worker.children(), self.beat.pid, self.feed.pid, self.worker.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in (self.worker, self.beat, self.feed):
            process.wait()

    def queued(self) -> int:
        """Count what waits for the worker, and what came in by the stream."""
        with redis.Redis.from_url(self.redis_url) as client:
            waiting = client.llen("default") + client.llen("pipeline")
        with redis.Redis.from_url(f"{self.redis_url}?db=1") as client:
            return int(waiting + client.xlen(f"{BOOK}:fills"))


def a_stack(on: Stage, folder: Path) -> Running:
    url = f"unix://{folder}/s"
    told = {"REDIS_URL": url, "WORKER_CONCURRENCY": "1", "LOG_LEVEL": "INFO"}
    return Running(on, url, *(on.metronome(name, **told) for name in ("worker", "beat", "feed")))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url, "test")
    yield made
    made.dispose()


def reconciled_at(database: Database) -> datetime | None:
    with suppress(InvalidData), database.begin() as db:
        return book_states.load(db, BOOK).reconciled_at
    return None


def owner_of(database: Database) -> int:
    """Return the process that owned the book last."""
    with database.begin() as db:
        owner = db.exec_driver_sql("SELECT owner FROM leases WHERE book = %s", (BOOK,)).scalar_one()
    return int(str(owner).rpartition(":")[2])


def test_a_second_stack_waits_and_takes_over_when_the_first_is_killed(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, database: Database, database_url: str
) -> None:
    here, there = tmp_path_factory.mktemp("a"), tmp_path_factory.mktemp("b")
    with (
        exchange(tmp_path_factory.mktemp("exchange"), 10.0) as broker,
        valkey(here),
        valkey(there),
        stage(tmp_path, (database_url, "unix:///none?db=0"), broker) as on,
    ):
        first = a_stack(on, here)
        first.feed.wait_for("feed_connected")
        wait_until(lambda: reconciled_at(database), "the first stack's comparison")
        second = a_stack(on, there)
        second.beat.wait_for("another beat holds the lock")
        second.feed.wait_for("feed_waits")
        second.worker.wait_for(READY)

        # A feed that dies leaves no gap for the other stack's: its own beat still ticks.
        os.kill(first.feed.pid, signal.SIGKILL)
        first.feed.wait()
        time.sleep(2 * GRACE_S)
        first.feed = on.metronome("feed", REDIS_URL=first.redis_url)
        first.feed.wait_for("feed_connected")
        assert "feed_connected" not in second.feed.said()
        assert second.queued() == 0
        assert "succeeded in" not in second.worker.said()

        first.kill()
        second.feed.wait_for("feed_connected")
        wait_until(
            lambda: owner_of(database) in second.worker.children() and reconciled_at(database),
            "the second stack's comparison",
        )
        for process in (second.worker, second.beat, second.feed):
            assert "Traceback" not in process.said()
