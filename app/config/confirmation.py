"""The operator's --confirm-real-trading: handed on to one's own children, and never by a file."""

import os
from collections.abc import MutableMapping
from pathlib import Path

#: Its value is the process that was asked; nobody but that process and its children believe it, so
#: that it means nothing in a profile, an environment file or a shell that is used again.
CONFIRMED_BY = "REAL_TRADING_CONFIRMED_BY"
PROC = Path("/proc")


def confirm(environ: MutableMapping[str, str] = os.environ, proc: Path = PROC) -> None:
    """Note that this process was told --confirm-real-trading and has counted down.

    Where the system has no /proc, nothing can be noted and REAL does not start.
    """
    environ[CONFIRMED_BY] = _name(proc / "self")


def confirmed(environ: MutableMapping[str, str] = os.environ, proc: Path = PROC) -> bool:
    """Say whether this process, or the one that started it, was told so."""
    said = environ.get(CONFIRMED_BY, "")
    return bool(said) and said in (_name(proc / "self"), _name(proc / _parent(proc)))


def _name(process: Path) -> str:
    """Name a process as no other will ever be named; empty where it cannot be seen.

    A number alone is no name: every process of a container is number 1 and init's children have 1
    as their parent. The moment of its start counts in ticks since the machine's, which init's
    could repeat after the next boot.
    """
    try:
        boot = (process.parent / "sys/kernel/random/boot_id").read_text().strip()
        told = _told(process)
    except OSError:
        return ""
    return f"{told[0]}:{told[_STARTED]}:{boot}"


def _parent(proc: Path) -> str:
    # Asked of /proc, as everything here: in a PID namespace without a /proc of its own the numbers
    # there are not those of getpid and getppid.
    try:
        return _told(proc / "self")[_PARENT]
    except OSError:
        return "self"


#: Places in /proc/PID/stat once the program's name, which may hold anything, is taken out.
_PARENT, _STARTED = 2, 20


def _told(process: Path) -> list[str]:
    number, _, rest = (process / "stat").read_text().partition(" ")
    return [number, *rest.rpartition(")")[2].split()]
