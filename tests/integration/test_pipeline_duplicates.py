"""Answers that only the broker's own books can explain: its duplicate, and another order's id."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pipeline_market import MINUTE
from pipeline_world import World, world_of

from app.engine.book import BookStatus
from app.engine.orders import Order, OrderState
from app.io.store import recovery

#: One look-up in each pass; after these many passes an order that is hidden is not there.
PASSES = 3


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path) as made:
        made.open()
        yield made


def a_sent_order(world: World) -> Order:
    """An order that is NEW here and that the broker has: another process had sent it."""
    world.broker.line.append("down")
    world.signal("AAPL")
    world.run()
    order = world.order("AAPL")
    assert order.state is OrderState.NEW
    world.broker.ledger.submit(order)
    return order


def actions(world: World) -> list[str]:
    with world.to.database.begin() as db:
        return [difference.action for difference in recovery.listing(db, world.book.id)]


def test_the_brokers_duplicate_is_never_taken_for_not_there(world: World) -> None:
    """It knows the id and does not show the order for long: an old entry is not closed for that."""
    order = a_sent_order(world)
    world.broker.hidden = PASSES + 2
    world.run()
    assert world.order("AAPL").state is OrderState.UNKNOWN
    world.wait(5 * MINUTE)
    world.run(PASSES)
    assert world.order("AAPL").state is OrderState.UNKNOWN, "an expired entry would be closed"
    assert world.logged.count("order_lost") == 1
    world.run(2)
    assert world.order("AAPL").state is OrderState.SUBMITTED
    assert len(world.theirs()) == 1
    assert world.broker.tried.count(order.client_id) == 2


def test_a_duplicate_that_shows_late_is_adopted(world: World) -> None:
    a_sent_order(world)
    world.broker.hidden = 1  # not found at first
    world.run(2)
    assert world.order("AAPL").state is OrderState.SUBMITTED
    assert world.row().status is BookStatus.ACTIVE
    assert actions(world) == ["looked up", "adopted"]


def test_a_reply_that_cannot_be_true_leaves_the_order_in_doubt(world: World) -> None:
    """It names an order that is another one of ours: that is said, and the others go on."""
    world.buy("MSFT")
    taken = world.order("MSFT").broker_id
    submit = world.broker.ledger.submit

    def confused(order: Order) -> Any:
        seen = submit(order)
        return replace(seen, broker_id=taken) if order.symbol == "AAPL" else seen

    world.broker.ledger.submit = confused  # type: ignore[method-assign]
    world.signal("AAPL")
    world.signal("NVDA")
    world.run()
    assert "update_refused" in world.logged
    assert world.order("AAPL").state is OrderState.SUBMITTED, "looked up at once by its own id"
    assert world.order("NVDA").state is OrderState.SUBMITTED
    assert world.order("AAPL").broker_id != taken
