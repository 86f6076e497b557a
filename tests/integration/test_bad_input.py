"""Mistakes of an operator on the real commands: one line, a code, nothing lost, no traceback."""

import json
import os
import re
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.local.account import server_account
from app.local.folder import state_folder

METRONOME = Path(sys.executable).with_name("metronome")
UP, DEMO = ["up", "--sim"], ["demo", "--speed", "1000"]
PATIENCE_S = 30.0


@pytest.fixture(autouse=True)
def removed(tmp_path: Path) -> Iterator[None]:
    """Root's PostgreSQL keeps its data outside of the test's folder."""
    yield
    for name in (".metronome/demo", ".metronome"):
        state_folder(tmp_path / name, server_account()).remove()


def environment(**environ: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | environ


def refused(folder: Path, words: list[str], code: int = 1, **environ: str) -> str:
    """Return the one line that a command says when it refuses."""
    done = subprocess.run(
        [METRONOME, *words],
        cwd=folder,
        env=environment(**environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("metronome: ")
    return lines[0]


@pytest.mark.parametrize("url", ["foo://me:s3cret@host/name", "postgresql://me:s3cret@host:x/n"])
def test_a_rehearsals_url_that_is_none_is_named_by_its_option(tmp_path: Path, url: str) -> None:
    line = refused(tmp_path, ["checklist", "real", "--rehearsal", url])
    assert line.startswith("metronome: --rehearsal is not a PostgreSQL URL; write postgresql")
    assert "s3cret" not in line


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"MAX_POSITIONS=4# four\n",
            r"MAX_POSITIONS: '4# four' \(.env line 1\); accepted: a whole",
        ),
        (b"MAX_POSITION=4\n", "MAX_POSITION: not a setting .* Did you mean MAX_POSITIONS"),
        (b"TRADING_MODE=real\n", "TRADING_MODE: 'real' .* accepted: PAPER or REAL"),
        (
            b"ALPACA_API_KEY=AK0123\n",
            r"ALPACA_API_KEY: a real account's \(AK…, .env line 1\); accepted: a paper",
        ),
        (b"\x00\xff\xfe", ".env: byte 1 is not UTF-8"),
        (b"# f\xfcr\n", ".env: byte 3 is not UTF-8"),
        (b"METRONOME_BOOKS=nope\n", "METRONOME_BOOKS: no book 'nope'; accepted: .*us_baskets"),
    ],
)
def test_wrong_settings_stop_the_start(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / ".env").write_bytes(content)
    for words in (["up"], ["worker"]):
        assert re.search(said, refused(tmp_path, words, code=2))
    assert not (tmp_path / ".metronome").exists()


def test_a_detached_start_names_every_wrong_setting(tmp_path: Path) -> None:
    done = subprocess.run(
        [METRONOME, "up", "--detach"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    names = [line.split(": ")[1] for line in done.stderr.splitlines()]
    assert (done.returncode, names) == (2, ["ALPACA_API_KEY", "ALPACA_SECRET_KEY"])
    assert not (tmp_path / ".metronome").exists()


@pytest.mark.parametrize("words", [UP, [*UP, "--detach"], DEMO], ids=" ".join)
def test_a_state_folder_that_is_a_file(tmp_path: Path, words: list[str]) -> None:
    state = tmp_path / "state"
    state.write_text("mine")
    said = refused(tmp_path, words, METRONOME_STATE=str(state))
    assert "cannot be used" in said
    assert "METRONOME_STATE" in said
    assert state.read_text() == "mine"


@pytest.mark.parametrize("words", [UP, [*UP, "--detach"], DEMO], ids=" ".join)
def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path, words: list[str]) -> None:
    """``metronome demo`` works in the folder demo of the state folder."""
    for folder in (tmp_path / "home", tmp_path / "home" / "demo"):
        folder.mkdir(mode=0o755)
        (folder / "thesis.txt").write_text("years of work")
    said = refused(tmp_path, words, METRONOME_STATE=str(tmp_path / "home"))
    assert "holds other things (" in said
    assert "METRONOME_STATE" in said
    for folder in (tmp_path / "home", tmp_path / "home" / "demo"):
        assert (folder / "thesis.txt").read_text() == "years of work"
        assert folder.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--json", "no/such/x.json"], "--json: the folder no/such does not exist"),
        (["--json", "."], "--json: . cannot be written"),
        (["--speed", "0"], "--speed: 0; accepted: above 0"),
        (["--speed", "nan"], "--speed: nan; accepted: above 0"),
        (["--bars", ".", "--synthetic", "1"], "two different markets: choose one"),
        (["--bars", "."], "--bars needs --date"),
    ],
)
def test_wrong_options_of_the_demo(tmp_path: Path, options: list[str], said: str) -> None:
    assert said in refused(tmp_path, ["demo", *options])
    assert not (tmp_path / ".metronome").exists()


def test_what_the_exchange_refuses_is_said_without_detours(tmp_path: Path) -> None:
    said = refused(tmp_path, [*DEMO, "--date", "2026-04-03"])
    expected = "--date 2026-04-03: the exchange is closed that day; the next session is 2026-04-06"
    assert said == f"metronome: exchange: {expected}"


def test_a_taken_port_and_a_foreign_address_are_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"API_PORT: port {port} is taken" in refused(tmp_path, UP, API_PORT=port)
    said = refused(tmp_path, UP, API_HOST="203.0.113.9")
    assert "API_HOST: 203.0.113.9 is no address of this machine" in said


def test_a_database_that_does_not_answer(tmp_path: Path) -> None:
    url = "postgresql://me:s3cret@127.0.0.1:1/x"
    for words in (UP, ["migrate"], ["why", "NVDA"]):
        said = refused(tmp_path, words, DATABASE_URL=url)
        assert "Connection refused" in said
        assert "DATABASE_URL" in said
        assert "s3cret" not in said


class OldRedis(socketserver.StreamRequestHandler):
    """Speaks as Redis 5 does: it knows INFO, and HELLO not at all."""

    def handle(self) -> None:
        while head := self.rfile.readline():
            words = []
            for _ in range(int(head[1:])):
                size = int(self.rfile.readline()[1:])
                words.append(self.rfile.read(size + 2)[:size].upper())
            about = b"redis_version:5.0.7\r\n"
            answers = {b"INFO": b"$%d\r\n%s\r\n" % (len(about), about), b"SELECT": b"+OK\r\n"}
            self.wfile.write(answers.get(words[0], b"-ERR unknown command\r\n"))


@pytest.fixture
def old_redis() -> Iterator[str]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), OldRedis) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever).start()
        yield f"redis://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_redis_of_a_too_old_version(tmp_path: Path, old_redis: str) -> None:
    said = refused(tmp_path, UP, REDIS_URL=old_redis)
    assert "is Redis 5.0.7, 7.0 or newer (or any Valkey) is needed" in said


def alive(pids: list[int]) -> list[int]:
    found = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    return [p.pid for p in found if p.status() != psutil.STATUS_ZOMBIE]


def test_a_running_demo(tmp_path: Path) -> None:
    """A second one leaves it alone, and Ctrl-C leaves nothing running."""
    status = tmp_path / ".metronome" / "demo" / "status.json"
    with subprocess.Popen(
        [METRONOME, "demo", "--speed", "20"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as first:
        try:
            deadline = time.monotonic() + PATIENCE_S
            while not (status.exists() and json.loads(status.read_text())["ready"]):
                assert time.monotonic() < deadline, "the demo did not start"
                time.sleep(0.1)
            pids = {p["pid"]: p["name"] for p in json.loads(status.read_text())["processes"]}
            said = refused(tmp_path, DEMO)
            assert f"already runs on {status.parent} (process {first.pid})" in said
            assert [name for pid, name in pids.items() if not alive([pid])] == []
        finally:
            first.send_signal(signal.SIGINT)
            _, errors = first.communicate(timeout=PATIENCE_S)
    assert (first.returncode, errors) == (130, "")
    assert alive(list(pids)) == []


def test_a_demo_starts_from_nothing_and_deletes_only_its_own(tmp_path: Path) -> None:
    """Data, logs and what the exchange remembered go; a file that somebody put there stays."""
    demo = tmp_path / ".metronome" / "demo"
    (demo / "logs").mkdir(parents=True)
    for name in ("supervisor.json", "exchange.json", "logs/worker.log", "notes.txt"):
        (demo / name).write_text("{}")
    refused(tmp_path, [*DEMO, "--date", "tomorrow"])
    assert (demo / "notes.txt").exists()
    assert not (demo / "exchange.json").exists()
    assert not (demo / "logs" / "worker.log").exists()
