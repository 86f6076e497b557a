"""Doubts that no look-up will ever end: a person is called, once, and nothing is sent twice."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pipeline_market import MINUTE, SECOND
from pipeline_world import World, world_of

from app.engine.book import BookStatus
from app.engine.errors import AppError, OutcomeUnknown, Rejected, Transient
from app.engine.orders import BrokerOrder, Order, OrderState
from app.io.store import recovery

QUARTER = 15 * MINUTE


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path) as made:
        made.open()
        yield made


def in_doubt(world: World) -> Order:
    world.broker.resting = True
    world.broker.line.append("lost")
    world.signal("AAPL")
    world.run()
    return world.order("AAPL")


def failing(world: World, name: str, error: AppError) -> None:
    def fail(_: Any) -> None:
        raise error

    setattr(world.broker.ledger, name, fail)


def is_told_once(world: World, said: str) -> None:
    row = world.row()
    assert (row.status, row.set_by) == (BookStatus.REDUCING, "resolver")
    assert said in row.why
    assert world.logged.count("order_lost") == 1
    assert world.order("AAPL").state is OrderState.UNKNOWN
    assert len(world.broker.tried) == 1


@pytest.mark.parametrize("left", [False, True])
def test_what_has_our_id_and_cannot_be_this_order_calls_a_person_at_once(
    world: World, left: bool
) -> None:
    """The next owner finds it as its sender left it, or as it was looked up before."""
    answer = world.broker.ledger.order_by_client_id

    def another(client_id: str) -> BrokerOrder | None:
        seen = answer(client_id)
        return seen and replace(seen, symbol="AAPL.X")

    world.broker.ledger.order_by_client_id = another  # type: ignore[method-assign]
    order = in_doubt(world)
    is_told_once(world, "which has its client id at the broker")
    if left:
        with world.to.database.begin() as db:
            db.exec_driver_sql("UPDATE orders SET state = 'SUBMITTING', submitting_wall = now()")
    for _ in range(20):
        world.wait(MINUTE)
        world.run()
    is_told_once(world, order.client_id)


@pytest.mark.parametrize(
    "error",
    [Rejected("unauthorized", "."), Transient("503"), OutcomeUnknown("an unreadable answer")],
)
def test_e6_what_nobody_can_look_up_for_a_quarter_of_an_hour_calls_a_person(
    world: World, error: AppError
) -> None:
    answer = world.broker.ledger.order_by_client_id
    failing(world, "order_by_client_id", error)
    in_doubt(world)
    world.wait(QUARTER)
    world.run()
    assert world.row().status is BookStatus.ACTIVE
    for _ in range(4):
        world.wait(SECOND)
        world.run()
    is_told_once(world, "could not be looked up for 0:15:00")
    with world.to.database.begin() as db:
        last = recovery.listing(db, world.book.id)[-1]
    assert (last.theirs, last.action) == ("no answer", "frozen: a person has to look")
    # It answers again: that nobody knew for so long is none of the times that it was not there.
    world.broker.ledger.order_by_client_id = answer  # type: ignore[method-assign]
    world.broker.hidden = 1
    world.run()
    assert world.order("AAPL").state is OrderState.UNKNOWN
    world.run()
    assert world.order("AAPL").state is OrderState.SUBMITTED
    assert len(world.theirs()) == 1


def test_e6_without_client_ids_it_is_the_same(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    with world_of((database_url, redis_url), tmp_path, client_ids=False) as world:
        world.open()
        failing(world, "orders_since", Transient("503"))
        in_doubt(world)
        world.run(3)
        assert world.row().status is BookStatus.ACTIVE
        world.wait(QUARTER + SECOND)
        world.run(3)
        is_told_once(world, "could not be looked up for 0:15:00")
