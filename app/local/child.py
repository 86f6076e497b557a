"""One child process in a session of its own, watched by a warden that outlives us."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from app.local import warden
from app.local.account import Account


class Warden:
    """The helper that ends our children should we be killed without a chance to do so."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", warden.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
            text=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def add(self, group: int, sign: signal.Signals) -> None:
        """Put a process group under its watch, with the signal that asks it to end."""
        self._tell(f"+{group} {int(sign)}")

    def remove(self, group: int) -> None:
        """Forget a process group that has ended."""
        self._tell(f"-{group}")

    def close(self) -> None:
        """Let it end, taking down whatever is still under its watch."""
        if self._process.stdin and not self._process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        if self._process.stdin is None or self._process.stdin.closed:
            return
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()


@dataclass(frozen=True, slots=True)
class Launch:
    """What to run, as whom, told what, and how to ask it to end."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    stop_signal: signal.Signals = signal.SIGTERM
    account: Account | None = None
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Child:
    """A running process and its group, which bear the same number."""

    process: subprocess.Popen[bytes]
    launch: Launch
    warden: Warden

    @property
    def pid(self) -> int:
        return self.process.pid

    def ask_to_stop(self) -> None:
        """Send the main process its stop signal."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(self.launch.stop_signal)

    def kill_group(self) -> None:
        """Kill whatever is left of the group, grandchildren included."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def stop(self, patience_s: float) -> int:
        """Ask, wait, kill; return the exit code. Nothing of the group is left afterwards."""
        self.ask_to_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(patience_s)
        self.kill_group()
        code = self.process.wait()
        self.warden.remove(self.pid)
        return code


def spawn(launch: Launch, warden: Warden, output: IO[bytes] | int) -> Child:
    """Start the process and put its group under the warden's watch."""
    account = launch.account
    process = subprocess.Popen(
        list(launch.argv),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=dict(launch.environment),
        cwd=launch.folder,
        start_new_session=True,
        user=None if account is None else account.uid,
        group=None if account is None else account.gid,
        extra_groups=None if account is None else [],
    )
    warden.add(process.pid, launch.stop_signal)
    return Child(process, launch, warden)
