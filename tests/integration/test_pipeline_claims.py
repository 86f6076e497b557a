"""A broker without client ids: an order in doubt is matched or frozen, and never sent again."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pipeline_market import MINUTE, NOON, SECOND, D
from pipeline_world import World, world_of

from app.engine.book import BookStatus
from app.engine.claims import AFTER, BEFORE
from app.engine.errors import Transient
from app.engine.orders import Order, OrderState, OrderType, Purpose
from app.io.clock import pause
from app.io.store import orders, recovery
from app.pipeline import execute, reconcile
from app.pipeline.claims import FROZEN
from app.pipeline.ownership import BUSY

#: Two delays of none, and the look after them.
PASSES = 3


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path, client_ids=False) as made:
        made.open()
        yield made


def in_doubt(world: World, fault: str, symbol: str = "AAPL") -> Order:
    world.broker.line.append(fault)
    world.signal(symbol)
    world.run()
    order = world.order(symbol)
    assert order.state is OrderState.UNKNOWN
    return order


def by_hand(world: World, like: Order, name: str = "by-hand", **changes: Any) -> str:
    """Let a person place an order that looks like ours; return the broker's id of it."""
    theirs = replace(like, client_id=name, **changes)
    return world.broker.ledger.submit(theirs).broker_id


def notes(world: World, about: Order) -> list[str]:
    with world.to.database.begin() as db:
        found = recovery.listing(db, world.book.id)
    return [note.action for note in found if note.subject == about.client_id]


def is_frozen(world: World, order: Order, *, candidates: int) -> None:
    now = world.order(order.symbol)
    assert (now.state, now.broker_id) == (OrderState.UNKNOWN, None)
    assert len(world.broker.tried) == 1, "it is never sent again"
    row = world.row()
    assert (row.status, row.set_by) == (BookStatus.REDUCING, "resolver")
    assert order.client_id in row.why
    assert notes(world, order) == [FROZEN]
    assert world.reasons("execute").count("order_lost") == 1
    with world.to.database.begin() as db:
        rows = db.exec_driver_sql("SELECT measured FROM verdicts WHERE reason = 'order_lost'")
        assert rows.scalar() == str(candidates)


def test_news_before_the_reply_is_not_lost(world: World) -> None:
    """The stream knows the broker's id before we do: nothing is lost for that."""
    order = in_doubt(world, "lost")
    early = replace(order, broker_id=world.theirs()[0].broker_id)
    world.stream(early)
    world.run(PASSES)
    assert world.order("AAPL").state is OrderState.FILLED
    assert world.held()["AAPL"].quantity == order.quantity


def test_a_lost_reply_is_matched_once_every_delay_is_over(world: World) -> None:
    order = in_doubt(world, "lost")
    world.run(PASSES - 2)
    assert world.order("AAPL").state is OrderState.UNKNOWN, "another one may yet be listed"
    world.run()
    now = world.order("AAPL")
    assert (now.state, now.broker_id) == (OrderState.FILLED, world.theirs()[0].broker_id)
    assert world.held()["AAPL"].quantity == order.quantity, "its fills have waited long enough"
    assert notes(world, order) == ["adopted"]
    assert len(world.broker.tried) == 1
    assert world.row().status is BookStatus.ACTIVE


def test_a_lost_request_freezes_the_symbol_and_calls_a_person_once(world: World) -> None:
    order = in_doubt(world, "drop")
    world.run(3 * PASSES)
    is_frozen(world, order, candidates=0)
    assert world.logged.count("order_lost") == 1


@pytest.mark.parametrize("fault", ["lost", "drop"])
def test_two_candidates_are_one_too_many(world: World, fault: str) -> None:
    order = in_doubt(world, fault)
    others = [by_hand(world, order, f"by-hand-{n}") for n in range(1 if fault == "lost" else 2)]
    world.run(2 * PASSES)
    is_frozen(world, order, candidates=2)
    assert all(name in world.row().why for name in others)


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "MSFT", "limit_price": D(300)},
        {"quantity": D(1)},
        {"limit_price": D("150.50")},
        {"type": OrderType.MARKET, "limit_price": None},
    ],
)
def test_what_differs_is_no_candidate(world: World, changes: dict[str, Any]) -> None:
    order = in_doubt(world, "drop")
    by_hand(world, order, **changes)
    world.run(PASSES)
    is_frozen(world, order, candidates=0)


@pytest.mark.parametrize("shift", [-BEFORE - SECOND, AFTER + SECOND])
def test_what_was_placed_at_another_time_is_no_candidate(world: World, shift: Any) -> None:
    order = in_doubt(world, "drop")
    world.at(NOON + shift)
    by_hand(world, order)
    world.at(NOON)
    world.run(PASSES)
    is_frozen(world, order, candidates=0)


def test_the_window_is_about_the_request_and_not_about_the_decision(world: World) -> None:
    world.buy("AAPL")
    world.broker.line.extend(["down", "lost"])
    world.intend("AAPL", Purpose.STOP_LOSS)
    world.run()
    world.wait(AFTER + MINUTE)
    world.run(PASSES)
    sale = next(order for order in world.orders() if order.purpose is Purpose.STOP_LOSS)
    assert sale.state is OrderState.FILLED
    assert world.held() == world.broker.ledger.positions() == {}


def test_a_twin_that_was_there_before_we_sent_is_no_candidate(world: World) -> None:
    world.signal("AAPL")
    world.broker.line.append("down")
    world.run()
    twin = by_hand(world, world.order("AAPL"))
    reconcile.run(world.to)
    world.wait(30 * SECOND)
    world.broker.line.append("lost")
    world.run(PASSES)
    ours = world.order("AAPL")
    assert ours.state is OrderState.FILLED
    assert ours.broker_id not in (None, twin)


def test_what_another_order_of_ours_is_cannot_be_claimed(world: World) -> None:
    world.signal("AAPL")
    world.run()
    taken = world.order("AAPL")
    twin = replace(taken, client_id="twin", intent_id="twin", broker_id=None)
    with world.to.database.begin() as db:
        orders.insert(db, replace(twin, state=OrderState.UNKNOWN), "paper")
    world.run(PASSES)
    assert notes(world, twin) == [FROZEN]
    assert [o.broker_id for o in world.orders()] == [taken.broker_id, None]


def test_what_turns_up_late_is_adopted_by_reconciliation(world: World) -> None:
    order = in_doubt(world, "lost")
    world.broker.hidden = 1
    world.run(PASSES - 1)
    is_frozen(world, order, candidates=0)
    reconcile.run(world.to)
    now = world.order("AAPL")
    assert now.state is OrderState.FILLED
    assert world.held()["AAPL"].quantity == order.quantity
    assert notes(world, order) == [FROZEN, "adopted"]


def test_reconciliation_adopts_nothing_before_the_delays_are_over(world: World) -> None:
    order = in_doubt(world, "lost")
    reconcile.run(world.to)
    assert world.order("AAPL").state is OrderState.UNKNOWN
    assert notes(world, order) == []


def test_of_two_that_turn_up_late_none_is_adopted(world: World) -> None:
    order = in_doubt(world, "lost")
    world.broker.hidden = 1
    world.run(PASSES - 1)
    by_hand(world, order)
    reconcile.run(world.to)
    assert world.order("AAPL").state is OrderState.UNKNOWN


def test_a_frozen_symbol_says_so_and_others_may_still_be_sold(world: World) -> None:
    world.buy("MSFT")
    order = in_doubt(world, "drop")
    world.run(PASSES)
    world.set_status(BookStatus.ACTIVE, "a person")
    world.wait(30 * SECOND)
    world.signal("AAPL")
    world.intend("MSFT", Purpose.STOP_LOSS)
    world.run()
    assert world.reasons("route")[-1] == "order_in_doubt"
    world.intend("AAPL", cause="past the router")
    world.set_status(BookStatus.ACTIVE, "a person")
    world.run()
    assert world.reasons("risk").count("order_in_doubt") == 1
    assert "MSFT" not in world.broker.ledger.positions()
    assert world.order("AAPL").client_id == order.client_id


def test_an_exit_of_the_frozen_side_says_so_and_waits(world: World) -> None:
    world.buy("AAPL")
    held = world.held()["AAPL"].quantity
    world.broker.line.append("drop")
    world.intend("AAPL", Purpose.STOP_LOSS, quantity=held - 5)
    world.run(PASSES)
    frozen = world.order("AAPL")
    assert (frozen.purpose, frozen.state) == (Purpose.STOP_LOSS, OrderState.UNKNOWN)
    world.intend("AAPL", Purpose.TAKE_PROFIT, cause="the rest")
    world.run(3)
    waiting = world.order("AAPL")
    assert (waiting.purpose, waiting.state) == (Purpose.TAKE_PROFIT, OrderState.NEW)
    assert world.reasons("execute").count("order_in_doubt") == 1
    assert world.broker.ledger.positions()["AAPL"].quantity == held


def test_a_broker_that_does_not_answer_has_not_lost_it(world: World) -> None:
    order = in_doubt(world, "lost")
    listed = world.broker.ledger.orders_since

    def away(since: Any) -> None:
        raise Transient("no route to host")

    world.broker.ledger.orders_since = away  # type: ignore[method-assign,assignment]
    world.run(2 * PASSES)
    assert world.order("AAPL").state is OrderState.UNKNOWN
    assert world.row().status is BookStatus.ACTIVE
    world.broker.ledger.orders_since = listed  # type: ignore[method-assign]
    world.run()
    assert world.order("AAPL").state is OrderState.FILLED
    assert notes(world, order) == ["adopted"]


@pytest.mark.parametrize("arrived", [True, False])
def test_what_a_dead_owner_left_is_matched_or_frozen(world: World, arrived: bool) -> None:
    """It died after writing down that it sends: before the request, or after it."""
    world.broker.line.append("down")
    world.signal("AAPL")
    world.run()
    order = world.order("AAPL")
    dead = world.worker()
    lease = dead.leases.acquire(f"book:{world.book.id}", world.book.id, 20.0)
    assert lease is not None
    assert execute.start(dead, lease, order)
    if arrived:
        by_hand(world, order, "from the dead one")
    dead.leases.close()
    while world.run() == BUSY:  # until PostgreSQL has noticed that the dead one's session is gone
        pause(0.05)
    world.wait(10 * MINUTE)
    world.run(PASSES)
    now = world.order("AAPL")
    assert now.state is (OrderState.FILLED if arrived else OrderState.UNKNOWN)
    assert len(world.theirs()) == int(arrived)


def test_a_crash_between_adopting_and_its_fills_loses_nothing(world: World) -> None:
    """Each step is a transaction: whatever is left out, a later pass or reconciliation does."""
    order = in_doubt(world, "lost")
    world.broker.mute = True
    world.run(PASSES)
    assert world.order("AAPL").state is OrderState.SUBMITTED
    world.broker.mute = False
    other = world.worker()
    assert reconcile.run(other) == "reconciled"
    assert world.held()["AAPL"].quantity == order.quantity
