"""A broker without client ids: everything is found by its own id, and nothing is sent twice."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from pipeline_market import NOON, SECOND
from pipeline_world import World, world_of

from app.engine.book import BookStatus
from app.engine.orders import OrderState
from app.pipeline import fills, reconcile, silence


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path, client_ids=False) as made:
        made.open()
        yield made


def test_the_fake_broker_takes_no_client_ids(world: World) -> None:
    world.signal("AAPL")
    world.run()
    order = world.order("AAPL")
    again = world.broker.submit(order)
    assert (again.client_id, len(world.theirs())) == ("", 2)
    assert world.broker.order_by_client_id(order.client_id) is None
    assert {seen.client_id for seen in world.broker.orders_since(NOON)} == {""}


def test_the_reply_gives_the_id_by_which_everything_is_found(world: World) -> None:
    world.signal("AAPL")
    world.run()
    order = world.order("AAPL")
    assert (order.state, order.broker_id) == (OrderState.SUBMITTED, world.theirs()[0].broker_id)


@pytest.mark.parametrize("way", ["stream", "poll", "reconcile", "silence"])
def test_fills_find_their_order_by_the_brokers_id(world: World, way: str) -> None:
    world.signal("AAPL")
    world.run()
    if way == "stream":
        world.stream(world.order("AAPL"))
        world.run()
    elif way == "poll":
        world.wait(31 * SECOND)
        assert fills.poll(world.to) == 1
    elif way == "reconcile":
        assert reconcile.run(world.to) == "reconciled"
    else:
        world.wait(silence.NO_NEWS + SECOND)
        assert silence.close(world.to) == 0, "it has news now"
    order = world.order("AAPL")
    assert order.state is OrderState.FILLED
    assert world.held()["AAPL"].quantity == order.quantity


@pytest.mark.parametrize(
    "faults",
    [
        ("lost", "drop", "down", "refuse", ""),
        ("drop", "lost", "", "down", "lost"),
        ("down", "refuse", "drop", "lost", "drop"),
        ("lost", "lost", "lost", "lost", "lost"),
    ],
)
def test_whatever_happens_to_a_request_nothing_is_sent_twice(
    world: World, faults: tuple[str, ...]
) -> None:
    symbols = ("AAPL", "MSFT", "NVDA", "TSLA")
    world.broker.line.extend(faults)
    for symbol in symbols:
        world.signal(symbol)
    world.run(8)
    reconcile.run(world.to)
    theirs = Counter(seen.symbol for seen in world.theirs())
    assert max(theirs.values(), default=0) <= 1
    for order in world.orders():
        at_broker = theirs[order.symbol] == 1
        assert (order.state is OrderState.FILLED) == at_broker, order
        lost = order.state is OrderState.UNKNOWN
        assert lost <= (world.row().status is BookStatus.REDUCING)
    assert {s: p.quantity for s, p in world.held().items()} == {
        s: p.quantity for s, p in world.broker.ledger.positions().items()
    }
