"""Outlive a supervisor that is killed, and take down what it left. Run as a script, stdlib only.

Reads ``+GROUP SIGNAL`` and ``-GROUP`` lines, a group being a process group, and ``.`` at the end.
When the supervisor is gone, each group still on the list gets its signal and, later, SIGKILL.
"""

import contextlib
import os
import select
import signal
import time

PATIENCE_S = 8.0
BEAT_S = 0.25


def take_down(groups: dict[int, int]) -> None:
    """Ask the leader of every group, wait for it, kill what is left of the group."""
    for group, sign in groups.items():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(group, sign)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and any(map(_lives, groups)):
        select.select([], [], [], BEAT_S)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def _lives(process: int) -> bool:
    """Say whether it runs; one that ended and that nobody has asked about does not."""
    try:
        os.kill(process, 0)
        with open(f"/proc/{process}/stat") as about:
            return about.read().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except OSError:
        return True


def watch() -> None:
    """Follow the list until told to end or orphaned, then take down what is still on it.

    The end of the input alone would not do: a fork of the supervisor may hold it open.
    """
    supervisor, groups, rest = os.getppid(), dict[int, int](), b""
    while os.getppid() == supervisor:
        if not select.select([0], [], [], BEAT_S)[0]:
            continue
        said = os.read(0, 4096)
        *lines, rest = (rest + said).split(b"\n")
        for line in lines:
            _note(line.decode(), groups)
        if not said or b"." in lines:
            break
    take_down(groups)


def _note(line: str, groups: dict[int, int]) -> None:
    words = line[1:].split()
    if line.startswith("+"):
        groups[int(words[0])] = int(words[1])
    elif line.startswith("-"):
        groups.pop(int(words[0]), None)


if __name__ == "__main__":
    watch()
