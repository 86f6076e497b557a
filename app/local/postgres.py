"""The embedded PostgreSQL: its data, its arguments, its address."""

import os
import secrets
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

import psycopg2

from app.engine.errors import InvalidData
from app.local.account import Account
from app.local.binaries import Postgres, find_postgres
from app.local.folder import StateFolder
from app.local.leftovers import stop_leftovers

NAME = "metronome"
SOCKET = ".s.PGSQL.5432"
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "password_encryption": "scram-sha-256",
    "log_line_prefix": "%m [%p] ",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """One PostgreSQL of a state folder. ``source`` system or wheel insists on those programs."""

    folder: StateFolder
    source: str | None = None

    @property
    def data(self) -> Path:
        return self.folder.postgres / "data"

    @property
    def _password(self) -> Path:
        return self.folder.path / "postgres.password"

    def _read_password(self) -> str:
        if not self._password.exists():
            self._set_orphan_aside()
            unfinished = self._password.with_suffix(f".{os.getpid()}")
            _write_private(unfinished, secrets.token_urlsafe(24))
            unfinished.rename(self._password)
        return self._password.read_text()

    def _set_orphan_aside(self) -> None:
        """Data kept elsewhere whose state folder was deleted are not this new folder's."""
        if self.folder.postgres.parent != self.folder.path and self.data.exists():
            stop_leftovers(self.data, signal.SIGINT)
            orphan = self.data.with_name("orphan")
            shutil.rmtree(orphan, ignore_errors=True)
            self.data.rename(orphan)

    def _sockets(self) -> Path:
        return self.folder.sockets(self.folder.postgres, SOCKET, self.folder.account)

    def url(self, database: str = NAME) -> str:
        """Return the SQLAlchemy URL of ``database``, password included."""
        password = self._read_password()
        host = quote(str(self._sockets()), safe="")
        return f"postgresql+psycopg2://{NAME}:{password}@/{database}?host={host}"

    def prepare(self) -> list[str]:
        """Create the data where there are none, clear what a kill left; return the arguments."""
        programs = find_postgres(
            self.folder.account, source=self.source, major=_version_of(self.data)
        )
        if _version_of(self.data) is None:
            self._create(programs)
        stop_leftovers(self.data, signal.SIGINT)
        sockets = self._sockets()
        for stale in (self.data / "postmaster.pid", sockets / SOCKET, sockets / f"{SOCKET}.lock"):
            stale.unlink(missing_ok=True)
        settings = [f"-c{name}={value}" for name, value in SETTINGS.items()]
        return [str(programs.bin / "postgres"), "-D", str(self.data), "-k", str(sockets), *settings]

    def become(self) -> NoReturn:
        """Turn this process into the server, under the account that shall run it."""
        argv, account = self.prepare(), self.folder.account
        os.chdir(self.folder.postgres)
        if account is not None:
            os.setgroups([])
            os.setgid(account.gid)
            os.setuid(account.uid)
        os.execve(argv[0], argv, environment())

    def _create(self, programs: Postgres) -> None:
        """Run initdb into a folder of its own and move it into place, so that half is none."""
        home, account = self.folder.postgres, self.folder.account
        unfinished, password = home / f"data.{os.getpid()}", home / f"password.{os.getpid()}"
        for half in home.glob("data.*"):
            shutil.rmtree(half)
        _write_private(password, self._read_password(), account)
        try:
            made = subprocess.run(
                [
                    *(programs.bin / "initdb", "-D", unfinished, "-U", NAME, "-A", "scram-sha-256"),
                    *("--pwfile", password, "--data-checksums", "-E", "UTF8", "--locale", "C"),
                ],
                capture_output=True,
                text=True,
                check=False,
                cwd="/",
                env=environment(),
                user=None if account is None else account.uid,
                group=None if account is None else account.gid,
                extra_groups=None if account is None else [],
            )
        finally:
            password.unlink()
        if made.returncode != 0:
            raise InvalidData(f"PostgreSQL could not create its data: {_last_line(made.stderr)}")
        unfinished.rename(self.data)

    def _create_database(self) -> None:
        connection = psycopg2.connect(libpq_url(self.url("postgres")))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (NAME,))
                if cursor.fetchone() is None:
                    cursor.execute(f"CREATE DATABASE {NAME}")
        finally:
            connection.close()

    def ready(self) -> bool:
        """Say whether it answers; create the project's database when it first does."""
        try:
            self._create_database()
        except psycopg2.OperationalError as error:
            if "password authentication failed" in str(error):
                raise InvalidData(
                    f"{self._password} does not fit the data in {self.data}: put the old file "
                    "back, or set METRONOME_STATE to a new folder."
                ) from None
            return False
        return True


def environment() -> dict[str, str]:
    """Return what the server is told: nothing of ours, least of all keys."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def libpq_url(url: str) -> str:
    """Return a SQLAlchemy URL as libpq reads it."""
    scheme, rest = url.split("://", 1)
    return f"{scheme.split('+')[0]}://{rest}"


def _version_of(data: Path) -> int | None:
    try:
        return int((data / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None


def _write_private(path: Path, text: str, account: Account | None = None) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        if account is not None:
            os.fchown(file.fileno(), account.uid, account.gid)


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    said = next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "")
    return said or "it gave no reason"
