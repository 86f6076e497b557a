"""A simulated exchange in a process of its own, for tests that talk to it as any client would."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

PATIENCE_S = 20.0
HEADERS = {"APCA-API-KEY-ID": "key", "APCA-API-SECRET-KEY": "secret"}


@dataclass(frozen=True)
class Running:
    """Where an exchange listens, and its process."""

    port: int
    process: "subprocess.Popen[str]"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def call(self, verb: str, path: str, **given: Any) -> requests.Response:
        given = {"headers": HEADERS, "timeout": 10, **given}
        return requests.request(verb, self.url + path, **given)

    def get(self, path: str, **params: Any) -> Any:
        answer = self.call("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def order(self, **changes: Any) -> requests.Response:
        body = {
            "symbol": "NVDA",
            "qty": "10",
            "side": "buy",
            "type": "market",
            "time_in_force": "day",
            **changes,
        }
        return self.call("POST", "/v2/orders", json=body)

    def jump(self, to: str) -> None:
        """Move the clock to a New York time of 2026-03-20."""
        at = f"2026-03-20T{to}:00-04:00"
        assert self.call("POST", "/sim/clock", json={"jump_to": at}).status_code == 200

    def faults(self, *rules: dict[str, Any], seed: int = 1) -> None:
        body = {"rules": list(rules), "seed": seed}
        assert self.call("POST", "/sim/faults", json=body).status_code == 200

    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = self.get("/sim/faults")["counts"]
        return counts


def wait_until(happened: Callable[[], Any], what: str = "it") -> Any:
    """Return the first true answer; fail when it takes too long."""
    deadline = time.monotonic() + PATIENCE_S
    while not (answer := happened()):
        assert time.monotonic() < deadline, f"{what} never happened"
        time.sleep(0.02)
    return answer


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def exchange(*options: str, start: str = "10:00", speed: str = "20") -> Iterator[Running]:
    """Run `metronome exchange` on a free port."""
    port = free_port()
    market = () if "--bars" in options else ("--synthetic", "7")
    command = [sys.executable, "-c", "from app.cli.main import main; main()", "exchange"]
    command += ["--port", str(port), "--start", start, "--speed", speed, *market, *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    running = Running(port, process)
    try:
        wait_until(lambda: _answers(running), "the exchange's start")
        yield running
    finally:
        process.terminate()
        process.communicate(timeout=10)


def _answers(running: Running) -> bool:
    assert running.process.poll() is None, running.process.communicate()[0]
    try:
        return running.call("GET", "/sim/state").status_code == 200
    except requests.RequestException:
        return False
