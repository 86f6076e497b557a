"""A simulated exchange in a process of its own, as a stage for the broker's contract."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import requests
from broker_stubs import free, free_port

from app.adapters import BROKERS
from app.adapters.port import Broker, Connection
from app.io.feeds import FEEDS
from app.io.feeds.port import QuoteSource, Source

PATIENCE_S = 20.0


@dataclass(frozen=True)
class ExchangeStage:
    """An exchange on a synthetic day, in which nothing is held or open yet."""

    url: str
    broker: Broker
    quotes: QuoteSource
    since: datetime

    def ask(self, symbol: str) -> Decimal:
        return Decimal(str(self.quotes.latest([symbol], free).good[symbol].ask))

    def until(self, happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not happened():
            assert time.monotonic() < deadline, "it never happened"
            time.sleep(0.02)

    def fall(self, symbol: str, to: Decimal) -> None:
        self.until(lambda: self.ask(symbol) <= to or not self.broker.positions())

    def clear(self) -> None:
        """Cancel and sell everything, for whoever is on this exchange next."""
        headers = {"APCA-API-KEY-ID": "key", "APCA-API-SECRET-KEY": "secret"}
        everything = f"{self.url}/v2/positions?cancel_orders=true"
        requests.delete(everything, headers=headers, timeout=5).raise_for_status()
        self.until(lambda: not self.broker.positions() and not self.broker.open_orders())

    def jump(self, to: str) -> None:
        answer = requests.post(f"{self.url}/sim/clock", json={"jump_to": to}, timeout=5)
        answer.raise_for_status()


def on_stage(url: str) -> ExchangeStage:
    """Return the stage on a running exchange."""
    broker = BROKERS["alpaca"](Connection(url, "key", "secret"))
    since = broker.clock().at
    return ExchangeStage(url, broker, FEEDS["alpaca"](Source(url, "key", "secret"), "iex"), since)


@contextmanager
def exchange(folder: Path, *options: str) -> Iterator[str]:
    """Run an exchange on a free port until it is not needed any more."""
    port = free_port()
    command = [Path(sys.executable).with_name("metronome"), "exchange", "--port", str(port)]
    command += ["--synthetic", "7", "--date", "2026-03-20", "--start", "10:00", "--speed", "20"]
    command += ["--rate-limit", "1000000", *options]
    with (folder / "exchange.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            _wait_for(f"http://127.0.0.1:{port}/sim/clock", process, folder)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def _wait_for(url: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            requests.get(url, timeout=2).raise_for_status()
            return
        except requests.RequestException:
            said = (folder / "exchange.log").read_text()
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
