"""Outlive a supervisor that is killed, and take down what it left. Run as a script, stdlib only.

Reads ``+GROUP SIGNAL`` and ``-GROUP`` lines, a group being a process group; when the input ends
without the groups having been taken off, each gets its signal and, later, SIGKILL.
"""

import contextlib
import os
import select
import signal
import sys
import time

PATIENCE_S = 8.0


def take_down(groups: dict[int, int]) -> None:
    """Ask the leader of every group, wait, kill what is left of them."""
    for group, sign in groups.items():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(group, sign)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and any(_signal(group, 0) for group in groups):
        select.select([], [], [], 0.1)
    for group in groups:
        _signal(group, signal.SIGKILL)


def _signal(group: int, sign: int) -> bool:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, sign)
        return True
    return False


def watch() -> None:
    """Follow standard input to its end, then take down what is still on the list."""
    groups: dict[int, int] = {}
    for line in sys.stdin:
        words = line[1:].split()
        if line.startswith("+"):
            groups[int(words[0])] = int(words[1])
        else:
            groups.pop(int(words[0]), None)
    take_down(groups)


if __name__ == "__main__":
    watch()
