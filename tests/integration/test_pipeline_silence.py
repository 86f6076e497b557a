"""Orders without a word of the broker for hours are looked up, and closed if it has none."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from pipeline_market import MINUTE, NOON, SECOND
from pipeline_world import World, world_of
from stops_world import resting

from app.engine.orders import OrderState, Purpose
from app.io.store import recovery
from app.pipeline import reconcile

HOURS = 240 * MINUTE


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path, NOON - 80 * MINUTE, stops=True) as made:
        made.open()
        yield made


def at_the_broker(world: World, statement: str) -> None:
    """Change what the broker believes of the order that it took last."""
    with sqlite3.connect(world.ledger_at) as ledger:
        ledger.execute(f"{statement} WHERE seq = (SELECT max(seq) FROM orders)")


def minute(world: World) -> None:
    """What a minute brings: passes, and a comparison with the broker between them."""
    world.run()
    reconcile.run(world.to)
    world.run()


def actions(world: World) -> list[str]:
    with world.to.database.begin() as db:
        return [found.action for found in recovery.listing(db, world.book.id)]


def test_e6_a_stop_that_the_broker_has_lost_is_closed_and_placed_anew(world: World) -> None:
    world.buy("AAPL")
    (lost,) = resting(world)
    at_the_broker(world, "DELETE FROM orders")
    world.wait(HOURS - 2 * SECOND)
    minute(world)
    assert resting(world) == [lost]
    world.wait(2 * SECOND)
    minute(world)
    (stop,) = resting(world)
    assert (stop.purpose, stop.quantity) == (Purpose.PROTECT, lost.quantity)
    assert stop.client_id != lost.client_id
    assert "closed: no news for 4:00:00" in actions(world)
    assert world.reasons("withdraw") == ["no_news"]
    assert "order_silent" in world.logged


def test_e6_a_stop_that_the_broker_knows_rests_for_days(world: World) -> None:
    world.buy("AAPL")
    before = resting(world)
    # Nobody asked meanwhile: the program was down.
    world.wait(26 * HOURS / 4)
    minute(world)
    assert resting(world) == before
    assert world.reasons("withdraw") == []


def test_e6_what_the_broker_says_impossible_things_of_is_cancelled_and_closed(
    world: World,
) -> None:
    world.buy("AAPL")
    (stop,) = resting(world)
    at_the_broker(world, "UPDATE orders SET symbol = 'MSFT'")
    world.wait(HOURS + SECOND)
    minute(world)
    mine = next(o for o in world.orders() if o.client_id == stop.client_id)
    theirs = next(o for o in world.theirs() if o.client_id == stop.client_id)
    assert mine.state is theirs.state is OrderState.CANCELLED
    assert reconcile.run(world.to) == "reconciled"
