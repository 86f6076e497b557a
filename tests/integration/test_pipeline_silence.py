"""Orders without a word of the broker for hours are looked up, and closed if it has none."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from pipeline_market import MINUTE, NOON, SECOND
from pipeline_world import World, world_of
from stops_world import resting

from app.engine.book import BookStatus
from app.engine.orders import OrderState, Purpose
from app.io.store import recovery
from app.pipeline import exits, reconcile

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


def test_a_stop_that_the_broker_has_lost_is_closed_and_placed_anew(world: World) -> None:
    world.buy("AAPL")
    (lost,) = resting(world)
    at_the_broker(world, "DELETE FROM orders")
    world.wait(2 * MINUTE)
    reconcile.run(world.to)
    assert actions(world)[-1] == "asked about by itself"
    world.run()
    assert resting(world)[0].state is OrderState.UNKNOWN
    world.run(2)
    assert resting(world)[0].state is OrderState.UNKNOWN, "once is no proof"
    world.run(2)
    (stop,) = resting(world)
    assert (stop.purpose, stop.quantity) == (Purpose.PROTECT, lost.quantity)
    assert stop.client_id != lost.client_id
    assert world.broker.tried.count(lost.client_id) == 1
    assert "closed: the broker had it and does not have it any more" in actions(world)
    assert world.reasons("withdraw") == ["gone_at_broker"]
    assert world.logged.count("order_gone") == 1
    assert world.row().status is BookStatus.ACTIVE


def test_a_sale_does_not_wait_for_a_stop_that_the_broker_has_lost(world: World) -> None:
    world.buy("AAPL")
    at_the_broker(world, "DELETE FROM orders")
    world.price("AAPL", "90")
    for _ in range(8):
        world.wait(30 * SECOND)
        exits.check(world.to)
        world.run()
    assert world.broker.ledger.positions() == {}
    assert world.logged.count("cancel_failed") == 1


def test_what_one_look_did_not_find_goes_on_as_it_was(world: World) -> None:
    world.buy("AAPL")
    (stop,) = resting(world)
    ask, missed = world.broker.ledger.order, iter([stop.broker_id])
    world.broker.ledger.order = (  # type: ignore[method-assign]
        lambda broker_id: None if broker_id == next(missed, "") else ask(broker_id)
    )
    world.wait(2 * MINUTE)
    world.run()
    assert resting(world)[0].state is OrderState.UNKNOWN
    world.run()
    assert resting(world) == [stop]
    assert world.broker.tried.count(stop.client_id) == 1


def test_without_client_ids_it_is_asked_for_by_the_brokers_own(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    urls = (database_url, redis_url)
    with world_of(urls, tmp_path, NOON, client_ids=False, stops=True) as world:
        world.open()
        world.broker.resting = True
        world.signal("AAPL")
        world.run()
        assert world.order("AAPL").state is OrderState.SUBMITTED
        at_the_broker(world, "DELETE FROM orders")
        world.wait(MINUTE)
        world.run(3)
        assert world.order("AAPL").state is OrderState.UNKNOWN
        world.run()
        assert world.order("AAPL").state is OrderState.CANCELLED
        assert len(world.broker.tried) == 1
        assert world.row().status is BookStatus.ACTIVE


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
