"""`metronome config`: show, check and example, run as commands."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

METRONOME = Path(sys.executable).parent / "metronome"
ROOT = Path(__file__).parents[2]


def config(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [METRONOME, "config", *words],
        cwd=folder,
        env=kept | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_show_says_what_is_in_force_and_why(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MAX_POSITIONS=3  # fewer\nAPI_TOKEN='s3cret-t0ken'\n")
    done = config(tmp_path, "show", MIN_SLOTS="4")
    assert (done.returncode, done.stderr) == (0, "")
    lines = {line.split()[0]: line.split(maxsplit=2)[1:] for line in done.stdout.splitlines()}
    assert lines["MAX_POSITIONS"] == ["3", ".env line 1"]
    assert lines["MIN_SLOTS"] == ["4", "environment"]
    assert lines["MIXER_THRESHOLD"] == ["0.12", "books/us_baskets.toml"]
    assert lines["API_TOKEN"] == ["****", ".env line 2"]
    assert lines["LOG_LEVEL"] == ["INFO", "default"]
    assert "s3cret" not in done.stdout


def test_show_as_json(tmp_path: Path) -> None:
    said = json.loads(config(tmp_path, "show", "--json", ALPACA_SECRET_KEY="x" * 20).stdout)
    assert said["settings"]["ALPACA_SECRET_KEY"] == {"value": "****xxxx", "origin": "environment"}
    assert said["settings"]["RISK_PER_TRADE"]["value"] == "0.005"
    assert len(said["fingerprint"]) == 12


def test_check_is_one_line_where_all_is_right(tmp_path: Path) -> None:
    done = config(tmp_path, "check")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("settings are right: PAPER, us_baskets, fingerprint ")
    assert done.stdout.count("\n") == 1


def test_check_names_every_wrong_one(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LLM_MIN_SCORE=0.4\nRTH_CUTOFF=0.2\n")
    done = config(tmp_path, "check", API_PORT="http", TRADING_MODE="LIVE")
    assert (done.returncode, done.stdout) == (2, "")
    names = [line.split(": ")[1:3] for line in done.stderr.splitlines()]
    assert [first for first, _ in names] == [
        "LLM_MIN_SCORE",
        "TRADING_MODE",
        "API_PORT",
        "us_baskets",
    ]
    assert names[-1][1] == "MIXER_THRESHOLD, RTH_CUTOFF"
    assert done.stderr.count("; accepted: ") == 4


@pytest.mark.parametrize(("words", "code"), [([], 2), (["--confirm-real-trading"], 0)])
def test_check_for_real_money(tmp_path: Path, words: list[str], code: int) -> None:
    (tmp_path / ".env").write_text("TRADING_MODE=REAL\n")
    done = config(tmp_path, "check", *words, TRADING_MODE="REAL", ALPACA_API_KEY="AK0123")
    assert done.returncode == code, done.stderr


def test_example_is_the_file_that_ships(tmp_path: Path) -> None:
    assert config(tmp_path, "example").stdout == (ROOT / ".env.example").read_text()


def test_migrate_without_a_database_says_what_to_do(tmp_path: Path) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [METRONOME, "migrate"], cwd=tmp_path, env=kept, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("metronome: DATABASE_URL: not set; accepted: ")


def test_migrate_brings_the_tables(tmp_path: Path, database_url: str) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [METRONOME, "migrate"],
        cwd=tmp_path,
        env=kept | {"DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "the database is up to date\n"), done.stderr
