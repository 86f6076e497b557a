"""Whole days through the command that users type: real processes, servers, streams and exchange."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psutil
import pytest

RECORDED = Path(__file__).parents[2].parent / "shared" / "data" / "bars" / "us_minute"
METRONOME = Path(sys.executable).with_name("metronome")
SPEED = "150"
NEW_YORK = ZoneInfo("America/New_York")
KEYS = {"APCA-API-KEY-ID": "sim", "APCA-API-SECRET-KEY": "sim"}
#: The day after Thanksgiving, which ends at one o'clock.
HALF_DAY = "2026-11-27"
#: A day takes 398 market minutes; whatever lasts longer than this hangs.
PATIENCE_S = 420


class Day:
    """A demo as a subprocess with a state folder of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.state, self.json = folder / "state", folder / "day.json"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("METRONOME_")}
        self.process = subprocess.Popen(
            [METRONOME, "demo", "--speed", SPEED, "--json", self.json, *options],
            cwd=folder,
            env={**environment, "METRONOME_STATE": str(self.state)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def status(self) -> dict[str, Any]:
        """Return what the supervisor wrote of its processes last."""
        try:
            found: dict[str, Any] = json.loads((self.state / "demo" / "status.json").read_text())
        except (OSError, ValueError):
            return {"processes": []}
        return found

    def pid_of(self, name: str) -> int | None:
        pids = [p["pid"] for p in self.status()["processes"] if p["name"] == name]
        return pids[0] if pids else None

    def is_under_way(self) -> bool:
        """Is the first hour over at the exchange, and are positions open?"""
        url = self.status().get("urls", {}).get("exchange")
        if not url:
            return False
        try:
            world = httpx.get(f"{url}/sim/state", headers=KEYS, trust_env=False).json()
        except httpx.HTTPError:
            return False
        now = datetime.fromisoformat(world["clock"]["now"]).astimezone(NEW_YORK)
        return now.time() >= time(10, 30) and bool(world["positions"])

    def finish(self) -> tuple[dict[str, Any], str]:
        """Wait for the end; return the day in numbers and everything that was printed."""
        try:
            said, _ = self.process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGINT)
            said, _ = self.process.communicate(timeout=30)
            pytest.fail(f"the day did not end within {PATIENCE_S} s:\n{said[-4000:]}")
        assert self.process.returncode == 0, said[-4000:]
        return json.loads(self.json.read_text()), said

    def wait_for(self, what: Callable[[], Any], seconds: float = 60) -> Any:
        """Return what comes to be while the day lasts; where it does not, fail with the output."""
        deadline = monotonic() + seconds
        while monotonic() < deadline and self.process.poll() is None:
            if found := what():
                return found
            sleep(0.2)
        self.process.send_signal(signal.SIGINT)
        said, _ = self.process.communicate(timeout=30)
        pytest.fail(f"waited in vain:\n{said[-4000:]}")

    def abandon(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.communicate(timeout=30)


def assert_sound(day: dict[str, Any]) -> None:
    """Every invariant holds, the book is flat, and both sides count the same money."""
    assert day["invariants"] == dict.fromkeys(day["invariants"], 0)
    assert len(day["invariants"]) == 7
    assert day["replay"]["decisions"] > 100
    assert day["positions_at_close"] == day["broker"]["positions"] == {}
    assert day["equity_close"] == day["broker"]["equity"]
    assert Decimal(day["equity_close"]) == Decimal(day["equity_open"]) + Decimal(
        day["realised_pnl"]
    )
    assert len([o for o in day["orders"] if o["filled_quantity"] != "0"]) >= 2
    assert day["fills"] == day["broker"]["fills"] >= 2
    assert day["signals"] > 0
    assert day["verdicts"]["passed"] > 0
    assert day["seconds_to_first_order"] > 0


def test_a_synthetic_day_survives_a_worker_killed_in_the_middle(tmp_path: Path) -> None:
    day = Day(tmp_path, "--date", HALF_DAY)
    try:
        worker = day.wait_for(lambda: day.pid_of("worker"))
        day.wait_for(day.is_under_way, 180)
        children = psutil.Process(worker).children(recursive=True)
        for process in (psutil.Process(worker), *children):
            os.kill(process.pid, signal.SIGKILL)
        successor = day.wait_for(lambda: day.pid_of("worker") not in (None, worker))
        assert successor
        body, said = day.finish()
    finally:
        day.abandon()
    assert_sound(body)
    assert "synthetic" in body["market"]
    assert body["session_date"] == HALF_DAY
    assert "worker: " in said  # the restart was told
    assert (tmp_path / "state" / "reports" / f"{HALF_DAY}-demo.html").stat().st_size > 5_000
    assert not (tmp_path / "state" / "demo").exists()


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded bars are not beside the project")
def test_a_recorded_day_survives_every_fault_at_five_percent(tmp_path: Path) -> None:
    day = Day(tmp_path, "--bars", str(RECORDED), "--date", "2026-03-20", "--faults", "all@0.05")
    try:
        body, _ = day.finish()
    finally:
        day.abandon()
    assert_sound(body)
    assert "SQQQ" in body["derived"]
