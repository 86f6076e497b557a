"""Limits that are counted from rows: a day's caps, closed trades; and a person's question."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pipeline_market import CALENDAR, NOON, SECOND, D
from pipeline_world import World, a_book, world_of

from app.api.root import create_app
from app.config import load
from app.engine.book import BookStatus
from app.engine.orders import OrderState, Purpose
from app.io.calendar import midnight
from app.io.store import fills, orders
from app.io.store.schema import orders as table

STOCKS = ("AAPL", "MSFT", "NVDA", "TSLA")


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    caps = replace(a_book().caps, total=2, tier_a=1)
    with world_of((database_url, redis_url), tmp_path, caps=caps) as made:
        made.open()
        yield made


def asked(world: World, symbol: str) -> dict[str, Any]:
    settings = load({"API_TOKEN": "a-token-of-the-test"}, Path("there-is-no.env"))
    client = TestClient(create_app(settings, world.to.database))
    headers = {"Authorization": "Bearer a-token-of-the-test"}
    answer = client.get(f"/portfolio/allowed?symbol={symbol}", headers=headers)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_c4_orders_of_the_same_pass_count(world: World) -> None:
    for symbol in STOCKS:
        world.signal(symbol)
    world.run()
    assert len(world.orders()) == 2
    assert world.reasons("risk").count("daily_cap") == 2


def test_c4_what_never_filled_has_not_used_the_day_up(world: World) -> None:
    world.buy("AAPL")
    world.buy("MSFT")
    since = midnight(world.market.at, CALENDAR.zone)
    kept = {"REJECTED": 1, "CANCELLED": 2, "UNKNOWN": 2}  # cancelled after it had filled counts
    for state, count in kept.items():
        with world.to.database.begin() as db:
            db.execute(table.update().where(table.c.symbol == "AAPL").values(state=state))
            assert len(orders.entries_since(db, world.book.id, since)) == count
    with world.to.database.begin() as db:
        nothing = {"state": OrderState.EXPIRED, "filled_quantity": 0}
        db.execute(table.update().where(table.c.symbol == "AAPL").values(nothing))
        assert [s for s, _ in orders.entries_since(db, world.book.id, since)] == ["MSFT"]
        assert orders.entries_since(db, world.book.id, world.market.at + SECOND) == []


@pytest.mark.parametrize(
    ("at", "began"),
    [
        (datetime(2026, 3, 9, 1, tzinfo=UTC), datetime(2026, 3, 8, 5, tzinfo=UTC)),  # 23 hours
        (datetime(2026, 3, 9, 5, tzinfo=UTC), datetime(2026, 3, 9, 4, tzinfo=UTC)),
        (datetime(2026, 11, 2, 4, 30, tzinfo=UTC), datetime(2026, 11, 1, 4, tzinfo=UTC)),  # 25
    ],
)
def test_c4_the_day_is_new_yorks(at: datetime, began: datetime) -> None:
    assert midnight(at, CALENDAR.zone) == began


def test_f3_a_closed_trade_is_read_from_its_fills(world: World) -> None:
    world.broker.parts = 3
    world.buy("AAPL")
    world.price("AAPL", "110")
    world.intend("AAPL", Purpose.TAKE_PROFIT)
    world.run()
    world.stream(world.order("AAPL"))
    world.run()
    with world.to.database.begin() as db:
        purchase, sale = fills.by_order(db, world.book.id, NOON - timedelta(days=1), 10)
        (newest,) = fills.by_order(db, world.book.id, NOON - timedelta(days=1), 1)
    assert newest == sale
    assert sale.quantity == purchase.quantity > 0
    assert sale.price > purchase.price
    assert world.held() == {}


def test_f3_may_i_buy_it_now_how_many_and_if_not_why(world: World) -> None:
    free = asked(world, "SOXS")
    assert (free["allowed"], free["reason"]) == (True, "passed")
    assert D(free["quantity"]) * 20 < D(free["notional"]) < D(100_000)
    assert world.orders() == []
    world.buy("AAPL")
    held = asked(world, "AAPL")
    assert (held["allowed"], held["gate"], held["quantity"]) == (False, "position", "0")
    assert held["words"]
    assert (asked(world, "ZZZZ")["reason"]) == "stale_price"
    world.set_status(BookStatus.HALTED)
    assert asked(world, "SOXS")["reason"] == "book_halted"
