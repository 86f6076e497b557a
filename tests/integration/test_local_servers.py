"""The embedded servers: what was written survives kills and restarts; checkouts do not meet."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest
import redis

from app.engine.errors import InvalidData
from app.local.account import server_account
from app.local.binaries import find_postgres
from app.local.external import check_postgres, check_redis
from app.local.leftovers import SERVERS as PROGRAMS
from app.local.postgres import libpq_url
from app.local.servers import Servers

PATIENCE_S = 60.0
PROJECT = Path(__file__).parents[2]
OTHER: dict[str, Any] = {
    "user": 65534,
    "group": 65534,
    "extra_groups": [],
    "cwd": "/",
    "capture_output": True,
    "text": True,
}


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder; whatever of it lies elsewhere is removed too."""
    state = tmp_path_factory.mktemp("state") / "m"
    yield state
    Servers(state).folder.remove()


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def write(servers: Servers, word: str) -> None:
    connection = psycopg2.connect(libpq_url(servers.database_url))
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS words (word text)")
        cursor.execute("INSERT INTO words VALUES (%s)", (word,))
    connection.close()
    client = redis.Redis.from_url(servers.redis_url)
    client.rpush("words", word)
    client.close()


def read(servers: Servers) -> tuple[list[str], list[str]]:
    connection = psycopg2.connect(libpq_url(servers.database_url))
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT word FROM words")
        rows = [row[0] for row in cursor.fetchall()]
    connection.close()
    client = redis.Redis.from_url(servers.redis_url, decode_responses=True)
    items = list(client.lrange("words", 0, -1))
    client.close()
    return rows, items


def runs(process: psutil.Process) -> bool:
    """A zombie has ended; that nobody has asked about it is not our matter."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def processes_in(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.name() in PROGRAMS and process.cwd().startswith(str(folder)):
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize("source", ["system", "wheel"])
def test_rows_survive_stop_kill_and_restart(place: Path, source: str) -> None:
    try:
        find_postgres(server_account(), source=source)
    except InvalidData:
        pytest.skip(f"no PostgreSQL from the {source} here")
    with Servers(place, source=source) as servers:
        write(servers, "stop")
    with Servers(place, source=source) as servers:
        assert read(servers) == (["stop"], ["stop"])
        write(servers, "kill")
        before = servers.pids()
        for pid in before.values():
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: None not in (now := servers.pids()).values() and now != before)
        eventually(lambda: servers.cluster.ready() and servers.cache.ready())
        assert read(servers) == (["stop", "kill"], ["stop", "kill"])
    assert processes_in(servers.folder.postgres) == processes_in(servers.folder.redis) == []


def test_two_state_folders_run_side_by_side(place: Path, servers: Servers) -> None:
    with Servers(place) as other:
        write(other, "other")
        assert other.database_url != servers.database_url
        assert redis.Redis.from_url(servers.redis_url).lrange("words", 0, -1) == []
        for pid in other.pids().values():
            assert pid is not None
            assert psutil.Process(pid).net_connections("inet") == []


def test_sockets_and_secrets_are_private(servers: Servers) -> None:
    password = servers.folder.path / "postgres.password"
    assert stat.S_IMODE(password.stat().st_mode) == 0o600
    for sockets in (servers.folder.postgres / "run", servers.folder.redis / "run"):
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    for pid in servers.pids().values():
        assert pid is not None
        assert password.read_text() not in " ".join(psutil.Process(pid).cmdline())


def test_a_wrong_password_file_is_named(place: Path) -> None:
    with Servers(place):
        pass
    (place / "postgres.password").write_text("lost")
    with pytest.raises(InvalidData, match=r"postgres\.password does not fit"):
        Servers(place).start()


def test_a_deleted_folder_starts_anew(place: Path) -> None:
    """As root the data may lie elsewhere, and are then set aside."""
    with Servers(place) as servers:
        write(servers, "old")
    shutil.rmtree(place)
    with Servers(place) as servers:
        write(servers, "new")
        assert read(servers) == (["new"], ["new"])


def test_long_paths_get_short_private_sockets(place: Path) -> None:
    deep = place.joinpath(*["a-rather-long-name"] * 6)
    with Servers(deep) as servers:
        write(servers, "deep")
        records = sorted(deep.glob("*.sockets"))
        # As root, PostgreSQL's folder may be the short one under /var/lib.
        inside = servers.folder.postgres.parent == servers.folder.path
        names = ["postgres.sockets", "redis.sockets"] if inside else ["redis.sockets"]
        assert [record.name for record in records] == names
        shorts = [Path(record.read_text()) for record in records]
        assert all(stat.S_IMODE(short.stat().st_mode) == 0o700 for short in shorts)
    with Servers(deep) as servers:
        assert read(servers) == (["deep"], ["deep"])
        assert [Path(record.read_text()) for record in records] == shorts
    servers.folder.remove()
    assert not any(short.exists() for short in shorts)


KILLED = """
import os, signal, sys, time
from pathlib import Path
from app.local.servers import Servers
servers = Servers(Path(sys.argv[1]))
servers.start()
print("ready", flush=True)
time.sleep(1000)
"""


def test_nothing_outlives_a_killed_supervisor_and_the_next_start_works(place: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(place)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        servers = Servers(place)
        write(servers, "before the kill")
        running = processes_in(servers.folder.postgres) + processes_in(servers.folder.redis)
        assert len(running) >= 2
        process.kill()
    with servers:
        assert not any(map(runs, running))
        assert read(servers) == (["before the kill"], ["before the kill"])


def test_as_another_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Run as uid 65534 with an interpreter and packages that it can read."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    python = shutil.which("python3.11", path="/usr/bin:/bin") or "/usr/bin/python3"
    told = {"PATH": os.defpath, "PYTHONPATH": f"{PROJECT}:{Path(psycopg2.__file__).parents[1]}"}
    able = subprocess.run(
        [python, "-c", "import app.local.servers"],
        **OTHER,
        env=told,
    )
    if able.returncode:
        pytest.skip("no interpreter with our packages that other users can run")
    place = tmp_path_factory.mktemp("other")
    place.parent.parent.chmod(0o711)
    place.parent.chmod(0o711)
    os.chown(place, 65534, 65534)
    done = subprocess.run(
        [python, "-c", AS_OTHER, str(place / "m")],
        **OTHER,
        env=told,
    )
    assert done.stdout == "65534 65534\n", done.stderr


AS_OTHER = """
import sys
from pathlib import Path
import psutil
from app.local.servers import Servers
with Servers(Path(sys.argv[1]), source="wheel") as servers:
    print(*(psutil.Process(pid).uids().real for pid in servers.pids().values()))
"""


def test_given_servers_are_checked(servers: Servers) -> None:
    check_postgres(servers.database_url)
    check_redis(servers.redis_url)
    with pytest.raises(InvalidData, match=r"DATABASE_URL: no PostgreSQL answers at .*:\*\*\*@"):
        check_postgres("postgresql://me:hunter22@127.0.0.1:1/none")
    with pytest.raises(InvalidData, match="REDIS_URL: no Redis answers"):
        check_redis("redis://127.0.0.1:1")
    with pytest.raises(InvalidData) as caught:
        check_postgres("postgresql+psycopg2://me:hunter 22@[::1/none")
    assert "hunter" not in str(caught.value)
