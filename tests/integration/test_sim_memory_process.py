"""`metronome exchange --memory`: killed or stopped, and started again on the same file."""

import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests

PATIENCE_S = 30.0
HEADERS = {"APCA-API-KEY-ID": "key", "APCA-API-SECRET-KEY": "secret"}
WORLD = ("--synthetic", "7", "--start", "10:00", "--speed", "2")
COMMAND = [sys.executable, "-c", "from app.cli.main import main; main()"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def refusal(*words: str) -> str:
    """Run a command that refuses; return its one line."""
    done = subprocess.run(
        [*COMMAND, *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


class Exchange:
    """An exchange on a file, that may be killed and started again."""

    def __init__(self, file: Path) -> None:
        self.file, self.port = file, free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        words = ["exchange", "--port", str(self.port), "--memory", str(self.file)]
        self.process = subprocess.Popen([*COMMAND, *words, *(options or WORLD)])
        eventually(self.answers)

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None
        try:
            return self.call("GET", "/sim/state").ok
        except requests.ConnectionError:
            return False

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(10)

    def call(self, verb: str, path: str, **given: Any) -> requests.Response:
        url = f"http://127.0.0.1:{self.port}{path}"
        return requests.request(verb, url, headers=HEADERS, timeout=10, **given)

    def get(self, path: str) -> Any:
        answer = self.call("GET", path)
        assert answer.ok, answer.text
        return answer.json()

    def order(self, client_id: str, **changes: Any) -> requests.Response:
        body = {"symbol": "NVDA", "qty": "10", "side": "buy", "type": "market"}
        body |= {"time_in_force": "day", "client_order_id": client_id, **changes}
        return self.call("POST", "/v2/orders", json=body)

    def now(self) -> datetime:
        return datetime.fromisoformat(self.get("/sim/clock")["now"])


def eventually(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    made = Exchange(tmp_path / "exchange.json")
    made.start()
    yield made
    made.stop()


def test_a_killed_exchange_goes_on_where_it_was(exchange: Exchange) -> None:
    exchange.order("filled")
    resting = {"type": "limit", "limit_price": "50"}
    family = {"order_class": "bracket", "take_profit": {"limit_price": "900"}}
    exchange.order("family", **resting, **family, stop_loss={"stop_price": "40"})
    exchange.call("DELETE", f"/v2/orders/{exchange.order('gone', **resting).json()['id']}")
    exchange.order("resting", **resting)
    before = [exchange.get(p) for p in ("/sim/orders", "/sim/fills", "/v2/account/configurations")]
    cash = exchange.get("/sim/state")["cash"]
    told = exchange.now()
    exchange.kill()
    exchange.start()
    after = [exchange.get(p) for p in ("/sim/orders", "/sim/fills", "/v2/account/configurations")]
    assert after == before
    assert len(after[1]) == 1
    assert exchange.get("/sim/state")["cash"] == cash
    found = exchange.get("/v2/orders:by_client_order_id?client_order_id=filled")
    assert (found["status"], found["filled_qty"]) == ("filled", "10")
    again = exchange.order("filled")
    assert (again.status_code, again.json()["message"]) == (422, "client_order_id must be unique")
    assert [p["qty"] for p in exchange.get("/v2/positions")] == ["10"]
    assert exchange.now() >= told
    assert exchange.call("DELETE", "/v2/orders").status_code == 207
    assert exchange.get("/v2/orders") == []


def test_an_order_is_remembered_by_the_time_it_is_answered(exchange: Exchange) -> None:
    for number in range(5):
        assert exchange.order(f"c{number}").status_code == 200
        exchange.kill()
        exchange.start()
        assert exchange.get("/sim/state")["orders"] == number + 1


def test_time_stands_while_it_is_down(exchange: Exchange) -> None:
    assert exchange.call("POST", "/sim/clock", json={"paused": True}).ok
    told = exchange.now()
    exchange.kill()
    exchange.start()
    assert exchange.now() == told
    exchange.stop()
    exchange.start()
    assert exchange.get("/sim/clock")["paused"] is True
    assert exchange.now() == told


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process: Linux only")
def test_what_cannot_be_written_down_is_not_answered_for(exchange: Exchange) -> None:
    """An order whose memory fails gets an error, and is not lost once there is room again."""
    assert exchange.process is not None
    size = exchange.file.stat().st_size
    pid = exchange.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, before[1]))
    refused = exchange.order("unsure")
    assert (refused.status_code, refused.json()["code"]) == (500, 50010000)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    found = exchange.get("/v2/orders:by_client_order_id?client_order_id=unsure")
    assert found["status"] == "filled"
    exchange.kill()
    exchange.start()
    assert len(exchange.get("/sim/fills")) == 1


def test_another_world_and_a_damaged_file_are_one_line_and_stay(
    exchange: Exchange, tmp_path: Path
) -> None:
    exchange.order("kept")
    exchange.kill()
    given = ("exchange", "--port", str(free_port()), "--memory", str(exchange.file))
    said = refusal(*given, "--synthetic", "8", "--start", "10:00", "--cash", "5")
    assert (
        f"{exchange.file} is of another world (--synthetic 7, not 8; --cash 100000, not 5)" in said
    )
    assert "`metronome up --sim --fresh`" in said
    body = exchange.file.read_bytes()
    exchange.file.write_bytes(body[: len(body) // 2])
    said = refusal(*given, *WORLD)
    assert f"{exchange.file} is damaged" in said
    assert exchange.file.read_bytes() == body[: len(body) // 2]
    nowhere = tmp_path / "nowhere" / "m"
    said = refusal("exchange", "--port", str(free_port()), *WORLD, "--memory", str(nowhere))
    assert f"--memory {nowhere}: No such file or directory" in said
    exchange.file.write_bytes(body)
    exchange.start()
    assert exchange.get("/sim/state")["orders"] == 1


def test_up_refuses_another_world_before_anything_starts(
    tmp_path: Path, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METRONOME_STATE", str(tmp_path))
    said = refusal("up", "--sim", "--synthetic", "8")
    assert f"{exchange.file} is of another world (--synthetic 7, not 8; --start" in said
    assert sorted(p.name for p in tmp_path.iterdir()) == ["exchange.json"]
    assert "add --sim" in refusal("up", "--fresh")
    monkeypatch.setenv("DATABASE_URL", "postgresql://there/db")
    assert "--fresh empties no servers but its own" in refusal("up", "--sim", "--fresh")
    assert exchange.file.exists()
