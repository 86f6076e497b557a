"""PostgreSQL and Valkey by themselves: start both, wait until they answer, stop both."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from app.engine.errors import InvalidData
from app.local.account import server_account
from app.local.child import Child, Warden, spawn
from app.local.folder import state_folder
from app.local.postgres import Cluster
from app.local.valkey import Cache

READY_WITHIN_S = 60.0
STOP_WITHIN_S = 10.0
"""A fast shutdown writes a checkpoint; killed before its end, the next start repeats the log."""


class Servers:
    """Both embedded servers of one state folder. ``source``: whose PostgreSQL, system or wheel."""

    def __init__(self, path: Path, *, source: str | None = None) -> None:
        self.folder = state_folder(path, server_account())
        self.cluster = Cluster(self.folder, source)
        self.cache = Cache(self.folder)
        self._warden: Warden | None = None
        self._children: dict[str, Child] = {}

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL of the project's database."""
        return self.cluster.url()

    @property
    def redis_url(self) -> str:
        """The redis-py URL of database 0."""
        return self.cache.url()

    def pids(self) -> dict[str, int]:
        """Return the process id of each server."""
        return {name: child.pid for name, child in self._children.items()}

    def start(self) -> None:
        """Start both and wait until they answer; what a kill left behind is cleared first."""
        self.folder.prepare()
        self._warden = Warden()
        try:
            self._start(self._warden)
        except BaseException:
            self.stop()
            raise

    def _start(self, warden: Warden) -> None:
        for name, launch in (
            ("postgres", self.cluster.launch()),
            ("redis", self.cache.launch()),
        ):
            with (self.folder.logs / f"{name}.log").open("ab") as log:
                self._children[name] = spawn(launch, warden, log)
        self._wait("postgres", self.cluster.ready)
        self._wait("redis", self.cache.ready)

    def _wait(self, name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        pause = threading.Event()
        while not ready():
            log = self.folder.logs / f"{name}.log"
            if self._children[name].process.poll() is not None:
                raise InvalidData(f"{name} ended at once: {last_words(log)}")
            if time.monotonic() > deadline:
                raise InvalidData(f"{name} does not answer after {READY_WITHIN_S:.0f} s: see {log}")
            pause.wait(0.02)

    def stop(self) -> None:
        """Stop both; nothing is left running."""
        for name in reversed(list(self._children)):
            self._children.pop(name).stop(STOP_WITHIN_S)
        if self._warden is not None:
            self._warden.close()
            self._warden = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def last_words(log: Path) -> str:
    """Return the last line of a log that says something."""
    try:
        lines = log.read_text(errors="replace")[-4000:].splitlines()
    except FileNotFoundError:
        return "it wrote nothing"
    return next((line.strip() for line in reversed(lines) if line.strip()), "it wrote nothing")
