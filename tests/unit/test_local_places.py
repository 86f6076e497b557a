"""Where the servers' data lie, who may reach them, and which programs serve them."""

import os
import stat
from pathlib import Path

import pytest

from app.engine.errors import InvalidData
from app.local import binaries
from app.local.account import Account, can_reach
from app.local.binaries import find_postgres, wheel_copy
from app.local.external import refuse_old_redis
from app.local.folder import SHARED, StateFolder, refuse_full_disk, state_folder, sweep

STRANGER = Account("stranger", 54321, 54321)


def test_the_state_folder_is_private(tmp_path: Path) -> None:
    folder = state_folder(tmp_path / "m", None)
    folder.prepare()
    for path in (folder.path, folder.logs, folder.redis, folder.postgres):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert folder.postgres == folder.path / "postgres"
    folder.remove()
    assert not folder.path.exists()


def test_data_lie_elsewhere_where_their_account_cannot_enter(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    one, two = (StateFolder(tmp_path / name, STRANGER).postgres for name in ("one", "two"))
    assert one.parent == two.parent == SHARED
    assert one != two


def test_only_data_of_a_temporary_folder_that_is_gone_are_swept(tmp_path: Path) -> None:
    kept = {"here": tmp_path, "unmounted": Path("/media/none"), "gone": tmp_path / "none"}
    shared = tmp_path / "shared"
    for name, path in kept.items():
        (shared / name / "data").mkdir(parents=True)
        (shared / f"{name}.folder").write_text(str(path))
    sweep(shared)
    left = sorted(path.name for path in shared.iterdir())
    assert left == ["here", "here.folder", "unmounted", "unmounted.folder"]


def test_what_an_account_can_reach(tmp_path: Path) -> None:
    mine = Account("me", os.getuid(), os.getgid())
    file = tmp_path / "file"
    file.write_text("")
    file.chmod(0o640)
    assert can_reach(file, None)
    assert can_reach(file, mine) == can_reach(tmp_path, mine)
    assert not can_reach(file, STRANGER)
    assert not can_reach(tmp_path / "none", mine)


def test_sockets_move_to_a_short_folder_that_is_trusted_only_if_private(tmp_path: Path) -> None:
    folder = state_folder(tmp_path / ("long" * 30), None)
    folder.prepare()
    short = folder.sockets(folder.redis, "redis.sock")
    assert len(str(short / "redis.sock")) < 100
    assert folder.sockets(folder.redis, "redis.sock") == short
    short.chmod(0o755)
    other = folder.sockets(folder.redis, "redis.sock")
    assert other != short
    assert stat.S_IMODE(other.stat().st_mode) == 0o700
    short.rmdir()
    folder.remove()
    assert not other.exists()


def test_an_unusable_or_full_disk_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidData, match=r"cannot be used .*METRONOME_STATE"):
        state_folder(tmp_path / "file" / "m", None).prepare()
    refuse_full_disk(tmp_path, 200 * 2**20, 200)
    with pytest.raises(InvalidData, match=f"Disk full: 199 MB free at {tmp_path}"):
        refuse_full_disk(tmp_path, 200 * 2**20 - 1, 200)


def program(folder: Path, version: str) -> None:
    """A PostgreSQL that says its version and does nothing else."""
    folder.mkdir(parents=True)
    for name in binaries.PROGRAMS:
        (folder / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
        (folder / name).chmod(0o755)


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def test_the_newest_postgres_of_the_machine_serves(on_path: Path) -> None:
    program(on_path, "99.1 (Debian 99.1-1)")
    assert find_postgres(None) == binaries.Postgres(on_path, 99, "system")


def test_too_old_a_postgres_is_passed_over(on_path: Path) -> None:
    program(on_path, "14.9")
    assert find_postgres(None).major >= 15


def test_data_of_a_version_that_is_gone_are_not_touched(on_path: Path) -> None:
    program(on_path, "99.1")
    with pytest.raises(InvalidData, match=r"written by PostgreSQL 98, found here: .*99 in"):
        find_postgres(None, major=98)


def test_programs_are_copied_once_for_an_account_that_cannot_read_them(tmp_path: Path) -> None:
    package = tmp_path / "site" / "pg"
    program(package / "pginstall18" / "bin", "18.4")
    (tmp_path / "site" / "pg.libs").mkdir()
    (tmp_path / "site" / "pg.libs" / "libpq.so").write_text("")
    target = tmp_path / "shared" / "copy"
    assert wheel_copy(package, target) == target
    assert os.access(target / "pg" / "pginstall18" / "bin" / "postgres", os.X_OK)
    assert (target / "pg.libs" / "libpq.so").exists()
    (target / "mark").write_text("")
    wheel_copy(package, target)
    assert (target / "mark").exists()


def test_too_old_a_redis_is_refused_and_said_which() -> None:
    refuse_old_redis("redis://there", "7.0.15")
    with pytest.raises(InvalidData, match=r"redis://there is Redis 6\.2\.14, 7\.0 or newer"):
        refuse_old_redis("redis://there", "6.2.14")
