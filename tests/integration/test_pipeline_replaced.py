"""Somebody replaces our order at the broker's site: it stays ours, and its fills count once."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pipeline_market import MINUTE, SECOND, D
from pipeline_world import World, world_of
from stops_world import resting as resting_stops

from app.engine.errors import Rejected
from app.engine.ids import execution_id
from app.engine.orders import BrokerOrder, Execution, Order, OrderState
from app.io.store import order_links, recovery
from app.pipeline import fills, reconcile
from app.pipeline.messages import FILLS, Update, encode
from app.pipeline.record import record_or_refuse

HOURS = 240 * MINUTE


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path) as made:
        made.open()
        yield made


@pytest.fixture
def resting(world: World) -> Order:
    """An entry that the broker works without filling it."""
    world.broker.resting = True
    world.signal("AAPL")
    world.run()
    order = world.order("AAPL")
    assert order.state is OrderState.SUBMITTED
    return order


def by_hand(world: World, order: Order, quantity: int, limit: str) -> BrokerOrder:
    broker_id = order.broker_id or ""
    return world.broker.ledger.replace(broker_id, quantity=D(quantity), limit_price=D(limit))


def learn(world: World, way: str) -> None:
    """Let us hear what the broker knows, in one way."""
    if way == "reconcile":
        reconcile.run(world.to)
        return
    for _ in range(2):  # what was replaced, then by what
        world.wait(31 * SECOND)
        fills.poll(world.to)


def notes(world: World) -> list[tuple[str, str]]:
    with world.to.database.begin() as db:
        return [(d.subject, d.action) for d in recovery.listing(db, world.book.id)]


def told(world: World, seen: BrokerOrder, fill: Execution | None = None) -> None:
    world.to.streams.publish(FILLS, encode(Update(seen, fill)))


def a_fill(of: BrokerOrder, quantity: int, cumulative: int) -> Execution:
    name = execution_id(of.broker_id, D(cumulative))
    price, at = D("100.00"), of.created_at
    return Execution(name, of.broker_id, of.symbol, of.side, D(quantity), price, D(cumulative), at)


@pytest.mark.parametrize("way", ["poll", "reconcile"])
def test_it_stays_open_under_its_successor(world: World, resting: Order, way: str) -> None:
    successor = by_hand(world, resting, 100, "50")
    learn(world, way)
    now = world.order("AAPL")
    assert (now.state, now.broker_id) == (OrderState.SUBMITTED, successor.broker_id)
    assert (now.quantity, now.limit_price) == (100, 50)
    assert now.reserved_notional == 5000
    assert world.logged.count("order_replaced") == 1
    assert (successor.client_id, "not ours: left alone") not in notes(world)
    assert len(world.broker.ledger.open_orders()) == 1, "it is not taken for a stranger's"


@pytest.mark.parametrize("way", ["poll", "reconcile"])
def test_what_the_successor_fills_is_ours(world: World, resting: Order, way: str) -> None:
    by_hand(world, resting, 100, "150")
    learn(world, way)
    now = world.order("AAPL")
    assert (now.state, now.filled_quantity, now.quantity) == (OrderState.FILLED, 100, 100)
    assert world.held()["AAPL"].quantity == 100
    assert reconcile.run(world.to) == "reconciled"
    assert world.held()["AAPL"].quantity == 100


def test_replaced_twice_the_chain_is_followed_to_its_end(world: World, resting: Order) -> None:
    once = by_hand(world, resting, 100, "50")
    last = world.broker.ledger.replace(once.broker_id, quantity=D(70), limit_price=D(150))
    reconcile.run(world.to)
    now = world.order("AAPL")
    assert (now.state, now.broker_id, now.quantity) == (OrderState.FILLED, last.broker_id, 70)
    with world.to.database.begin() as db:
        chain = order_links.load(db, now.client_id)
    assert [link.broker_id for link in chain] == [
        resting.broker_id,
        once.broker_id,
        last.broker_id,
    ]


@pytest.mark.parametrize("order_of_news", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1, 0, 1, 2)])
def test_fills_before_and_after_count_once_in_any_order(
    world: World, resting: Order, order_of_news: tuple[int, ...]
) -> None:
    seen = world.broker.order(resting.broker_id or "")
    assert seen is not None
    partly = replace(seen, state=OrderState.PARTIAL, filled_quantity=D(40))
    gone = replace(partly, state=OrderState.CANCELLED, status="replaced", replaced_by="b-2")
    successor = replace(
        seen,
        broker_id="b-2",
        client_id="by-hand",
        replaces=seen.broker_id,
        quantity=D(10),
        filled_quantity=D(10),
        state=OrderState.FILLED,
    )
    news = [(partly, a_fill(partly, 40, 40)), (gone, None), (successor, a_fill(successor, 10, 10))]
    for number in order_of_news:
        told(world, *news[number])
    world.run()
    told(world, *news[1])  # the broker's last word about the first of them
    world.run()
    now = world.order("AAPL")
    assert (now.state, now.filled_quantity, now.quantity) == (OrderState.FILLED, 50, 50)
    assert world.held()["AAPL"].quantity == 50


HEARD = st.permutations([0, 1, 2, 3, 4, 0, 2, 4])


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(order_of_news=HEARD)
def test_any_order_of_a_long_chains_news_ends_where_the_broker_does(
    world: World, resting: Order, order_of_news: list[int]
) -> None:
    """Over the tables: each statement in a transaction of its own, some of them twice."""
    with world.to.database.begin() as db:
        for table in ("order_links", "fills", "positions"):
            db.exec_driver_sql(f"DELETE FROM {table}")
        db.exec_driver_sql(
            "UPDATE orders SET state = 'SUBMITTED', broker_id = NULL, filled_quantity = 0,"
            " average_price = NULL, quantity = 264"
        )
    seen = world.broker.order(resting.broker_id or "")
    assert seen is not None
    ids = [seen.broker_id, "b-2", "b-3"]
    said = []
    for n, (size, filled) in enumerate([(264, 40), (100, 60), (7, 7)]):
        last = n == len(ids) - 1
        one = replace(seen, broker_id=ids[n], quantity=D(size), filled_quantity=D(filled))
        if n:
            one = replace(one, client_id=f"by-hand-{n}", replaces=ids[n - 1])
        fill = a_fill(one, filled, filled)
        said.append((replace(one, state=OrderState.PARTIAL), fill))
        if not last:
            said.append((replace(one, state=OrderState.CANCELLED, replaced_by=ids[n + 1]), None))
    filled_before = D(0)
    for number in [*order_of_news, 0, 1, 2, 3, 4]:
        record_or_refuse(world.to, said[number][0], [f for f in [said[number][1]] if f], "test")
        now = world.order("AAPL")
        assert filled_before <= now.filled_quantity <= now.quantity
        filled_before = now.filled_quantity
    assert (now.state, now.filled_quantity, now.quantity) == (OrderState.FILLED, 107, 107)
    assert world.held()["AAPL"].quantity == 107


def test_a_successor_that_is_another_order_of_ours_is_refused(world: World, resting: Order) -> None:
    world.signal("MSFT")
    world.run()
    other = world.order("MSFT")
    seen = world.broker.order(resting.broker_id or "")
    assert seen is not None
    gone = replace(seen, state=OrderState.CANCELLED, replaced_by=other.broker_id)
    assert not record_or_refuse(world.to, gone, (), "test")
    assert "update_refused" in world.logged
    assert world.order("AAPL") == resting
    with world.to.database.begin() as db:
        assert order_links.owners(db, "paper", [other.broker_id or ""]) == {
            other.broker_id: other.client_id
        }


def test_a_second_successor_is_refused_and_its_shares_stop_entries(
    world: World, resting: Order
) -> None:
    successor = by_hand(world, resting, 100, "50")
    learn(world, "reconcile")
    world.broker.resting = False
    stray = replace(resting, client_id="stray", quantity=D(3), limit_price=D(150))
    world.broker.ledger.submit(stray)
    listed = world.broker.ledger.orders_since

    def forked(since: Any) -> list[BrokerOrder]:
        said = [
            replace(seen, replaces=resting.broker_id) if seen.client_id == "stray" else seen
            for seen in listed(since)
        ]
        return list(said)

    world.broker.ledger.orders_since = forked  # type: ignore[method-assign]
    assert reconcile.run(world.to) == "1 positions differ"
    assert "update_refused" in world.logged
    [refused] = [did for subject, did in notes(world) if subject == "stray"]
    assert refused.startswith("refused: order ")
    assert f"was replaced by {successor.broker_id}, and now by" in refused
    assert world.order("AAPL").broker_id == successor.broker_id


def test_a_replaced_entry_is_withdrawn_in_time_like_any_other(world: World, resting: Order) -> None:
    by_hand(world, resting, 100, "50")
    world.wait(61 * SECOND)
    world.run(3)
    now = world.order("AAPL")
    assert (now.state, now.filled_quantity) == (OrderState.CANCELLED, 0)
    assert world.broker.ledger.open_orders() == []


def test_what_we_had_closed_is_withdrawn_under_every_name(world: World, resting: Order) -> None:
    successor = by_hand(world, resting, 100, "50")
    learn(world, "reconcile")
    with world.to.database.begin() as db:
        db.exec_driver_sql("UPDATE orders SET state = 'CANCELLED'")
    reconcile.run(world.to)
    theirs = world.broker.order(successor.broker_id)
    assert theirs is not None
    assert theirs.state is OrderState.CANCELLED
    assert (resting.client_id, "closed here: cancelled there") in notes(world)


def test_a_successor_that_the_broker_does_not_have_is_closed_in_the_end(
    world: World, resting: Order
) -> None:
    """It was named and never shown: as any order without news (E6)."""
    seen = world.broker.order(resting.broker_id or "")
    assert seen is not None
    gone = replace(seen, state=OrderState.CANCELLED, status="replaced", replaced_by="b-2")
    look = world.broker.ledger.order
    world.broker.ledger.cancel(seen.broker_id)
    world.broker.order = lambda name: gone if name == gone.broker_id else look(name)  # type: ignore[method-assign]
    world.broker.order_by_client_id = lambda name: gone  # type: ignore[method-assign]
    told(world, gone)
    world.run()
    assert world.order("AAPL").broker_id == "b-2"
    with world.to.database.begin() as db:
        # An entry is withdrawn long before; whatever kind it is, silence closes it.
        db.exec_driver_sql("UPDATE orders SET purpose = 'protect', side = 'sell'")
    world.wait(HOURS + SECOND)
    reconcile.run(world.to)
    assert world.order("AAPL").state is OrderState.CANCELLED
    assert "order_silent" in world.logged


def test_a_stop_that_was_moved_by_hand_is_moved_back(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """Its price is the broker's word, so that the rules see what really rests there."""
    with world_of((database_url, redis_url), tmp_path, stops=True) as world:
        world.open()
        world.buy("AAPL")
        world.run()
        (stop,) = resting_stops(world)
        seen = world.broker.order(stop.broker_id or "")
        assert seen is not None
        gone = replace(seen, state=OrderState.CANCELLED, status="replaced", replaced_by="b-2")
        lower = replace(seen, broker_id="b-2", client_id="x", replaces=seen.broker_id)
        world.broker.ledger.cancel(seen.broker_id)
        told(world, gone)
        told(world, replace(lower, stop_price=D("90.00")))
        refused: list[str] = []

        def cancel(broker_id: str) -> None:
            refused.append(broker_id)
            raise Rejected("not_open", "a test")

        world.broker.cancel = cancel  # type: ignore[method-assign]
        world.run()
        assert refused == ["b-2"], "it is out of step"
        moved = next(o for o in world.orders() if o.client_id == stop.client_id)
        assert (moved.stop_price, moved.broker_id) == (D("90.00"), "b-2")
