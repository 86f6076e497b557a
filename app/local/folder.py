"""The state folder: what lies where, who may enter it, and sockets short enough for the kernel."""

import hashlib
import os
import shutil
import signal
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from app.engine.errors import InvalidData
from app.local.account import Account, can_enter
from app.local.leftovers import stop_leftovers
from app.local.ownership import FILE as OWNER

SHARED = Path("/var/lib/metronome")
LONGEST_SOCKET = 100
"""sun_path holds 108 bytes on Linux and 104 on macOS."""
NEW_DATA_MB = 200
LEAST_FREE_MB = 50
MAY_STAND = frozenset({"logs", "redis", "postgres", "demo", "reports", "lost+found"})
"""What a state folder may hold before anybody has run on it; other names are somebody else's."""


@dataclass(frozen=True, slots=True)
class StateFolder:
    """One checkout's servers, logs and secrets. ``account`` runs PostgreSQL where it is not us."""

    path: Path
    account: Account | None = None

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def redis(self) -> Path:
        return self.path / "redis"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's own folder: in the state folder, or where its account can reach it."""
        inside = self.path / "postgres"
        if self.account is None or can_enter(self.path.parent, self.account):
            return inside
        name = hashlib.sha256(str(self.path).encode()).hexdigest()[:16]
        return SHARED / name

    def prepare(self) -> None:
        """Create every folder with its owner and mode; refuse a disk without room."""
        try:
            self._create()
        except OSError as error:
            raise InvalidData(
                f"State folder {self.path} cannot be used ({error.strerror}): "
                "make it writable, or set METRONOME_STATE to another folder."
            ) from error

    def _create(self) -> None:
        # PostgreSQL's account has to walk through the folder, never to list it.
        private = 0o700 if self.account is None else 0o711
        _refuse_foreign(self.path)
        _own(self.path, private)
        for folder in (self.logs, self.redis, self.redis / "data"):
            _own(folder, 0o700)
        home = self.postgres
        if home.parent != self.path:
            _own(SHARED, 0o755)
            sweep(SHARED)
            _record_of(home).write_text(str(self.path))
        _own(home, 0o700, self.account)
        least = LEAST_FREE_MB if (home / "data").exists() else NEW_DATA_MB
        for place in (self.path, home):
            refuse_full_disk(place, shutil.disk_usage(place).free, least)

    def shortage(self) -> str:
        """Name the disk that has little room left; empty where there is enough."""
        for place in (self.path, self.postgres):
            if shutil.disk_usage(place).free < LEAST_FREE_MB * 2**20:
                return (
                    f"Disk nearly full: less than {LEAST_FREE_MB} MB free at {place}. Free some "
                    "space: servers that find none stop, and nothing is traded without them."
                )
        return ""

    def sockets(self, home: Path, file: str, account: Account | None = None) -> Path:
        """Return a private folder for the socket ``file``: in ``home``, or a short one in /tmp.

        The short one is recorded in ``home``, so nobody else's folder is ever trusted.
        """
        near = home / "run"
        if len(os.fsencode(near / file)) <= LONGEST_SOCKET:
            _own(near, 0o700, account)
            return near
        record = self.path / f"{home.name}.sockets"
        if record.exists() and _private(Path(record.read_text()), account):
            return Path(record.read_text())
        made = Path(tempfile.mkdtemp(prefix="metronome-", dir="/tmp"))
        _own(made, 0o700, account)
        record.write_text(str(made))
        return made

    def clear(self) -> None:
        """Delete data, logs and addresses, and nothing else that stands in the folder."""
        for record in self.path.glob("*.sockets"):
            if _private(Path(record.read_text()), self.account):
                shutil.rmtree(record.read_text())
        home = self.postgres
        shutil.rmtree(home, ignore_errors=True)
        if home.parent != self.path:
            _record_of(home).unlink(missing_ok=True)
        for kept in (self.logs, self.redis):
            shutil.rmtree(kept, ignore_errors=True)
        for pattern in ("*.sockets", "*.json*", "postgres.*"):
            for file in self.path.glob(pattern):
                if file.name != OWNER and file.is_file():
                    file.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete everything, short socket folders and the folder of another account included."""
        self.clear()
        shutil.rmtree(self.path, ignore_errors=True)


def state_folder(path: Path, account: Account | None) -> StateFolder:
    """Return the state folder at ``path``, made absolute, links resolved."""
    return StateFolder(path.expanduser().resolve(), account)


def sweep(shared: Path) -> None:
    """Delete data kept in ``shared`` for a temporary state folder that is gone.

    For no other: a folder that is not there may be on a disk that is not there today.
    """
    temporary = Path(tempfile.gettempdir()).resolve()
    for record in shared.glob("*.folder"):
        path = Path(record.read_text())
        if temporary in path.parents and not path.exists():
            stop_leftovers(record.with_suffix("") / "data", signal.SIGINT)
            shutil.rmtree(record.with_suffix(""), ignore_errors=True)
            record.unlink(missing_ok=True)


def _record_of(home: Path) -> Path:
    """Return the file that tells whose data ``home``, kept elsewhere, holds."""
    return home.with_name(f"{home.name}.folder")


def refuse_full_disk(path: Path, free_bytes: int, least_mb: int) -> None:
    """Raise InvalidData where the servers would soon find no room."""
    free_mb = free_bytes // 2**20
    if free_mb < least_mb:
        raise InvalidData(
            f"Disk full: {free_mb} MB free at {path}, at least {least_mb} MB needed. "
            "Free some space, or set METRONOME_STATE to a folder on another disk."
        )


def _refuse_foreign(path: Path) -> None:
    """Raise InvalidData for a folder in use for something else: its mode is not ours to change."""
    if not path.exists() or (path / OWNER).exists():
        return
    for entry in path.iterdir():
        if entry.name not in MAY_STAND and not entry.name.startswith("postgres."):
            raise InvalidData(
                f"State folder {path} holds other things ({entry.name}): set METRONOME_STATE to a "
                "new or empty folder."
            )


def _own(folder: Path, mode: int, account: Account | None = None) -> None:
    folder.mkdir(mode=mode, parents=True, exist_ok=True)
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    folder.chmod(mode)


def _private(folder: Path, account: Account | None) -> bool:
    try:
        about = folder.lstat()
    except OSError:
        return False
    owner = os.geteuid() if account is None else account.uid
    return (
        stat.S_ISDIR(about.st_mode)
        and about.st_uid in (owner, os.geteuid())
        and stat.S_IMODE(about.st_mode) == 0o700
    )
