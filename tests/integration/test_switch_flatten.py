"""E11: a halt that sells everything, through stops, closed markets, bad lines and crashes."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from pipeline_market import MINUTE, SECOND
from pipeline_world import World, world_of
from stops_world import CLOSE, flat, resting, sales, settle
from switch_world import a_working_entry, halt, result

from app.engine.book import BookStatus
from app.engine.orders import OrderState, Purpose
from app.io.store import pending_exits
from app.pipeline import exits
from app.pipeline.messages import FILLS, encode


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path, stops=True) as made:
        assert made.open() == "TRADING"
        yield made


def test_a_flatten_sells_through_the_stop_that_rests(world: World) -> None:
    bought = world.buy("AAPL")
    (stop,) = resting(world)
    entry = a_working_entry(world, "MSFT")
    asked = halt(world, flatten=True)
    assert asked.holds is BookStatus.FLATTENING
    world.run(3)
    settle(world)
    assert flat(world)
    (sale,) = sales(world)
    assert (sale.purpose, sale.quantity) == (Purpose.FLATTEN, bought.quantity)
    states = {o.client_id: o.state for o in world.theirs()}
    assert states[stop.client_id] is states[entry.client_id] is OrderState.CANCELLED
    assert result(world, asked.number) == (
        "us_baskets is FLATTENING: 1 unfinished orders are withdrawn, 1 positions are held and sold"
    )
    for _ in range(3):
        world.wait(MINUTE)
        exits.check(world.to)
        world.signal("NVDA")
        world.run()
    assert len(sales(world)) == 1, "what is flat is not sold again"
    assert world.row().status is BookStatus.FLATTENING, "until a person resumes"


def test_a_flatten_while_the_market_is_closed_waits_for_the_open(world: World) -> None:
    world.buy("AAPL")
    world.at(CLOSE + MINUTE)
    (stop,) = resting(world)
    asked = halt(world, flatten=True)
    world.run(2)
    assert str(result(world, asked.number)).endswith("1 positions are held and sold at the open")
    assert resting(world) == [stop], "the stop stays until it can be sold"
    with world.to.database.begin() as db:
        assert pending_exits.load(db, world.book.id)["AAPL"].purpose is Purpose.FLATTEN
    assert world.logged.count("exit_parked") == 1
    world.worker()
    world.services.reverse()
    monday = CLOSE + 65 * 60 * MINUTE + 30 * MINUTE
    world.at(monday - SECOND)
    exits.check(world.to)
    world.run()
    assert sales(world) == []
    world.at(monday)
    exits.check(world.to)
    world.run(3)
    settle(world)
    assert flat(world)


def test_a_flatten_that_fills_in_parts_sells_all_of_it(world: World) -> None:
    bought = world.buy("AAPL")
    world.broker.parts = 3
    halt(world, flatten=True)
    world.run(3)
    for update in world.told(sales(world)[0])[:2]:
        world.to.streams.publish(FILLS, encode(update))
    world.run()
    assert 0 < world.held()["AAPL"].quantity < bought.quantity
    exits.check(world.to)
    world.run(2)
    settle(world)
    assert flat(world)
    assert sum(o.filled_quantity for o in sales(world)) == bought.quantity


@pytest.mark.parametrize("fault", ["lost", "drop", "down", "refuse"])
def test_a_flatten_comes_through_a_bad_line(world: World, fault: str) -> None:
    world.buy("AAPL")
    halt(world, flatten=True)
    world.broker.line.append(fault)
    for _ in range(4):
        world.run(2)
        world.wait(31 * SECOND)
        exits.check(world.to)
    world.run(2)
    settle(world)
    assert flat(world)
    assert world.broker.ledger.positions() == {}


def test_what_the_broker_refuses_to_sell_keeps_its_stop_until_a_person_asks_again(
    world: World,
) -> None:
    world.buy("AAPL")
    halt(world, flatten=True)
    for _ in range(5):
        world.broker.line = deque(["refuse"])
        world.run(3)
        assert len(resting(world)) == 1, "the stop is back, or was not taken away"
        world.wait(MINUTE + SECOND)
        exits.check(world.to)
    world.broker.line.clear()
    assert world.logged.count("exit_blocked") == 1
    assert len(sales(world)) == world.book.exits.exit_tries
    assert world.row().status is BookStatus.FLATTENING
    world.wait(MINUTE)
    halt(world, flatten=True)
    world.run(3)
    settle(world)
    assert flat(world)


def test_a_crash_between_the_asking_and_the_pass_loses_nothing(world: World) -> None:
    world.buy("AAPL")
    halt(world, flatten=True)
    other = world.worker()
    world.run(3, to=other)
    settle(world)
    assert flat(world)
