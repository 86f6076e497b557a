"""`metronome exchange` as typed: what it says when it starts and when it cannot."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

HEADER = "ts,open,high,low,close,volume\n"


def metronome(*arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", "from app.cli.main import main; main()", "exchange"]
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=60, cwd=cwd, check=False
    )


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return str(taken.getsockname()[1])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--synthetic", "1", "--date", "2026-04-03"], "the next session is 2026-04-06"),
        (["--synthetic", "1", "--date", "tomorrow"], "write it as 2026-03-20"),
        (["--synthetic", "1", "--date", "1887-01-03"], "outside the calendar XNYS"),
        (["--synthetic", "-1"], "--synthetic -1: must be from 0"),
        (["--synthetic", "1", "--seed", "-1"], "--seed -1: must be from 0"),
        (["--synthetic", "1", "--start", "noon"], "write it as 09:20"),
        (["--synthetic", "1", "--speed", "0"], "--speed 0.0: must be from 0.01 to 10000"),
        (["--synthetic", "1", "--cash", "-5"], "--cash -5.0: must be from 0.01"),
        (["--synthetic", "1", "--key", "nocolon"], "--key must be ID:SECRET"),
        (["--synthetic", "1", "--faults", "gremlins@0.1"], "unknown kind 'gremlins'"),
        (["--synthetic", "1", "--faults", "none.toml"], "none.toml: No such file"),
        ([], "give either --bars DIR or --synthetic SEED"),
        (["--bars", "nowhere"], "no such folder"),
        (["--bars", "empty"], "no SYMBOL.parquet or SYMBOL.csv in it"),
        (["--bars", "hostile"], "row 2: high 1 is below low 3"),
    ],
)
def test_a_mistake_is_one_line_and_no_traceback(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "hostile").mkdir()
    (tmp_path / "hostile/QQQ.csv").write_text(HEADER + "2026-03-20T13:30:00Z,2,1,3,2,10\n")
    done = metronome("--port", free_port(), *arguments, cwd=tmp_path)
    assert done.returncode != 0
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = metronome("--port", port, "--synthetic", "1", cwd=tmp_path)
    assert done.returncode != 0
    assert f"--port {port}: " in done.stderr
    assert "choose another port" in done.stderr
