"""Shares that nothing at the broker would sell for too long are an emergency, whatever the why."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pipeline_market import MINUTE, SECOND, D
from pipeline_world import World, world_of
from stops_world import CLOSE, resting, sales

from app.adapters.port import BrokerPosition
from app.engine.book import BookStatus
from app.engine.errors import OutcomeUnknown
from app.engine.orders import BrokerOrder, Execution, OrderState, Purpose, Side
from app.io.store import recovery
from app.pipeline import exits, reconcile
from app.pipeline.messages import FILLS, Update, encode

TOLD = "stop_not_placed"


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path, stops=True) as made:
        made.open()
        yield made


def bought(world: World, *line: str) -> None:
    """An entry that has filled, and what the broker's line does from then on."""
    world.signal("AAPL")
    world.run()
    world.stream(world.order("AAPL"))
    world.broker.line.extend(line)
    world.run()


def last(world: World, minutes: int) -> None:
    """Let everything run as beat does, for so long."""
    for n in range(2 * minutes):
        world.wait(30 * SECOND)
        if n % 2 == 0:
            reconcile.run(world.to)
        exits.check(world.to)
        world.run()


def alarms(world: World) -> int:
    with world.to.database.begin() as db:
        rows = [d for d in recovery.listing(db, world.book.id) if d.kind == "stop"]
    assert len(rows) == world.logged.count(TOLD) == world.reasons("protect").count(TOLD)
    return len(rows)


def without_leave(world: World) -> None:
    """Start the process again with AUTO_MODE=0."""
    world.book = replace(world.book, auto=False)
    world.services[0] = replace(world.to, book=world.book)


@pytest.mark.parametrize("fault", ["down", "drop", "refuse"])
def test_a_stop_that_does_not_get_through_is_an_emergency_told_once(
    world: World, fault: str
) -> None:
    bought(world, *[fault] * 1000)
    last(world, 1)
    assert (world.row().status, alarms(world)) == (BookStatus.ACTIVE, 0)
    last(world, 8)
    row = world.row()
    assert (row.status, row.set_by, alarms(world)) == (BookStatus.REDUCING, "stop", 1)
    assert f"{world.held()['AAPL'].quantity} AAPL" in row.why
    world.broker.line.clear()
    last(world, 2)
    assert [stop.state for stop in resting(world)] == [OrderState.SUBMITTED]
    assert (world.row().status, alarms(world)) == (BookStatus.REDUCING, 1)


def test_a_person_who_lets_the_book_go_on_is_told_again_if_it_lasts(world: World) -> None:
    bought(world, *["refuse"] * 1000)
    last(world, 4)
    world.set_status(BookStatus.ACTIVE)
    last(world, 1)
    assert (world.row().status, alarms(world)) == (BookStatus.ACTIVE, 1)
    last(world, 10)
    assert (world.row().status, alarms(world)) == (BookStatus.REDUCING, 2)


def test_a_halt_does_not_swallow_the_alarm_of_what_comes_after_it(world: World) -> None:
    bought(world, *["refuse"] * 1000)
    last(world, 1)
    world.set_status(BookStatus.HALTED)
    last(world, 5)
    assert alarms(world) == 1
    world.set_status(BookStatus.REDUCING)
    last(world, 10)
    assert alarms(world) == 2
    world.broker.line.clear()
    last(world, 2)
    assert [stop.state for stop in resting(world)] == [OrderState.SUBMITTED]


def test_what_is_held_without_leave_to_place_a_stop_is_told_once(world: World) -> None:
    world.signal("AAPL")
    world.run()
    world.stream(world.order("AAPL"))
    without_leave(world)
    last(world, 10)
    assert (set(world.held()), resting(world)) == ({"AAPL"}, [])
    # It enters nothing either, and with AUTO_MODE=1 the stop is placed at once.
    assert (world.row().status, alarms(world)) == (BookStatus.ACTIVE, 1)


def test_stops_that_rest_without_leave_to_move_them_are_no_emergency(world: World) -> None:
    bought(world)
    without_leave(world)
    last(world, 5)
    assert (len(resting(world)), alarms(world)) == (1, 0)


def test_a_sale_that_does_not_get_through_is_one_too(world: World) -> None:
    bought(world)
    world.run()
    world.price("AAPL", "103.10")
    exits.check(world.to)
    world.broker.line.extend(["down"] * 1000)
    last(world, 1)
    assert (resting(world), alarms(world)) == ([], 0)
    last(world, 3)
    assert [sale.purpose for sale in sales(world)] == [Purpose.TAKE_PROFIT]
    assert (world.row().status, alarms(world)) == (BookStatus.REDUCING, 1)


@dataclass
class Half:
    """A ledger in which half of an entry has filled, and which carries no cancel out."""

    ledger: Any
    filled: Execution

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ledger, name)

    def cancel(self, broker_id: str) -> None:
        raise OutcomeUnknown("503")

    def order(self, broker_id: str) -> BrokerOrder:
        return self.half(self.ledger.order(broker_id))

    def orders_since(self, since: Any) -> list[BrokerOrder]:
        return [self.half(order) for order in self.ledger.orders_since(since)]

    def executions(self, since: Any) -> list[Execution]:
        return [self.filled]

    def positions(self) -> dict[str, BrokerPosition]:
        return {"AAPL": BrokerPosition("AAPL", self.filled.quantity, D(100))}

    def half(self, order: BrokerOrder) -> BrokerOrder:
        done = self.filled.quantity
        return replace(order, state=OrderState.PARTIAL, filled_quantity=done, average_price=D(100))


def test_a_cancel_that_does_not_get_through_leaves_nobody_uninformed(world: World) -> None:
    world.broker.resting = True
    world.signal("AAPL")
    world.run()
    order = world.order("AAPL")
    seen = world.broker.ledger.order_by_client_id(order.client_id)
    assert seen is not None
    half, name, at = order.quantity // 2, seen.broker_id, world.market.at
    fill = Execution(f"{name}:{half}", name, "AAPL", Side.BUY, half, D(100), half, at)
    broker: Any = Half(world.broker.ledger, fill)
    world.broker.ledger = broker
    world.to.streams.publish(FILLS, encode(Update(broker.half(seen), fill)))
    last(world, 1)
    assert (world.row().status, alarms(world)) == (BookStatus.ACTIVE, 0)
    last(world, 9)
    assert (world.held()["AAPL"].quantity, resting(world), sales(world)) == (half, [], [])
    assert "cancel_failed" in world.logged
    assert (world.row().status, alarms(world)) == (BookStatus.REDUCING, 1)


def test_what_follows_the_rules_all_day_raises_no_alarm(world: World) -> None:
    world.buy("AAPL")
    for price in ("101.60", "102.60", "102.20", "101.90"):
        world.price("AAPL", price)
        last(world, 2)
    world.at(CLOSE - 15 * MINUTE)
    last(world, 14)
    assert {sale.purpose for sale in sales(world)} == {Purpose.PRE_CLOSE}
    assert (world.row().status, alarms(world)) == (BookStatus.ACTIVE, 0)


def test_what_a_closed_market_keeps_waits_for_its_open(world: World) -> None:
    bought(world, *["refuse"] * 1000)
    world.at(CLOSE + MINUTE)
    last(world, 10)
    assert alarms(world) == 0
