"""The supervisor over tiny processes of its own: order, restarts, and nothing left behind."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from app.engine.errors import InvalidData
from app.local import warden
from app.local.control import stop_running
from app.local.environment import any_free_port
from app.local.stack import Event, Stack
from app.local.status import read_status

PATIENCE_S = 30.0
SLEEPER = "python -c 'import time; time.sleep(1000)'"
STUBBORN = (
    "python -c 'import signal, subprocess, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    'subprocess.Popen(["sleep", "1000"]); print("deaf", flush=True); time.sleep(1000)\''
)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    state = tmp_path / "m"
    yield state
    Stack(state, processes={}).folder.remove()


def eventually(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def runs(process: psutil.Process) -> bool:
    """A zombie has ended; that nobody has asked about it is not our matter."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def stack(place: Path, database_url: str, redis_url: str, **commands: str) -> Stack:
    """A stack over servers that run already."""
    given = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    return Stack(place, processes=commands, environment=given)


def running(stack: Stack) -> dict[str, int]:
    return {p.name: p.pid for p in stack.processes() if p.pid}


def test_a_process_that_dies_is_started_again_and_shown(
    place: Path, database_url: str, redis_url: str
) -> None:
    events: list[Event] = []
    given = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    commands = {"worker": SLEEPER, "beat": "sh -c 'echo tired; exit 3'"}
    with Stack(place, processes=commands, environment=given, on_event=events.append) as made:
        first = running(made)["worker"]
        os.kill(first, signal.SIGKILL)
        eventually(lambda: running(made).get("worker", first) != first)
        worker, beat = (p for p in read_status(place)["processes"])
        assert (worker["name"], worker["restarts"]) == ("worker", 1)
        assert (worker["state"], worker["last_exit"]) == ("running", "killed by SIGKILL")
        assert worker["memory_mb"] > 0
        assert (beat["name"], beat["last_exit"]) == ("beat", "exit code 3")
        eventually(lambda: Event("beat", "tired", is_log=True) in events)
    assert "starts again in 1 s; it said: tired" in "\n".join(event.text for event in events)
    assert {p["state"] for p in read_status(place)["processes"]} == {"stopped"}


def test_stopping_kills_the_deaf_with_their_children(
    place: Path, database_url: str, redis_url: str
) -> None:
    made = stack(place, database_url, redis_url, worker=STUBBORN)
    with made:
        log = place / "logs" / "worker.log"
        eventually(lambda: "deaf" in log.read_text())
        worker = psutil.Process(running(made)["worker"])
        family = [worker, *worker.children(recursive=True)]
        assert len(family) == 2
    eventually(lambda: not any(map(runs, family)))


def test_a_warden_that_was_killed_is_replaced(
    place: Path, database_url: str, redis_url: str
) -> None:
    with stack(place, database_url, redis_url, worker=SLEEPER) as made:
        worker = running(made)["worker"]

        def wardens() -> list[psutil.Process]:
            return [p for p in psutil.Process().children() if is_warden_of(place, p)]

        (first,) = wardens()
        first.kill()
        eventually(lambda: [p for p in wardens() if p.pid != first.pid])
        assert running(made) == {"worker": worker}
    assert wardens() == []


def test_a_fork_that_lives_on_holds_nothing_up(
    place: Path, database_url: str, redis_url: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKING, str(place), database_url, redis_url],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.stdout == "stopped\nagain\n", done.stderr


FORKING = """
import os, signal, sys, time
from pathlib import Path
from app.local.stack import Stack
place, database, redis = sys.argv[1:]
given = {"DATABASE_URL": database, "REDIS_URL": redis}
stack = Stack(Path(place), processes={"worker": "sleep 1000"}, environment=given)
stack.start()
fork = os.fork()
if fork == 0:
    time.sleep(1000)
stack.stop()
print("stopped", flush=True)
with Stack(Path(place), processes={"worker": "sleep 1000"}, environment=given):
    print("again", flush=True)
os.kill(fork, signal.SIGKILL)
"""


def is_warden_of(place: Path, process: psutil.Process) -> bool:
    try:
        held = [file.path for file in process.open_files()]
        return warden.__file__ in process.cmdline() and str(place / "supervisor.json") in held
    except psutil.Error:
        return False


def test_a_second_one_on_the_same_folder_refuses(
    place: Path, database_url: str, redis_url: str
) -> None:
    with stack(place, database_url, redis_url, worker=SLEEPER) as made:
        with pytest.raises(InvalidData, match=f"already runs on .*process {os.getpid()}"):
            stack(place, database_url, redis_url, worker=SLEEPER).start()
        assert "worker" in running(made)
    with stack(place, database_url, redis_url, worker=SLEEPER) as again:
        assert "worker" in running(again)


def test_what_fails_at_the_start_stops_the_rest(place: Path) -> None:
    commands = {
        "postgres": f"{shlex.quote(sys.executable)} -m app.local.serve postgres",
        "redis": "sh -c 'echo no room >&2; exit 4'",
    }
    made = Stack(place, processes=commands, environment={"DATABASE_URL": "", "REDIS_URL": ""})
    with pytest.raises(InvalidData, match=r"redis did not start \(exit code 4\): no room"):
        made.start()
    assert running(made) == {}
    assert read_status(place)["supervisor"] is None


def test_addresses_reach_the_processes_and_keys_stay_out_of_sight(
    place: Path, database_url: str, redis_url: str
) -> None:
    """The worker prints what it was told."""
    names = ("DATABASE_URL", "REDIS_URL", "API_PORT", "METRONOME_STATE", "REMAP_SIGTERM")
    ask = f'import os; print(*(os.environ[n] for n in {list(names)}), sep="\\n")'
    worker = f"python -c {shlex.quote(ask + '; import time; time.sleep(1000)')}"
    port = any_free_port()
    given = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "API_PORT": str(port)}
    with Stack(place, processes={"worker": worker, "api": SLEEPER}, environment=given) as made:
        log = place / "logs" / "worker.log"
        eventually(lambda: len(log.read_text().splitlines()) == len(names))
        told = log.read_text().splitlines()
        assert told == [database_url, redis_url, str(port), str(place), "SIGQUIT"]
        assert made.urls["api"] == f"http://127.0.0.1:{port}"
        shown = json.dumps(read_status(place))
    assert "metronome:***@" in shown
    assert database_url not in shown


COMMAND_LINE = [sys.executable, "-c", "from app.cli.main import main; main()"]
PROCFILE = """
postgres: python -m app.local.serve postgres
redis: python -m app.local.serve redis
worker: sh -c 'sleep 1000 & echo forked; wait'
"""


@pytest.fixture
def told(tmp_path: Path, place: Path) -> dict[str, str]:
    (tmp_path / "Procfile").write_text(PROCFILE)
    ours = ("DATABASE_URL", "REDIS_URL", "API_PORT")
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    keys = {"ALPACA_API_KEY": "PKTEST", "ALPACA_SECRET_KEY": "secret"}
    return {**kept, **keys, "METRONOME_STATE": str(place)}


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_signal_leaves_a_process_behind(
    tmp_path: Path, place: Path, told: dict[str, str], sign: signal.Signals
) -> None:
    words = [*COMMAND_LINE, "up", "--procfile", "Procfile"]
    with subprocess.Popen(
        words, cwd=tmp_path, env=told, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        seen = []
        for line in process.stdout:
            seen.append(line)
            if line.startswith("Metronome runs on"):
                break
        assert any(line.startswith("worker   | started") for line in seen)
        eventually(lambda: "forked" in (place / "logs" / "worker.log").read_text())
        everything = psutil.Process(process.pid).children(recursive=True)
        assert len(everything) >= 5
        process.send_signal(sign)
        eventually(lambda: not any(map(runs, everything)))
    assert process.returncode == (0 if sign != signal.SIGKILL else -signal.SIGKILL)


def test_detached_it_is_shown_and_stopped_by_name(
    tmp_path: Path, place: Path, told: dict[str, str]
) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND_LINE, *words], cwd=tmp_path, env=told, capture_output=True, text=True
        )

    up = run("up", "--procfile", "Procfile", "--detach")
    try:
        assert up.returncode == 0, up.stderr
        again = run("up", "--procfile", "Procfile", "--detach")
        assert again.returncode != 0
        assert "already runs" in again.stderr
        status = run("status", "--json")
        assert status.returncode == 0
        shown = json.loads(status.stdout)
        assert [p["name"] for p in shown["processes"]] == ["postgres", "redis", "worker"]
        everything = psutil.Process(shown["supervisor"]).children(recursive=True)
    finally:
        down = run("down")
    assert down.stdout.startswith("Stopped")
    eventually(lambda: not any(map(runs, everything)))
    assert run("status").returncode == 3
    assert stop_running(place) is None
