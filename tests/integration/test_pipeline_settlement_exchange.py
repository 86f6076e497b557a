"""A day on the simulated exchange, which charges: settled to the cent over Alpaca's protocol."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from pipeline_world import World, world_of
from sessions_world import settled

from app.adapters import BROKERS
from app.adapters.port import Broker, Connection
from app.engine.orders import FINAL, Purpose
from app.pipeline import reconcile

PER_SHARE = Decimal("0.0035")
KEYS = {"APCA-API-KEY-ID": "key", "APCA-API-SECRET-KEY": "secret"}
DAY = datetime(2026, 3, 20, tzinfo=UTC)


@dataclass(frozen=True)
class Exchange:
    """An exchange on a synthetic day that runs twenty times as fast as the wall's clock."""

    url: str
    broker: Broker

    def jump(self, to: str) -> None:
        httpx.post(f"{self.url}/sim/clock", json={"jump_to": to}).raise_for_status()

    def ask(self, symbol: str) -> str:
        asked = {"symbols": symbol}
        answer = httpx.get(f"{self.url}/v2/stocks/quotes/latest", params=asked, headers=KEYS)
        return str(answer.raise_for_status().json()["quotes"][symbol]["ap"])


def until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline, "it did not happen within a minute"
        time.sleep(0.05)


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url, port = f"http://127.0.0.1:{taken.getsockname()[1]}", str(taken.getsockname()[1])
    command = [sys.executable, "-c", "from app.cli.main import main; main()", "exchange"]
    command += ["--port", port, "--start", "10:30", "--speed", "20", "--synthetic", "7"]
    command += ["--fee-per-share", str(PER_SHARE), "--participation", "0.001"]
    with (tmp_path / "exchange.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            until(lambda: process.poll() is not None or answers(url))
            yield Exchange(url, BROKERS["alpaca"](Connection(url, "key", "secret")))
        finally:
            process.terminate()
            process.wait(10)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/sim/state").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def world(exchange: Exchange, database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path, at=exchange.broker.clock().at) as made:
        made.services.insert(0, made.worker(broker=exchange.broker))
        yield made


def look(world: World, exchange: Exchange, symbol: str) -> None:
    """Let the book know the exchange's time and price."""
    world.market.at = exchange.broker.clock().at
    world.price(symbol, exchange.ask(symbol))


def let_it_fill(world: World, exchange: Exchange) -> None:
    def ended() -> bool:
        world.market.at = exchange.broker.clock().at
        reconcile.run(world.to)
        return all(order.state in FINAL for order in world.orders())

    until(ended)


def test_a_day_that_was_charged_is_equal_to_the_cent(world: World, exchange: Exchange) -> None:
    look(world, exchange, "AAPL")
    assert world.open() == "TRADING"
    world.signal("AAPL")
    world.run()
    let_it_fill(world, exchange)
    look(world, exchange, "AAPL")
    world.intend("AAPL", Purpose.STOP_LOSS, quantity=world.held()["AAPL"].quantity)
    world.run()
    let_it_fill(world, exchange)
    assert world.held() == {}
    exchange.jump("2026-03-20T20:00:30Z")
    world.market.at = exchange.broker.clock().at
    assert world.open() == "CLOSED"
    row, executed = settled(world, DAY), exchange.broker.executions(DAY)
    assert len(executed) > 2  # in parts
    shares = sum((fill.quantity for fill in executed), Decimal(0))
    assert row.fees == shares * PER_SHARE > 0
    assert row.cash_close == row.broker_cash == exchange.broker.account().cash
    assert (row.difference, row.trades, row.positions) == (0, 1, {})
    assert row.equity_close == row.cash_close == row.broker_equity
    assert round(row.cash_open + row.realised - row.fees - row.cash_close, 9) == 0
    assert "settlement_differs" not in world.logged
