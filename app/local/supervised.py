"""One process that is kept alive: started, restarted with back-off, described."""

import signal
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from app.io.clock import monotonic, wall
from app.local.backoff import Backoff
from app.local.child import Child, Warden, spawn
from app.local.logs import Follower, last_words, rotate

STOP_SIGNALS = {"postgres": signal.SIGINT}
"""PostgreSQL's SIGTERM waits for every client to leave; its SIGINT does not."""


@dataclass(frozen=True, slots=True)
class Description:
    """A process as `metronome status` shows it. ``state``: stopped, running or waiting."""

    name: str
    state: str
    pid: int | None
    restarts: int
    since: datetime | None
    last_exit: str | None

    def as_json(self) -> dict[str, Any]:
        """Return plain values, times in ISO 8601."""
        return {**asdict(self), "since": self.since.isoformat() if self.since else None}


@dataclass(slots=True)
class Supervised:
    """A command of the Procfile and what became of it so far."""

    name: str
    command: str
    log: Path
    child: Child | None = None
    restarts: int = 0
    since: datetime | None = None
    last_exit: str | None = None
    backoff: Backoff = field(default_factory=Backoff)
    started: float = 0.0
    due: float | None = None
    _follower: Follower = field(init=False)

    def __post_init__(self) -> None:
        self._follower = Follower(self.log)

    def start(self, environment: Mapping[str, str], warden: Warden) -> None:
        """Start it now."""
        rotate(self.log)
        sign = STOP_SIGNALS.get(self.name, signal.SIGTERM)
        self.child = spawn(self.command, environment, self.log, sign, warden)
        self.started, self.since, self.due = monotonic(), wall(), None

    def died(self) -> str | None:
        """Notice its end, set when it is due again, and return a line about it; None if alive."""
        if self.child is None or self.child.exit_code() is None:
            return None
        # Its children must not go on working beside its successor.
        code = self.child.finish(0)
        self.last_exit = describe_exit(code)
        self.child, self.since = None, wall()
        lived_s, killed = monotonic() - self.started, code == -signal.SIGKILL
        self.backoff = self.backoff.after_death(lived_s, killed=killed)
        self.due = monotonic() + self.backoff.delay_s
        wait = f"{self.backoff.delay_s:.0f} s"
        return f"{self.last_exit}, starts again in {wait}; it said: {last_words(self.log)}"

    def is_due(self) -> bool:
        """Say whether it died and its pause is over."""
        return self.due is not None and monotonic() >= self.due

    def ask_to_stop(self) -> None:
        """Send it its stop signal, if it runs; it is not started again."""
        self.due = None
        if self.child is not None:
            self.child.ask_to_stop()

    def stopped(self, patience_s: float) -> None:
        """Wait for the end that it was asked for, then end it."""
        if self.child is not None:
            self.last_exit = describe_exit(self.child.finish(patience_s))
        self.child, self.due, self.since = None, None, wall()

    def new_lines(self) -> list[str]:
        """Return what it wrote since last asked."""
        return self._follower.new_lines()

    def describe(self) -> Description:
        """Return what there is to show."""
        state = "running" if self.child else "stopped" if self.due is None else "waiting"
        pid = self.child.pid if self.child else None
        return Description(self.name, state, pid, self.restarts, self.since, self.last_exit)


def describe_exit(code: int) -> str:
    """Say how a process ended, in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
