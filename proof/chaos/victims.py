"""Who may be struck: the processes of one stack, found as children of it and by nothing else."""

from contextlib import suppress
from enum import StrEnum

import psutil

from app.local.stack import Stack


class Victim(StrEnum):
    """Kinds of processes that are killed and stopped. The exchange is the judge and never is."""

    WORKER = "worker"
    CHILD = "pool child"
    BEAT = "beat"
    FEED = "feed"
    VALKEY = "Valkey"
    POSTGRES = "PostgreSQL"
    BACKEND = "PostgreSQL backend"


#: The names that they have in the Procfile; the other two are children of these.
NAMES = {
    "worker": Victim.WORKER,
    "beat": Victim.BEAT,
    "feed": Victim.FEED,
    "redis": Victim.VALKEY,
    "postgres": Victim.POSTGRES,
}
BACKEND_TITLE = "postgres: metronome metronome "


def victims(stack: Stack, spared: int | None = None) -> dict[Victim, list[psutil.Process]]:
    """Return who runs now, kind by kind, in the order of their ids; nobody else.

    Spared is the backend of whoever would wake it again.
    """
    found: dict[Victim, list[psutil.Process]] = {kind: [] for kind in Victim}
    for described in stack.processes():
        kind = NAMES.get(described.name)
        if kind is None or described.pid is None:
            continue
        # Whoever has ended meanwhile was no victim.
        with suppress(psutil.NoSuchProcess):
            _add(found, kind, psutil.Process(described.pid))
    backends = found[Victim.BACKEND]
    return {**found, Victim.BACKEND: [one for one in backends if one.pid != spared]}


def _add(found: dict[Victim, list[psutil.Process]], kind: Victim, leader: psutil.Process) -> None:
    if leader.status() == psutil.STATUS_ZOMBIE:
        return
    found[kind].append(leader)
    if kind in (Victim.WORKER, Victim.POSTGRES):
        children = sorted(filter(_lives, leader.children()), key=lambda child: child.pid)
        if kind is Victim.WORKER:
            found[Victim.CHILD] += children
        else:
            found[Victim.BACKEND] += filter(_is_backend, children)


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _is_backend(process: psutil.Process) -> bool:
    try:
        return " ".join(process.cmdline()).startswith(BACKEND_TITLE)
    except psutil.NoSuchProcess:
        return False
