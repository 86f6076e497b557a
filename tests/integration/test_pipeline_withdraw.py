"""What may not stay is withdrawn at the broker; what is too old, late or unsure is not begun."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pipeline_market import CALENDAR, MINUTE, NOON, SECOND, D
from pipeline_world import World, world_of

from app.engine.book import BookStatus
from app.engine.orders import Order, OrderState, OrderType, Purpose, TimeInForce
from app.io.store import recovery, sessions
from app.pipeline import exits, reconcile
from app.pipeline.why import why

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


def withdrawn(world: World) -> list[tuple[str, str]]:
    """Return (reason, measured) of every withdrawal, oldest first."""
    with world.to.database.begin() as db:
        rows = db.exec_driver_sql(
            "SELECT reason, measured FROM verdicts WHERE step = 'withdraw' AND gate = 'withdrawn'"
            " ORDER BY id"
        )
        return [(reason, measured) for reason, measured in rows]


def test_e8_an_entry_that_does_not_fill_in_its_time_gives_its_slot_and_money_back(
    world: World,
) -> None:
    order = a_working_entry(world)
    world.wait(MINUTE)
    world.run(2)
    assert world.order("AAPL").state is OrderState.SUBMITTED
    world.wait(SECOND)
    world.run(2)
    done = world.order("AAPL")
    assert (done.client_id, done.state) == (order.client_id, OrderState.CANCELLED)
    assert [o.state for o in world.theirs()] == [OrderState.CANCELLED]
    assert withdrawn(world) == [("worked_too_long", "61s")]
    world.broker.resting = False
    world.wait(MINUTE)
    assert world.buy("AAPL").quantity == order.quantity


def test_a_working_entry_is_withdrawn_at_the_pre_close(world: World) -> None:
    world.at(CLOSE - 12 * MINUTE - 40 * SECOND)
    reconcile.run(world.to)
    a_working_entry(world)
    assert settled(world) is OrderState.SUBMITTED
    world.at(CLOSE - 12 * MINUTE)
    assert settled(world) is OrderState.CANCELLED
    assert [reason for reason, _ in withdrawn(world)] == ["too_late_in_session"]


def a_resting_sale(world: World) -> Order:
    """A stop loss at the market that the broker works and that does not fill."""
    world.buy("AAPL")
    world.price("AAPL", "98")
    exits.check(world.to)
    world.broker.resting = True
    world.run(2)
    sale = world.order("AAPL")
    assert (sale.purpose, sale.state) == (Purpose.STOP_LOSS, OrderState.SUBMITTED)
    return sale


def test_a_sale_that_does_not_fill_is_asked_for_again(world: World) -> None:
    first = a_resting_sale(world)
    world.wait(2 * MINUTE)
    exits.check(world.to)
    world.run(2)
    assert world.order("AAPL") == first
    world.broker.resting = False
    world.wait(SECOND)
    world.run()
    exits.check(world.to)
    world.run()
    sale = world.order("AAPL")
    assert (sale.purpose, sale.quantity) == (Purpose.STOP_LOSS, first.quantity)
    assert sale.client_id != first.client_id
    world.wait(31 * SECOND)
    world.run()
    assert world.held() == world.broker.ledger.positions() == {}
    assert [reason for reason, _ in withdrawn(world)] == ["worked_too_long"]


def test_f6_the_closing_auction_gets_what_a_resting_sale_holds(world: World) -> None:
    world.at(CLOSE - 13 * MINUTE)
    reconcile.run(world.to)
    first = a_resting_sale(world)
    world.broker.resting = False
    world.price("AAPL", "100")
    world.at(CLOSE - 12 * MINUTE)
    exits.check(world.to)
    world.run(2)
    exits.check(world.to)
    world.run()
    sale = world.order("AAPL")
    assert (sale.time_in_force, sale.quantity) == (TimeInForce.CLS, first.quantity)
    assert [reason for reason, _ in withdrawn(world)] == ["too_late_in_session"]


def test_a_cancel_that_is_asked_for_again_is_explained_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = a_working_entry(world)
    asked: list[str] = []
    # The broker takes the request and carries it out later.
    monkeypatch.setattr(world.broker, "cancel", asked.append, raising=False)
    world.set_status(BookStatus.HALTED)
    world.run(3)
    assert asked == [order.broker_id] * 3
    assert withdrawn(world) == [("book_halted", "HALTED")]
    chain = why(world.to.database, world.book.id, "AAPL", None)
    assert chain[-1].subject == f"intent:{order.intent_id}"
    assert (chain[-1].gate, chain[-1].reason) == ("withdrawn", "book_halted")


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
