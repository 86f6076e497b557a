"""Somebody else trades what we hold: no exit and no stop sells what the broker does not have."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from pipeline_market import MINUTE, SECOND, D
from pipeline_world import World, world_of
from stops_world import CLOSE, resting, run, sales

from app.engine.orders import OrderState, OrderType, Purpose, Side, TimeInForce
from app.engine.portfolio import sellable
from app.pipeline import exits, reconcile


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    """A position with its stop at the broker."""
    with world_of((database_url, redis_url), tmp_path, stops=True) as made:
        made.open()
        made.buy("AAPL")
        run(made)
        assert len(resting(made)) == 1
        yield made


def by_hand(world: World, side: Side, quantity: Decimal) -> None:
    """Trade at the broker's own site; its stop is cancelled there first."""
    for stop in resting(world):
        world.broker.ledger.cancel(stop.broker_id or "")
    name = f"by-hand-{side}-{len(world.theirs())}"
    order = replace(world.order("AAPL"), client_id=name, side=side, quantity=quantity)
    market = {"type": OrderType.MARKET, "stop_price": None, "time_in_force": TimeInForce.DAY}
    world.broker.ledger.submit(replace(order, **market))  # type: ignore[arg-type]


def end_the_day(world: World) -> None:
    """Ask for the sales into the close, and then for those at the market."""
    for before in (12, 5):
        world.at(CLOSE - before * MINUTE)
        exits.check(world.to)
        run(world, 2)


def test_what_was_sold_by_hand_is_not_sold_again(world: World) -> None:
    by_hand(world, Side.SELL, world.held()["AAPL"].quantity)
    assert reconcile.run(world.to) == "1 positions differ"
    sent = len(world.broker.tried)
    world.worker()  # what was found is in the database: another process knows it too
    world.services.reverse()
    run(world, 3)
    end_the_day(world)
    assert len(world.broker.tried) == sent
    assert world.broker.ledger.positions() == {}
    assert world.reasons("risk").count("not_at_broker") == 2


def test_what_is_left_is_protected_and_sold_and_no_more(world: World) -> None:
    ours = world.held()["AAPL"].quantity
    by_hand(world, Side.SELL, ours - 4)
    reconcile.run(world.to)
    run(world)
    assert [stop.quantity for stop in resting(world)] == [4]
    end_the_day(world)
    assert [sale.quantity for sale in sales(world)] == [4]
    reconcile.run(world.to)
    world.wait(31 * SECOND)
    exits.check(world.to)
    run(world, 2)
    assert len(sales(world)) == 1, "ours is what was sold by hand"


def test_a_sale_told_late_leaves_what_the_broker_still_has_to_be_sold(world: World) -> None:
    """The broker's number has it before its execution is listed: it is not taken off twice."""
    ours = world.held()["AAPL"].quantity
    world.intend("AAPL", Purpose.OPPOSITE, quantity=D(200))
    run(world, 3)
    (sale,) = sales(world)
    assert sale.state is OrderState.SUBMITTED
    world.broker.mute = True
    assert reconcile.run(world.to) == "1 positions differ"
    assert world.held()["AAPL"].at_broker == ours - 200
    world.broker.mute = False
    world.stream(sale)
    run(world, 2)
    held = world.held()["AAPL"]
    assert (held.quantity, sellable(held), held.at_broker) == (ours - 200, ours - 200, None)
    assert [stop.quantity for stop in resting(world)] == [ours - 200]


def test_a_sale_after_one_by_hand_takes_the_brokers_number_down(world: World) -> None:
    ours = world.held()["AAPL"].quantity
    by_hand(world, Side.SELL, ours - 60)
    reconcile.run(world.to)
    run(world)
    world.wait(SECOND)
    world.intend("AAPL", Purpose.OPPOSITE, quantity=D(40))
    run(world, 3)
    (sale,) = sales(world)
    world.stream(sale)
    run(world, 2)
    held = world.held()["AAPL"]
    assert (held.quantity, sellable(held)) == (ours - 40, 20)
    assert world.broker.ledger.positions()["AAPL"].quantity == 20


def test_a_difference_that_is_gone_is_forgotten(world: World) -> None:
    ours = world.held()["AAPL"].quantity
    by_hand(world, Side.SELL, ours)
    reconcile.run(world.to)
    assert world.held()["AAPL"].at_broker == 0
    by_hand(world, Side.BUY, ours)
    assert reconcile.run(world.to) == "reconciled"
    assert world.held()["AAPL"].at_broker is None
    run(world)
    assert [stop.quantity for stop in resting(world)] == [D(ours)]
