"""Real processes for a test: the exchange, workers, beats and feeds, each stopped by its pid."""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import redis
import sqlalchemy as sa

from app.adapters import BROKERS
from app.adapters.port import Connection
from app.config.loading import load
from app.engine.book import Book
from app.io.store.database import Database
from app.io.store.schema import task_slots
from app.jobs.celery_app import make_app
from app.local.binaries import find_valkey
from app.local.environment import any_free_port

BOOK = "us_baskets"
#: What a worker says when it takes tasks.
READY = " ready."
#: How long something may take that takes a second or two.
PATIENCE_S = 60.0
#: PYTHONPATH is there where a working copy is tested that is not the installed one.
BARE = {n: os.environ[n] for n in ("PATH", "PYTHONPATH") if n in os.environ} | {
    "PYTHONUNBUFFERED": "1"
}


def the_book() -> Book:
    return load({}, Path("/nowhere/.env")).book(BOOK)


def wait_until(done: Callable[[], Any], what: str) -> Any:
    """Return the first answer that is true; fail where none comes."""
    deadline = time.monotonic() + PATIENCE_S
    while not (answer := done()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)
    return answer


@dataclass
class Process:
    """One process and what it has said."""

    popen: "subprocess.Popen[bytes]"
    log: Path

    @property
    def pid(self) -> int:
        return self.popen.pid

    def said(self) -> str:
        return self.log.read_text()

    def wait_for(self, text: str, times: int = 1) -> None:
        def heard() -> bool:
            dead = self.popen.poll() is not None
            return self.said().count(text) >= times or (dead and self._fail(text))

        wait_until(heard, f"{text!r} in:\n{self.said()}")

    def wait(self) -> int:
        return self.popen.wait(PATIENCE_S)

    def children(self) -> set[int]:
        listed = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return {int(pid) for pid in listed.split()}

    def _fail(self, text: str) -> bool:
        raise AssertionError(f"ended with {self.popen.returncode} before {text!r}:\n{self.said()}")


@dataclass
class Stage:
    """Where processes are started: their environment, their folder, and all that were started."""

    folder: Path
    environment: dict[str, str]
    started: list[Process] = field(default_factory=list)

    def metronome(self, *words: str, **environment: str) -> Process:
        return self.python("from app.cli.main import main; main()", *words, **environment)

    def python(self, code: str, *words: str, **environment: str) -> Process:
        log = self.folder / f"{len(self.started)}.log"
        with log.open("wb") as out:
            popen = subprocess.Popen(
                [sys.executable, "-c", code, *words],
                cwd=self.folder,
                env=BARE | self.environment | environment,
                stdout=out,
                stderr=out,
            )
        self.started.append(Process(popen, log))
        return self.started[-1]

    def stop(self) -> None:
        for process in self.started:
            if process.popen.poll() is None:
                process.popen.kill()
            process.popen.wait()


@contextmanager
def stage(folder: Path, servers: tuple[str, str], broker: Mapping[str, str]) -> Iterator[Stage]:
    """Set a stage over the servers' (database, Redis) URLs; at the end every process is gone."""
    database_url, redis_url = servers
    told = {"DATABASE_URL": database_url, "REDIS_URL": redis_url.partition("?")[0], **broker}
    made = Stage(folder, told)
    try:
        yield made
    finally:
        made.stop()


@contextmanager
def exchange(folder: Path, speed: float) -> Iterator[dict[str, str]]:
    """Run a simulated exchange; yield the settings that make it the broker."""
    made = Stage(folder, {})
    try:
        started = made.metronome(
            *(
                "exchange",
                "--port",
                f"{any_free_port()}",
                "--synthetic",
                "7",
                "--date",
                "2026-03-20",
            ),
            *("--speed", f"{speed}", "--rate-limit", "1000000"),
        )
        started.wait_for("exchange on http://")
        address = started.said().partition("exchange on http://")[2].split()[0]
        yield broker_at(address) | {"MARKET_SPEED": f"{speed:g}"}
    finally:
        made.stop()


@contextmanager
def valkey(folder: Path) -> Iterator[None]:
    """Run a Valkey of its own at the socket ``s`` of a folder."""
    words = ["--port", "0", "--unixsocket", f"{folder}/s", "--dir", f"{folder}", "--save", ""]
    with (folder / "log").open("ab") as log:
        server = subprocess.Popen([str(find_valkey()), *words], stdout=log, stderr=log)
    try:
        with redis.Redis.from_url(f"unix://{folder}/s") as made:
            wait_until(lambda: _answers(made), "Valkey")
        yield
    finally:
        server.kill()
        server.wait()


def _answers(client: "redis.Redis[bytes]") -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def beat_ticks(redis_url: str) -> None:
    """Say in a stack's Redis, for good, that its beat ticks: its other processes wait for that."""
    with redis.Redis.from_url(redis_url.partition("?")[0] + "?db=1") as client:
        client.set("beating", "1")


def broker_at(address: str) -> dict[str, str]:
    return {
        "ALPACA_TRADING_URL": f"http://{address}",
        "ALPACA_DATA_URL": f"http://{address}",
        "ALPACA_STREAM_URL": f"ws://{address}/stream",
        "ALPACA_DATA_STREAM_URL": f"ws://{address}/v2/iex",
        "ALPACA_API_KEY": "sim",
        "ALPACA_SECRET_KEY": "sim",
    }


def queued(client: "redis.Redis[bytes]") -> list[tuple[str, list[Any]]]:
    """Return (task, arguments) of every message that waits in Celery's queues, oldest first."""
    found = []
    for queue in ("default", "pipeline"):
        for raw in reversed(client.lrange(queue, 0, -1)):
            message = json.loads(raw)
            body = json.loads(base64.b64decode(message["body"]))
            found.append((message["headers"]["task"], body[0]))
    return found


def send(url: str, task: str, *arguments: object, times: int = 1, expires: object = None) -> None:
    socket = url.partition("?")[0].removeprefix("unix")
    app = make_app(f"redis+socket{socket}?virtual_host=0")
    for _ in range(times):
        queue = "default" if task == "advance_session" else "pipeline"
        app.send_task(task, (BOOK, *arguments), queue=queue, expires=expires)
    app.close()


def clock_of(workers: Stage) -> datetime:
    url = workers.environment["ALPACA_TRADING_URL"]
    return BROKERS["alpaca"](Connection(url, "sim", "sim")).clock().at


def rows(database_url: str) -> list[tuple[str, int, str]]:
    database = Database(database_url, "test")
    query = sa.select(task_slots.c.task, task_slots.c.slot, task_slots.c.status)
    with database.begin() as db:
        found = [(row.task, row.slot, row.status) for row in db.execute(query)]
    database.dispose()
    return found


def assert_sound(worker: Process) -> None:
    said = worker.said()
    for bad in ("Timed out waiting for UP", "Traceback", "task_unknown", "superuser"):
        assert bad not in said, said


def sent(client: "redis.Redis[bytes]", task: str) -> list[int]:
    return [arguments[1] for name, arguments in queued(client) if name == task]


def wait_for_ticks(client: "redis.Redis[bytes]", more: int) -> None:
    before = len(sent(client, "advance_session"))
    wait_until(lambda: len(sent(client, "advance_session")) >= before + more, f"{more} ticks")


def assert_one_tick_a_slot(client: "redis.Redis[bytes]") -> None:
    for task in {name for name, _ in queued(client)}:
        slots = sent(client, task)
        assert slots == sorted(set(slots)), task
