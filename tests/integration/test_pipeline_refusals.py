"""What the broker refuses leaves its reason, and exits that it keeps refusing call a person."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pipeline_market import MINUTE, SECOND, D
from pipeline_world import World, world_of
from stops_world import CLOSE, flat, resting, run, sales, settle

from app.engine.book import BookStatus
from app.engine.orders import BrokerOrder, Order, OrderState, Purpose, TimeInForce
from app.io.store import recovery
from app.pipeline import exits
from app.pipeline.messages import FILLS, Update, encode


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    """A position at its target, with a stop at the broker."""
    with world_of((database_url, redis_url), tmp_path, stops=True) as made:
        made.open()
        made.buy("AAPL")
        run(made)
        made.price("AAPL", "103.10")
        yield made


def check(world: World, times: int, *line: str) -> None:
    """Ask the rules, and let the broker answer each time as ``line`` says."""
    for _ in range(times):
        world.broker.line.clear()
        world.broker.line.extend(line)
        exits.check(world.to)
        run(world, 3)
        world.wait(30 * SECOND)
    world.broker.line.clear()


def differences(world: World, kind: str) -> list[str]:
    with world.to.database.begin() as db:
        return [d.subject for d in recovery.listing(db, world.book.id) if d.kind == kind]


def test_sales_that_the_broker_keeps_refusing_are_an_emergency(world: World) -> None:
    check(world, 2, "refuse")
    assert world.row().status is BookStatus.ACTIVE
    check(world, 4, "refuse")
    row = world.row()
    assert (row.status, row.set_by) == (BookStatus.REDUCING, "exit")
    assert "refused 3 times, halted: trading in this symbol is halted" in row.why
    assert world.logged.count("exit_refused") == 3
    assert world.logged.count("exit_blocked") == 1
    assert world.reasons("execute").count("broker_rejected") == 3
    assert world.reasons("protect").count("exit_blocked") == 1
    assert differences(world, "exit") == ["AAPL"]


def test_a_stop_is_not_taken_away_for_a_sale_that_is_always_refused(world: World) -> None:
    check(world, 3, "refuse")
    (kept,) = resting(world)
    sent = len(world.broker.tried)
    check(world, 4)
    assert resting(world) == [kept]
    assert len(world.broker.tried) == sent
    assert world.reasons("risk")[-1] == "order_pending"


def test_the_day_ends_whatever_was_refused_before(world: World) -> None:
    check(world, 3, "refuse")
    world.at(CLOSE - 12 * MINUTE)
    world.price("AAPL", "102.50")
    check(world, 1)
    assert [o.time_in_force for o in sales(world)][-1] is TimeInForce.CLS
    world.at(CLOSE + 31 * SECOND)
    run(world, 2)
    assert flat(world)


def test_a_person_who_sets_the_book_active_lets_it_sell_again(world: World) -> None:
    check(world, 4, "refuse")
    world.set_status(BookStatus.ACTIVE)
    check(world, 1, "refuse")
    assert world.logged.count("exit_refused") == 4
    assert world.row().status is BookStatus.ACTIVE
    check(world, 3, "refuse")
    assert world.row().status is BookStatus.REDUCING
    assert world.logged.count("exit_blocked") == 2
    world.wait(MINUTE)
    world.set_status(BookStatus.ACTIVE)
    check(world, 1)
    settle(world)
    assert flat(world)


def test_a_sale_that_was_taken_begins_the_count_anew(world: World) -> None:
    check(world, 2, "refuse")
    world.intend("AAPL", Purpose.OPPOSITE, quantity=D(1))
    run(world, 2)
    check(world, 2, "refuse")
    assert world.logged.count("exit_refused") == 4
    assert world.row().status is BookStatus.ACTIVE


def refused_later(world: World, order: Order) -> None:
    """Let the broker's stream say that it refuses an order after all."""
    told = world.told(order)[0].order
    seen = replace(told, state=OrderState.REJECTED, status="rejected")
    world.to.streams.publish(FILLS, encode(Update(seen, None)))
    world.run()


@pytest.mark.parametrize(("purpose", "logged"), [(Purpose.ENTRY, 0), (Purpose.STOP_LOSS, 1)])
def test_a_refusal_that_comes_later_leaves_its_reason(
    world: World, purpose: Purpose, logged: int
) -> None:
    world.broker.resting = True
    symbol = "MSFT" if purpose is Purpose.ENTRY else "AAPL"
    world.intend(symbol, purpose)
    run(world, 2)
    order = [o for o in world.orders() if o.purpose is purpose and o.symbol == symbol][-1]
    assert order.state is OrderState.SUBMITTED
    world.broker.line.extend(["down"] * 9)  # no new stop meanwhile
    refused_later(world, order)
    refused_later(world, order)
    assert world.reasons("execute").count("broker_rejected") == 1
    assert world.logged.count("exit_refused") == logged


@dataclass
class Refusing:
    """A broker that takes an order and answers that it is rejected."""

    ledger: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ledger, name)

    def submit(self, order: Order) -> BrokerOrder:
        seen: BrokerOrder = self.ledger.submit(replace(order, quantity=D(1)))
        return replace(
            seen,
            quantity=order.quantity,
            filled_quantity=D(0),
            average_price=None,
            state=OrderState.REJECTED,
            status="rejected",
        )


def test_an_answer_that_says_rejected_is_no_order_that_passed(world: World) -> None:
    world.intend("MSFT")
    said = world.run(to=world.worker(broker=Refusing(world.broker)))
    assert "approved 1, sent 0" in said
    assert world.order("MSFT").state is OrderState.REJECTED
    assert world.reasons("execute")[-1] == "broker_rejected"


def test_a_stop_that_is_taken_back_unsent_says_so(world: World) -> None:
    world.broker.ledger.cancel(resting(world)[0].broker_id or "")
    world.broker.line.extend(["down"] * 3)
    world.wait(3 * MINUTE)
    world.price("AAPL", "100")
    run(world, 2)
    (unsent,) = resting(world)
    assert unsent.state is OrderState.NEW
    world.broker.line.clear()
    world.intend("AAPL", Purpose.STOP_LOSS)
    run(world)
    assert world.reasons("protect").count("withdrawn") == 1
