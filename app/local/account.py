"""Which unprivileged user runs PostgreSQL, and what that user can reach."""

import os
import pwd
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.engine.errors import InvalidData

READ, ENTER = 4, 1


@dataclass(frozen=True, slots=True)
class Account:
    """A user and group that already exist on the machine."""

    name: str
    uid: int
    gid: int


def server_account() -> Account | None:
    """Return who shall run PostgreSQL, which refuses root; None means whoever we are."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, found.pw_uid, found.pw_gid)
    raise InvalidData(
        "PostgreSQL refuses to run as root and neither user 'postgres' nor 'nobody' exists: "
        "run Metronome as another user, or set DATABASE_URL."
    )


def can_reach(path: Path, account: Account | None) -> bool:
    """Say whether the account can enter every folder above ``path`` and read ``path`` itself."""
    target = path.resolve()
    if account is None:
        return os.access(target, os.R_OK)
    return can_enter(target.parent, account) and _allowed(target, account, READ)


def can_enter(folder: Path, account: Account) -> bool:
    """Say whether the account can walk from the root down into ``folder``."""
    return all(_allowed(step, account, ENTER) for step in _steps(folder.resolve()))


def _steps(folder: Path) -> Iterator[Path]:
    yield folder
    yield from folder.parents


def _allowed(path: Path, account: Account, want: int) -> bool:
    try:
        about = path.stat()
    except OSError:
        return False
    if about.st_uid == account.uid:
        return bool(about.st_mode >> 6 & want)
    if about.st_gid == account.gid:
        return bool(about.st_mode >> 3 & want)
    return bool(about.st_mode & want)
