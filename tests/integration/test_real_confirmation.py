"""REAL as processes meet it: none that could move an order starts without the operator's word."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

METRONOME = [sys.executable, "-c", "from app.cli.main import main; main()"]
PROBE = "from app.jobs import root; print('started as', root.settings().mode, flush=True)"
REAL = {
    "TRADING_MODE": "REAL",
    "ALPACA_API_KEY": "AK0123456789",
    "ALPACA_SECRET_KEY": "none",
    # Nothing answers there: a process that started after all would reach nobody.
    "ALPACA_TRADING_URL": "http://127.0.0.1:1",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".env").write_text("TRADING_MODE=REAL\n")
    return tmp_path


def start(
    folder: Path, *words: str, environ: Mapping[str, str] = REAL, within: Sequence[str] = ()
) -> subprocess.Popen[str]:
    ours = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environ}
    return subprocess.Popen(
        [*within, *METRONOME, *words],
        cwd=folder,
        env=ours,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


#: A namespace in which what is started is process 1, as in a container.
CONTAINER = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]


@pytest.mark.skipif(
    shutil.which("unshare") is None
    or subprocess.run([*CONTAINER, "true"], check=False, capture_output=True).returncode != 0,
    reason="this machine lets nobody make a PID namespace",
)
@pytest.mark.parametrize("own_proc", [True, False])
def test_the_first_process_of_a_container_is_believed_nothing(folder: Path, own_proc: bool) -> None:
    within = [*CONTAINER, *(["--mount-proc"] if own_proc else [])]
    line = REAL | {"REAL_TRADING_CONFIRMED_BY": "1"}
    output, _ = start(folder, "beat", environ=line, within=within).communicate(timeout=30)
    assert output.startswith("metronome: TRADING_MODE: REAL, not confirmed")
    process = start(folder, "beat", "--confirm-real-trading", within=within)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("REAL MONEY: us_baskets")
    process.kill()
    process.communicate(timeout=10)


@pytest.mark.parametrize("command", ["worker", "beat", "feed", "up"])
def test_no_process_starts_without_the_confirmation(folder: Path, command: str) -> None:
    said = "metronome: TRADING_MODE: REAL, not confirmed; accepted: REAL with"
    process = start(folder, command, environ=REAL | {"REAL_TRADING_CONFIRMED_BY": "1"})
    output, _ = process.communicate(timeout=30)
    assert output.startswith(f"{said} --confirm-real-trading")
    assert process.returncode == 2


@pytest.mark.parametrize("command", ["worker", "up"])
def test_control_c_within_the_ten_seconds_starts_nothing(folder: Path, command: str) -> None:
    process = start(folder, command, "--confirm-real-trading")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("REAL MONEY: us_baskets at http://127.0.0.1:1.")
    assert process.stdout.readline() == "Real trading starts in 10 s\n"
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "started" not in rest
    assert not (folder / ".metronome").exists()


def test_settings_that_cannot_start_are_named_before_the_first_second(folder: Path) -> None:
    wrong = REAL | {"DISABLE_REAL_TRADING": "1"}
    output, _ = start(folder, "worker", "--confirm-real-trading", environ=wrong).communicate(
        timeout=30
    )
    assert "DISABLE_REAL_TRADING" in output
    assert "starts in" not in output


def test_with_paper_there_is_nothing_to_confirm(folder: Path) -> None:
    paper = {"TRADING_MODE": "PAPER", "DATABASE_URL": "", "REDIS_URL": ""}
    output, _ = start(folder, "beat", "--confirm-real-trading", environ=paper).communicate(
        timeout=30
    )
    assert output.startswith("TRADING_MODE is PAPER: there is no real trading to confirm.\n")


def test_a_simulated_exchange_has_no_real_money(folder: Path) -> None:
    process = start(folder, "up", "--sim", "--confirm-real-trading")
    output, _ = process.communicate(timeout=30)
    assert output == "metronome: --confirm-real-trading: a simulated exchange has no real money.\n"


def test_up_counts_down_once_and_its_processes_start(
    folder: Path, database_url: str, redis_url: str
) -> None:
    (folder / "Procfile").write_text(f'probe: {sys.executable} -c "{PROBE}"\n')
    servers = {"DATABASE_URL": database_url, "REDIS_URL": redis_url.partition("?")[0]}
    process = start(
        folder, "up", "--confirm-real-trading", "--procfile", "Procfile", environ=REAL | servers
    )
    assert process.stdout is not None
    heard: list[str] = []
    for line in process.stdout:
        heard.append(line.rstrip())
        if "started as" in line or "not confirmed" in line:
            process.send_signal(signal.SIGTERM)
            break
    process.communicate(timeout=30)
    assert [line for line in heard if "starts in" in line] == [
        f"Real trading starts in {left} s" for left in range(10, 0, -1)
    ]
    assert "started as REAL" in heard[-1]
