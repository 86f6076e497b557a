"""An order that is sent again and refused: the first request may have arrived all the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pipeline_market import SECOND
from pipeline_world import World, world_of
from stops_world import resting

from app.engine.book import BookStatus
from app.engine.orders import OrderState, Purpose
from app.pipeline import exits, reconcile

#: One look-up in each pass; after these many passes an order that is hidden is not there.
PASSES = 3


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path, stops=True) as made:
        made.open()
        yield made


def test_a_refused_resend_is_no_proof_that_the_first_did_not_arrive(world: World) -> None:
    """What the broker refuses the second for may be what the first one took."""
    world.broker.resting = True
    world.broker.hidden = PASSES
    world.broker.line.extend(["lost", "refuse"])
    world.signal("AAPL")
    world.run(PASSES)
    assert len(world.broker.tried) == 2
    assert world.order("AAPL").state is OrderState.UNKNOWN
    world.run()
    assert world.order("AAPL").state is OrderState.SUBMITTED
    assert reconcile.run(world.to) == "reconciled"
    assert [theirs.status for theirs in world.theirs()] == ["new"]
    assert len(world.orders()) == 1
    assert world.row().status is BookStatus.ACTIVE


def test_a_stop_whose_resend_is_refused_keeps_protecting(world: World) -> None:
    world.signal("AAPL")
    world.run()
    world.stream(world.order("AAPL"))
    world.broker.hidden = PASSES
    world.broker.line.extend(["lost", "refuse"])
    world.run(PASSES)
    assert resting(world)[0].state is OrderState.UNKNOWN
    assert reconcile.run(world.to) == "reconciled"
    world.run()
    (stop,) = resting(world)
    assert stop.state is OrderState.SUBMITTED
    there = world.broker.ledger.order_by_client_id(stop.client_id)
    assert there is not None
    assert there.status == "new"
    assert "exit_refused" not in world.logged


def test_refused_and_through_all_the_delays_not_there_it_has_ended(world: World) -> None:
    world.broker.line.extend(["drop", "refuse"])
    world.signal("AAPL")
    world.run(2 * PASSES - 1)
    assert world.order("AAPL").state is OrderState.UNKNOWN
    world.run()
    assert world.order("AAPL").state is OrderState.REJECTED
    assert world.reasons("execute").count("broker_rejected") == 1
    world.run(PASSES)
    assert len(world.broker.tried) == 2
    assert world.theirs() == []


def test_an_exit_whose_resend_the_market_was_closed_to_is_parked(world: World) -> None:
    world.buy("AAPL")
    world.price("AAPL", "103.10")
    world.broker.line.extend(["drop", "closed"])
    exits.check(world.to)
    world.run(2 + 2 * PASSES)
    (sale,) = [o for o in world.orders() if o.purpose is Purpose.TAKE_PROFIT]
    assert sale.state is OrderState.REJECTED
    assert "exit_parked" in world.logged
    assert "exit_refused" not in world.logged
    world.wait(61 * SECOND)
    exits.check(world.to)
    world.run(3)
    assert world.order("AAPL").purpose is Purpose.TAKE_PROFIT
