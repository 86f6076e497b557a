"""Positions end: by their stop once, into the close, at the market before it, after a bad night."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pipeline_market import CALENDAR, MINUTE, NOON, SECOND
from pipeline_world import World, world_of

from app.engine.orders import Order, OrderState, Purpose, TimeInForce
from app.pipeline import exits

CLOSE = NOON.replace(hour=20)
#: Monday's open, the next session after NOON's.
MONDAY = datetime.fromisoformat("2026-03-23T13:30:00+00:00")
HALF_CLOSE = datetime.fromisoformat("2025-12-24T18:00:00+00:00")


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path) as made:
        made.open()
        yield made


def sales(world: World) -> list[Order]:
    return [order for order in world.orders() if order.purpose is not Purpose.ENTRY]


def step(world: World, time: timedelta = 31 * SECOND) -> None:
    """One round of a book's life: exits, a pass, and the poll half a minute later."""
    exits.check(world.to)
    world.run()
    world.wait(time)
    world.run()


def test_a_price_at_the_stop_sells_once(world: World) -> None:
    world.buy("AAPL")
    world.price("AAPL", "98.51")
    step(world)
    assert sales(world) == []
    world.price("AAPL", "98.50")
    step(world)
    (sale,) = sales(world)
    assert (sale.purpose, sale.state) == (Purpose.STOP_LOSS, OrderState.FILLED)
    assert world.held() == world.broker.ledger.positions() == {}
    step(world)
    assert len(sales(world)) == 1


@pytest.mark.parametrize("fault", ["lost", "drop", "down"])
def test_a_stop_is_not_sold_twice_while_the_first_is_on_its_way(world: World, fault: str) -> None:
    world.buy("AAPL")
    world.price("AAPL", "98.50")
    world.broker.line.append(fault)
    world.broker.hidden = 2
    exits.check(world.to)
    world.run()
    for _ in range(4):
        world.wait(61 * SECOND)
        exits.check(world.to)
        world.run()
    assert len(sales(world)) == 1
    assert world.broker.ledger.positions() == {}


def test_a_stop_that_was_rejected_is_tried_again(world: World) -> None:
    world.buy("AAPL")
    world.price("AAPL", "98.50")
    world.broker.line.extend(["refuse", "refuse"])
    for _ in range(3):
        exits.check(world.to)
        world.run()
    assert [sale.state for sale in sales(world)].count(OrderState.REJECTED) == 2
    assert len({sale.client_id for sale in sales(world)}) == 3
    assert world.broker.ledger.positions() == {}


def test_a_stale_price_does_not_trigger_a_stop(world: World) -> None:
    world.buy("AAPL")
    world.price("AAPL", "90")
    world.market.at += 3 * MINUTE
    exits.check(world.to)
    world.run()
    assert sales(world) == []


def test_the_close_is_offered_first_and_what_is_left_flattened(world: World) -> None:
    world.buy("AAPL")
    world.buy("MSFT")
    world.at(CLOSE - 12 * MINUTE)
    world.broker.line.extend(["", "refuse"])
    exits.check(world.to)
    world.run()
    offered = sales(world)
    assert {sale.time_in_force for sale in offered} == {TimeInForce.CLS}
    world.at(CLOSE - 5 * MINUTE)
    step(world)
    flattened = [sale for sale in sales(world) if sale.purpose is Purpose.FLATTEN]
    assert [sale.time_in_force for sale in flattened] == [TimeInForce.DAY]
    refused = [sale for sale in offered if sale.state is OrderState.REJECTED]
    assert [sale.symbol for sale in flattened] == [sale.symbol for sale in refused]
    world.at(CLOSE + 31 * SECOND)
    world.run(2)
    assert world.held() == world.broker.ledger.positions() == {}


def test_a_half_day_ends_its_positions_before_its_own_close(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    start = HALF_CLOSE - timedelta(hours=2)
    with world_of((database_url, redis_url), tmp_path, at=start) as world:
        world.open()
        world.buy("AAPL")
        world.at(HALF_CLOSE - 13 * MINUTE)
        exits.check(world.to)
        world.at(HALF_CLOSE - 12 * MINUTE)
        exits.check(world.to)
        world.run()
        (sale,) = sales(world)
        assert (sale.purpose, sale.time_in_force) == (Purpose.PRE_CLOSE, TimeInForce.CLS)
        world.at(HALF_CLOSE + 31 * SECOND)
        world.run()
        assert world.held() == {}
        assert world.open() == "CLOSED"


@pytest.mark.parametrize(
    ("at", "kind"), [(-4 * MINUTE, TimeInForce.OPG), (1 * MINUTE, TimeInForce.DAY)]
)
def test_what_is_left_overnight_is_sold_around_the_next_open(
    world: World, at: timedelta, kind: TimeInForce
) -> None:
    world.buy("AAPL")
    world.at(MONDAY + at)
    world.open()
    exits.check(world.to)
    world.run()
    (sale,) = sales(world)
    assert (sale.purpose, sale.time_in_force) == (Purpose.CLEAN_UP, kind)
    world.at(MONDAY + 2 * MINUTE)
    world.run()
    assert world.held() == world.broker.ledger.positions() == {}
    assert CALENDAR.session_for(world.market.at).open == MONDAY
