"""What may not stay is withdrawn at the broker; what is too old, late or unsure is not begun."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pipeline_market import CALENDAR, MINUTE, NOON, SECOND, D
from pipeline_world import World, world_of

from app.engine.book import BookStatus
from app.engine.orders import Order, OrderState, OrderType
from app.io.store import recovery, sessions
from app.pipeline import reconcile

CLOSE = CALENDAR.session_for(NOON).close


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path) as made:
        made.open()
        yield made


def a_working_entry(world: World) -> Order:
    """An entry that the broker has and that does not fill."""
    world.broker.resting = True
    world.signal("AAPL")
    world.run()
    order = world.order("AAPL")
    assert order.state is OrderState.SUBMITTED
    return order


@pytest.mark.parametrize(("ask", "fills"), [("101.01", True), ("101.03", False), ("104", False)])
def test_f3_an_entry_never_costs_more_than_it_reserved(world: World, ask: str, fills: bool) -> None:
    world.signal("AAPL")
    # The broker's market has moved since our quote of 100.01.
    world.market.prices["AAPL"] = (D(ask) - D("0.02"), D(ask))
    world.run()
    order = world.order("AAPL")
    assert (order.type, order.limit_price) == (OrderType.LIMIT, D("101.01"))
    assert order.quantity * D("101.01") == order.reserved_notional
    assert [o.filled_quantity > 0 for o in world.theirs()] == [fills]
    spent = 100_000 - world.broker.ledger.account().cash
    assert spent <= order.reserved_notional


def settled(world: World) -> OrderState:
    """The order's state once a quiet half minute has made the book ask about it."""
    world.run()
    world.wait(31 * SECOND)
    world.run()
    return world.order("AAPL").state


def test_a_working_entry_is_withdrawn_at_the_pre_close(world: World) -> None:
    a_working_entry(world)
    world.at(CLOSE - 13 * MINUTE)
    reconcile.run(world.to)
    assert settled(world) is OrderState.SUBMITTED
    world.at(CLOSE - 12 * MINUTE)
    assert settled(world) is OrderState.CANCELLED


@pytest.mark.parametrize("status", [BookStatus.REDUCING, BookStatus.HALTED])
def test_a_working_entry_is_withdrawn_when_the_book_may_not_enter(
    world: World, status: BookStatus
) -> None:
    a_working_entry(world)
    assert settled(world) is OrderState.SUBMITTED
    world.set_status(status)
    assert settled(world) is OrderState.CANCELLED


def test_a_signal_that_waited_too_long_is_not_traded(world: World) -> None:
    world.signal("AAPL", publish=False)
    world.wait(2 * MINUTE)
    world.run()
    assert world.theirs() == []
    assert world.reasons("route")[-1] == "expired_intent"


def test_a_second_request_that_was_not_sent_leaves_the_first_in_doubt(world: World) -> None:
    world.broker.line += ["drop", "down"]
    world.signal("AAPL")
    world.run(3)
    assert len(world.broker.tried) == 2
    assert world.order("AAPL").state is OrderState.UNKNOWN


def test_an_order_that_we_closed_and_the_broker_has_is_withdrawn_and_told(world: World) -> None:
    world.broker.line.append("lost")
    world.broker.hidden = 100
    world.signal("AAPL")
    world.broker.resting = True
    world.run()
    world.wait(2 * MINUTE)
    world.run(3)
    order = world.order("AAPL")
    assert order.state is OrderState.CANCELLED
    assert [o.state for o in world.theirs()] == [OrderState.SUBMITTED]
    reconcile.run(world.to)
    assert [o.state for o in world.theirs()] == [OrderState.CANCELLED]
    with world.to.database.begin() as db:
        told = [d.action for d in recovery.listing(db, world.book.id)]
    assert "closed here: cancelled there" in told


def test_a_reconciliation_does_not_hold_for_ever(world: World) -> None:
    world.wait(6 * MINUTE)
    world.signal("AAPL")
    world.run()
    assert world.theirs() == []
    assert world.reasons("risk")[-1] == "not_reconciled"
    assert reconcile.run(world.to) == "reconciled"
    world.signal("NVDA")
    world.run()
    assert [o.symbol for o in world.theirs()] == ["NVDA"]


@pytest.mark.parametrize("back", [timedelta(seconds=40), timedelta(hours=3)])
def test_a_clock_that_steps_back_does_not_open_the_day_again(world: World, back: timedelta) -> None:
    world.at(CLOSE - 12 * MINUTE + 10 * SECOND)
    assert world.open() == "CLOSING"
    world.at(world.market.at - back)
    assert world.open() == "CLOSING"
    with world.to.database.begin() as db:
        session = sessions.current(db, world.book.id)
    assert session is not None
    assert session.equity_close is None
