"""One child process in a session of its own, and the warden that ends it should we be killed."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.local import warden


class Warden:
    """Our helper process, which takes down our children should we be killed.

    It keeps ``lock`` open until it has: so long nobody else can own the state folder.
    """

    def __init__(self, lock: int) -> None:
        self._lock = lock
        self._groups: dict[int, signal.Signals] = {}
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", warden.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[self._lock],
            start_new_session=True,
            cwd="/",
            env={},
        )

    def add(self, group: int, sign: signal.Signals) -> None:
        """Put a process group under its watch, with the signal that asks it to end."""
        self._groups[group] = sign
        self._tell(f"+{group} {int(sign)}")

    def remove(self, group: int) -> None:
        """Forget a process group that has ended."""
        del self._groups[group]
        self._tell(f"-{group}")

    def replace_if_dead(self) -> bool:
        """Start another one, which watches the same groups, where it was killed; say whether."""
        if self._process.poll() is None:
            return False
        self._hang_up()
        self._process = self._start()
        for group, sign in self._groups.items():
            self._tell(f"+{group} {int(sign)}")
        return True

    def close(self) -> None:
        """Let it end; what is still under its watch ends with it."""
        self._tell(".")
        self._hang_up()
        self._process.wait()

    def _hang_up(self) -> None:
        if self._process.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()

    def _tell(self, line: str) -> None:
        # One that was killed is replaced soon and then told everything.
        with contextlib.suppress(BrokenPipeError):
            if self._process.stdin:
                self._process.stdin.write(f"{line}\n".encode())
                self._process.stdin.flush()


@dataclass(frozen=True, slots=True)
class Child:
    """A running process and its group, which bear the same number."""

    process: subprocess.Popen[bytes]
    stop_signal: signal.Signals
    warden: Warden

    @property
    def pid(self) -> int:
        return self.process.pid

    def ask_to_stop(self) -> None:
        """Send the main process its stop signal."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(self.stop_signal)

    def exit_code(self) -> int | None:
        """Return how it ended, negative for a signal; None while it runs."""
        return self.process.poll()

    def finish(self, patience_s: float) -> int:
        """Wait for its end, then kill whatever is left of the group; return the exit code."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(patience_s)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        code = self.process.wait()
        self.warden.remove(self.pid)
        return code


def spawn(
    command: str,
    environment: Mapping[str, str],
    log: Path,
    stop_signal: signal.Signals,
    warden: Warden,
) -> Child:
    """Start a Procfile's command, its output added to ``log``, under the warden's watch."""
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        process = subprocess.Popen(
            # The shell expands $NAMES as honcho's does and gives its place to the program.
            ["/bin/sh", "-c", f"exec {command}"],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
    warden.add(process.pid, stop_signal)
    return Child(process, stop_signal, warden)
