"""A book with the paper ledger: live prices and time, and no order leaves the house."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from app.config.books import PRESETS
from app.config.loading import load
from app.config.settings import Settings
from app.engine.ids import intent_id, slot_of
from app.engine.orders import Intent, Order, OrderState, Purpose, Side
from app.engine.signals import Signal
from app.io.store import intents, orders, positions, signals
from app.jobs import feed, root
from app.pipeline import cycle, quotes, reconcile, sessions
from app.pipeline.broker_clock import session_at
from app.pipeline.services import Services

BOOK = "us_baskets"
SPEED = "20"
KEYS = {"APCA-API-KEY-ID": "PKTEST", "APCA-API-SECRET-KEY": "secret"}


@pytest.fixture
def exchange() -> Iterator[str]:
    """A simulated exchange for prices and time: its URL."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    command = [sys.executable, "-c", "from app.cli.main import main; main()", "exchange"]
    command += ["--port", port, "--start", "10:30", "--speed", SPEED, "--synthetic", "7"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: process.poll() is not None or answers(url))
        yield url
    finally:
        process.terminate()
        process.wait(10)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/sim/state").status_code == 200
    except httpx.TransportError:
        return False


def until(happened: Callable[[], object]) -> None:
    for _ in range(600):
        if happened():
            return
        time.sleep(0.05)
    pytest.fail("it did not happen within 30 seconds")


@pytest.fixture
def told(
    exchange: str,
    database_url: str,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Settings]:
    """The settings of a process whose book says broker = "paper"."""
    shipped = (PRESETS / f"{BOOK}.toml").read_text()
    books = tmp_path / "books"
    books.mkdir()
    (books / f"{BOOK}.toml").write_text(shipped.replace('broker = "alpaca"', 'broker = "paper"'))
    environ = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url.partition("?")[0],
        "ALPACA_API_KEY": KEYS["APCA-API-KEY-ID"],
        "ALPACA_SECRET_KEY": KEYS["APCA-API-SECRET-KEY"],
        "ALPACA_TRADING_URL": exchange,
        "ALPACA_DATA_URL": exchange,
        "MARKET_SPEED": SPEED,
        "METRONOME_STATE": str(tmp_path / "state"),
        "PAPER_CASH": "25000",
    }
    settings = load(environ, tmp_path / "none", books)
    monkeypatch.setattr(root, "settings", lambda: settings)
    root.forget_connections()
    yield settings
    root.leases().close()
    root.database().dispose()
    root.forget_connections()


def only_order(to: Services, purpose: Purpose) -> Order:
    with to.database.begin() as db:
        (made,) = [o for o in orders.listing(db, BOOK) if o.purpose is purpose]
    return made


def work_until_filled(to: Services, purpose: Purpose) -> Order:
    def filled() -> bool:
        cycle.run(to)
        return only_order(to, purpose).state is OrderState.FILLED

    until(filled)
    return only_order(to, purpose)


def get_quotes(to: Services) -> None:
    quotes.update(to, slot_of(to.clock.now(), to.book.schedule.quotes))


def test_a_paper_book_trades_without_sending_an_order(told: Settings, exchange: str) -> None:
    to = root.services(BOOK)
    assert to.broker.name == "paper"
    with to.database.keep():
        until(lambda: sessions.advance(to) == "TRADING")
        assert to.broker.account().equity == Decimal(25_000)
        get_quotes(to)
        now = to.clock.now()
        slot = slot_of(now, to.book.schedule.signals)
        with to.database.begin() as db:
            signals.insert_once(db, [Signal("s", BOOK, "NVDA", slot, now, 0.4, 100.0)])
        cycle.run(to)
        entry = work_until_filled(to, Purpose.ENTRY)
        with to.database.begin() as db:
            held = positions.held(db, BOOK)["NVDA"]
        assert held.quantity == entry.quantity
        assert held.stop_price is not None
        assert reconcile.run(to) == "reconciled"
        assert sell(to, held.quantity).filled_quantity == held.quantity
        assert to.broker.positions() == {}
        assert reconcile.run(to) == "reconciled"
    assert (told.state / "paper" / f"{BOOK}.sqlite").is_file()
    seen = httpx.get(f"{exchange}/v2/orders", params={"status": "all"}, headers=KEYS)
    assert seen.json() == []


def sell(to: Services, quantity: Decimal) -> Order:
    get_quotes(to)
    name = intent_id(BOOK, Purpose.FLATTEN, "NVDA", Side.SELL, "test")
    wanted = Intent(
        name,
        BOOK,
        "NVDA",
        Side.SELL,
        Purpose.FLATTEN,
        Decimal(1),
        to.clock.now(),
        quantity=quantity,
    )
    with to.database.begin() as db:
        intents.insert_once(db, [wanted])
    return work_until_filled(to, Purpose.FLATTEN)


def test_a_forked_worker_opens_the_same_ledger_again(told: Settings) -> None:
    before = root.services(BOOK).broker
    root.forget_connections()
    after = root.services(BOOK).broker
    assert after is not before
    assert after.account() == before.account()


def test_the_feed_process_stays_up_without_a_stream_to_follow(told: Settings) -> None:
    async def follow() -> bool:
        following = asyncio.create_task(feed._follow_all(told.books))
        for _ in range(10):
            await asyncio.sleep(0)
        ended_by_itself = following.done()
        os.kill(os.getpid(), signal.SIGTERM)
        await following
        return ended_by_itself

    assert not asyncio.run(follow())


def test_the_session_is_the_calendars(told: Settings) -> None:
    to = root.services(BOOK)
    said = to.broker.clock()
    hours = to.calendar.session_for(said.at)
    assert said.is_open
    assert said.next_close == hours.close
    evening = session_at(to.calendar, hours.close)
    assert not evening.is_open
    assert evening.next_open == to.calendar.next_after(hours.date).open < evening.next_close
    morning = session_at(to.calendar, hours.open.replace(hour=5))
    assert (morning.is_open, morning.next_open, morning.next_close) == (
        False,
        hours.open,
        hours.close,
    )
