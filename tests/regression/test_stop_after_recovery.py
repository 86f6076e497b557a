"""After a restart or an adoption a position's stop lies below its entry, never at it.

Guards: ``record._fold`` gives a position its stop whoever tells of the fill, and
``reconcile._adopt`` gives one to what was taken over; both by ``exits.stop_loss.stop_price``.
"""

from pathlib import Path

import pytest
from pipeline_market import D
from pipeline_world import World, world_of

from app.adapters.port import Broker
from app.engine.orders import Order, OrderType, Purpose, Side, TimeInForce
from app.pipeline import cycle, exits, reconcile


def assert_below_its_entry(world: World, symbol: str = "AAPL") -> None:
    held = world.held()[symbol]
    share = 1 - world.book.risk.stop_loss
    assert held.stop_price is not None
    assert abs(held.stop_price - held.average_price * share) <= D("0.01")
    assert held.stop_price < held.average_price * D("0.99")


@pytest.mark.parametrize("told_by", ["stream", "reconcile", "poll"])
def test_an_adopted_order_gives_its_position_a_stop(world: World, told_by: str) -> None:
    world.broker.line.append("lost")
    world.signal("AAPL")
    world.run()
    again = world.worker()
    if told_by == "stream":
        world.stream(world.order("AAPL"))
    if told_by == "reconcile":
        assert reconcile.run(again) == "reconciled"
    if told_by == "poll":
        world.wait(31 * world.book.schedule.pipeline / 5)
    cycle.run(again)
    cycle.run(again)
    assert_below_its_entry(world)
    [stop] = [o for o in world.orders() if o.purpose is Purpose.PROTECT]
    assert stop.stop_price == world.held()["AAPL"].stop_price


def test_a_restart_keeps_the_stop_and_sells_nothing_at_the_entrys_price(world: World) -> None:
    world.buy("AAPL")
    assert_below_its_entry(world)
    again = world.worker()
    assert reconcile.run(again) == "reconciled"
    exits.check(again)
    cycle.run(again)
    assert_below_its_entry(world)
    assert {o.purpose for o in world.orders()} == {Purpose.ENTRY, Purpose.PROTECT}


def bought_elsewhere(broker: Broker, world: World) -> None:
    order = Order(
        client_id="somebody",
        book="",
        intent_id="",
        symbol="MSFT",
        side=Side.BUY,
        purpose=Purpose.ENTRY,
        quantity=D(7),
        type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        created_at=world.market.at,
    )
    broker.submit(order)


def test_what_the_account_held_before_is_adopted_with_a_stop(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    with world_of((database_url, redis_url), tmp_path) as world:
        bought_elsewhere(world.broker.ledger, world)
        world.adopt()
        assert world.open() == "TRADING"
        position = world.held()["MSFT"]
        assert (position.quantity, position.average_price) == (D(7), D("200.01"))
        assert position.stop_price == D("197.00")
        assert_below_its_entry(world, "MSFT")
