"""PostgreSQL and Valkey by themselves: a stack of two."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Self

from app.local.folder import StateFolder
from app.local.postgres import Cluster
from app.local.procfile import SERVERS
from app.local.stack import Event, Stack
from app.local.valkey import Cache


class Servers:
    """Both embedded servers of one state folder. ``source``: whose PostgreSQL, system or wheel."""

    def __init__(
        self,
        path: Path,
        *,
        source: str | None = None,
        on_event: Callable[[Event], None] = lambda event: None,
    ) -> None:
        python = shlex.quote(sys.executable)
        self._stack = Stack(
            path,
            processes={name: f"{python} -m app.local.serve {name}" for name in SERVERS},
            environment={
                "DATABASE_URL": "",
                "REDIS_URL": "",
                **({"EMBEDDED_POSTGRES": source} if source else {}),
            },
            on_event=on_event,
        )
        self.folder: StateFolder = self._stack.folder
        self.cluster = Cluster(self.folder, source)
        self.cache = Cache(self.folder)

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL of the project's database."""
        return self.cluster.url()

    @property
    def redis_url(self) -> str:
        """The redis-py URL of database 0."""
        return self.cache.url()

    def pids(self) -> dict[str, int | None]:
        """Return the process id of each server; None while it waits for its restart."""
        return {process.name: process.pid for process in self._stack.processes()}

    def start(self) -> None:
        """Start both and wait until they answer; what a kill left behind is cleared first."""
        self._stack.start()

    def stop(self) -> None:
        """Stop both; nothing is left running."""
        self._stack.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
