"""What the broker says again of an order that was replaced is no news of its successor."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pipeline_market import MINUTE, SECOND, D
from pipeline_world import World, world_of

from app.engine.orders import Order, OrderState
from app.pipeline import reconcile

HOURS = 240 * MINUTE


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path) as made:
        made.open()
        yield made


@pytest.fixture
def replaced(world: World) -> Order:
    """An entry that works without filling, and that somebody has replaced."""
    world.broker.resting = True
    world.signal("AAPL")
    world.run()
    first = world.order("AAPL")
    successor = world.broker.ledger.replace(
        first.broker_id or "", quantity=D(50), limit_price=D("1.50")
    )
    reconcile.run(world.to)
    order = world.order("AAPL")
    assert order.broker_id == successor.broker_id
    return order


def written(world: World) -> tuple[int, object]:
    """Return how much of orders is on the tape, and when there was news of the only one."""
    taped = len(world.taped("orders."))
    with world.to.database.begin() as db:
        return taped, db.exec_driver_sql("SELECT updated_at FROM orders").scalar_one()


def test_each_comparison_finds_nothing_to_record(world: World, replaced: Order) -> None:
    before = written(world)
    for _ in range(3):
        world.wait(MINUTE)
        assert reconcile.run(world.to) == "reconciled"
    assert written(world) == before
    assert world.order("AAPL") == replaced


def test_a_successor_that_is_never_shown_falls_silent(world: World, replaced: Order) -> None:
    """Its predecessor is listed as ended without naming it, each minute."""
    ledger = world.broker.ledger
    first = next(seen for seen in ledger.orders_since(world.market.at - HOURS) if not seen.replaces)
    world.broker.ledger.cancel(replaced.broker_id or "")
    unnamed = replace(first, replaced_by=None)
    world.broker.orders_since = lambda since: [unnamed]  # type: ignore[method-assign]
    world.broker.order = lambda name: None  # type: ignore[method-assign]
    for _ in range(4):
        world.wait(HOURS / 4)
        reconcile.run(world.to)
    world.wait(SECOND)
    reconcile.run(world.to)
    assert world.order("AAPL").state is OrderState.CANCELLED
    assert "order_silent" in world.logged
