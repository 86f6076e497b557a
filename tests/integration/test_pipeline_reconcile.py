"""The broker is right: what it knows and we do not is recorded, adopted, or stops entries."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pipeline_market import MINUTE, NOON, SECOND, D, Market
from pipeline_world import World, world_of

from app.engine.errors import AppError, OutcomeUnknown, Transient
from app.engine.orders import BrokerOrder, Order, OrderState, OrderType, Purpose, Side, TimeInForce
from app.io.store import recovery
from app.pipeline import cycle, reconcile
from app.pipeline.messages import encode


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path) as made:
        made.open()
        yield made


def a_foreign_order(symbol: str, quantity: int, side: Side = Side.BUY) -> Order:
    """An order that somebody placed by hand."""
    return Order(
        client_id=f"by-hand-{symbol}-{side}",
        book="nobody",
        intent_id="none",
        symbol=symbol,
        side=side,
        purpose=Purpose.ENTRY,
        quantity=D(quantity),
        type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        created_at=NOON,
    )


def notes(world: World) -> list[tuple[str, str]]:
    with world.to.database.begin() as db:
        return [(d.subject, d.action) for d in recovery.listing(db, world.book.id)]


def test_a_fill_that_nobody_told_of_is_found(world: World) -> None:
    world.signal("AAPL")
    world.run()
    assert reconcile.run(world.to) == "reconciled"
    order = world.order("AAPL")
    assert order.state is OrderState.FILLED
    assert world.held()["AAPL"].quantity == order.quantity
    assert notes(world) == [(order.client_id, "recorded")]


def test_a_foreign_order_is_noted_once_and_left_alone(world: World) -> None:
    theirs = world.broker.ledger.submit(a_foreign_order("MSFT", 1))
    for _ in range(3):
        reconcile.run(world.to)
    assert [n for n in notes(world) if n[0] == theirs.client_id] == [
        (theirs.client_id, "not ours: left alone")
    ]
    assert world.orders() == []


def test_a_position_that_differs_stops_entries_and_heals(world: World) -> None:
    world.buy("AAPL")
    world.broker.ledger.submit(a_foreign_order("MSFT", 7))
    assert reconcile.run(world.to) == "1 positions differ"
    world.signal("NVDA")
    world.run()
    assert world.reasons("risk")[-1] == "not_reconciled"
    world.intend("AAPL", Purpose.STOP_LOSS)
    world.run()
    assert "AAPL" not in world.broker.ledger.positions(), "exits go on"
    world.broker.ledger.submit(a_foreign_order("MSFT", 7, Side.SELL))
    assert reconcile.run(world.to) == "reconciled"
    world.wait(30 * SECOND)
    world.signal("NVDA")
    world.run()
    assert "NVDA" in world.broker.ledger.positions()


def test_nothing_is_adopted_unasked(database_url: str, redis_url: str, tmp_path: Path) -> None:
    with world_of((database_url, redis_url), tmp_path) as world:
        world.broker.ledger.submit(a_foreign_order("MSFT", 7))
        assert world.open() == "INITIALIZING"
        assert world.held() == {}
        assert ("MSFT", "entries stopped") in notes(world)


def test_what_the_book_never_trades_is_noted_and_left_alone(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    with world_of((database_url, redis_url), tmp_path) as world:
        world.price("KO", "70.00")
        world.broker.ledger.submit(a_foreign_order("KO", 70))
        world.adopt()
        assert world.open() == "TRADING"
        assert world.held() == {}
        assert ("KO", "not ours: left alone") in notes(world)
        world.signal("AAPL")
        world.run()
        assert world.order("AAPL").purpose is Purpose.ENTRY, (
            "its worth is no loss of the book's day"
        )


def test_what_the_broker_cannot_mean_does_not_hold_up_the_other_orders(world: World) -> None:
    """It calls one of our buys a sale: the other order is repaired all the same."""
    world.signal("AAPL")
    world.signal("MSFT")
    world.run()
    poisoned = world.order("AAPL").client_id

    @dataclass
    class Confused:
        ledger: Any

        def __getattr__(self, name: str) -> Any:
            return getattr(self.ledger, name)

        def orders_since(self, since: datetime) -> list[BrokerOrder]:
            return [self._said(seen) for seen in self.ledger.orders_since(since)]

        def order(self, broker_id: str) -> BrokerOrder:
            return self._said(self.ledger.order(broker_id))

        def _said(self, seen: BrokerOrder) -> BrokerOrder:
            wrong = seen.client_id == poisoned
            return replace(seen, side=Side.SELL) if wrong else seen

    confused = world.worker(broker=Confused(world.broker))
    assert reconcile.run(confused) == "1 positions differ"
    assert world.held().keys() == {"MSFT"}
    assert "update_refused" in world.logged


def test_a_poll_goes_on_behind_an_order_that_cannot_be_recorded(world: World) -> None:
    for symbol in ("AAPL", "MSFT"):
        world.signal(symbol)
    world.run()
    told = world.told(world.order("AAPL"))[0]
    with world.to.database.begin() as db:
        for table in ("orders", "order_links"):
            db.exec_driver_sql(
                f"UPDATE {table} SET broker_id = 'another' || broker_id WHERE client_id = %s",
                (world.order("AAPL").client_id,),
            )
    assert told.order.symbol == "AAPL"
    ask = world.broker.ledger.order
    world.broker.order = lambda name: ask(name.removeprefix("another"))  # type: ignore[attr-defined]
    world.wait(31 * SECOND)
    world.run()
    assert world.held().keys() == {"MSFT"}


@pytest.mark.parametrize("error", [OutcomeUnknown, Transient])
def test_an_order_that_cannot_be_asked_about_hides_no_other_from_the_poll(
    world: World, error: type[AppError]
) -> None:
    for symbol in ("AAPL", "MSFT", "NVDA"):
        world.signal(symbol)
        world.run()
        world.wait(SECOND)
    lost, ask = world.order("AAPL").broker_id, world.broker.ledger.order

    def order(name: str) -> BrokerOrder | None:
        if name == lost:
            raise error("503")
        return ask(name)

    world.broker.order = order  # type: ignore[method-assign]
    world.wait(31 * SECOND)
    world.run()
    assert world.held().keys() == {"MSFT", "NVDA"}
    assert world.logged.count("poll_failed") == 1


def test_fills_that_the_brokers_clock_dates_before_the_order_are_found(world: World) -> None:
    """Two clocks never agree to the millisecond: ours may be the one that is ahead."""
    ahead = Market(NOON + 2 * SECOND, prices=world.market.prices)
    to = world.worker(clock=ahead)
    world.signal("AAPL")
    cycle.run(to)
    ahead.at += 31 * SECOND
    cycle.run(to)
    assert world.order("AAPL").state is OrderState.FILLED
    assert world.held()["AAPL"].quantity == world.order("AAPL").quantity


def test_late_news_of_a_closed_order_still_counts_as_a_position(world: World) -> None:
    """Given up by us, taken by the broker: the fills are the broker's to tell."""
    world.broker.line.append("lost")
    world.broker.hidden = 10
    world.signal("AAPL")
    world.run()
    world.wait(5 * MINUTE)
    world.run(3)
    order = world.order("AAPL")
    assert order.state is OrderState.CANCELLED
    assert reconcile.run(world.to) == "reconciled"
    assert world.held()["AAPL"].quantity == order.quantity
    for update in world.told(order):
        world.to.streams.publish("fills", encode(update))
    world.run()
    assert world.held()["AAPL"].quantity == order.quantity


def test_each_reading_counts_its_calls(world: World) -> None:
    """A difference is read three times, and the rate limit is to know of all of them."""

    def left() -> float:
        return next(level.tokens for level in world.to.buckets.levels() if level.name == "broker")

    world.broker.ledger.submit(a_foreign_order("AAPL", 1))
    reconcile.run(world.to)
    # The clock stands still, and so nothing flows back.
    before, made = left(), reconcile.READINGS * reconcile.CALLS
    assert reconcile.run(world.to) == "1 positions differ"
    assert before - left() == pytest.approx(made, abs=1)
    assert world.to.buckets.take("broker", world.market.at, cost=int(left()) - made + 1).allowed
    assert reconcile.run(world.to) == "not reconciled: refused by the rate limit"
