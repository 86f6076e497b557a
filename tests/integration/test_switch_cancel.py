"""E8: a person cancels one order; what has filled of it is kept."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pipeline_market import D
from pipeline_world import World, world_of
from switch_world import a_working_entry, cancel, result

from app.engine.errors import InvalidData, Transient
from app.engine.orders import BrokerOrder, Execution, Order, OrderState, Side
from app.io.store import orders
from app.pipeline.messages import FILLS, Update, encode


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path, stops=True) as made:
        assert made.open() == "TRADING"
        yield made


def fill_in_part(world: World, order: Order, shares: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the broker say that a working order has filled in part."""
    ledger = world.broker.ledger
    seen = world.told(order)[0].order
    name = f"{seen.broker_id}:{shares}"
    count = D(shares)
    part = Execution(name, seen.broker_id, "AAPL", Side.BUY, count, D(100), count, world.market.at)

    def told(broker_id: str) -> BrokerOrder | None:
        found = ledger.order(broker_id)
        return replace(found, filled_quantity=D(shares), average_price=part.price)

    monkeypatch.setattr(world.broker, "order", told, raising=False)
    monkeypatch.setattr(world.broker, "executions", lambda since: [part])
    partial = replace(seen, state=OrderState.PARTIAL, filled_quantity=D(shares))
    world.to.streams.publish(FILLS, encode(Update(partial, part)))


def test_a_cancelled_order_keeps_what_has_filled(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = a_working_entry(world)
    fill_in_part(world, order, 7, monkeypatch)
    asked = cancel(world, order.client_id[:12])
    world.run(2)
    (done,) = (o for o in world.orders() if o.client_id == order.client_id)
    assert (done.state, done.filled_quantity) == (OrderState.CANCELLED, D(7))
    assert world.held()["AAPL"].quantity == D(7)
    assert result(world, asked.number) == (
        f"{order.client_id} is CANCELLED, 7 of {order.quantity} AAPL filled"
    )
    assert world.reasons("withdraw") == ["cancel_asked"]


def test_a_cancel_is_asked_for_until_the_order_has_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = a_working_entry(world)
    asked = cancel(world, order.client_id)

    def down(*_: object) -> None:
        raise Transient("connection refused")

    monkeypatch.setattr(world.broker, "cancel", down, raising=False)
    world.run(2)
    assert result(world, asked.number) is None
    monkeypatch.undo()
    world.run(2)
    assert str(result(world, asked.number)).endswith("AAPL filled")


def test_an_order_that_was_not_sent_is_cancelled_here(world: World) -> None:
    world.broker.line.append("down")
    world.signal("AAPL")
    world.run()
    order = world.order("AAPL")
    assert order.state is OrderState.NEW
    asked = cancel(world, order.client_id)
    world.run()
    assert world.theirs() == []
    assert str(result(world, asked.number)).startswith(f"{order.client_id} is CANCELLED, 0 of")


def test_an_order_that_fills_first_is_told(world: World) -> None:
    order = a_working_entry(world)
    asked = cancel(world, order.client_id)
    with world.to.database.begin() as db:
        db.exec_driver_sql("UPDATE orders SET state = 'FILLED', filled_quantity = quantity")
    world.run()
    assert str(result(world, asked.number)).startswith("refused: the order ended first:")
    with pytest.raises(InvalidData, match=r"the order has ended already: .* is FILLED"):
        cancel(world, order.client_id)


def test_an_order_is_named_by_what_is_its_own(world: World) -> None:
    order = a_working_entry(world)
    twin = replace(order, client_id=order.client_id[:20] + "x", intent_id="x", broker_id=None)
    with world.to.database.begin() as db:
        orders.insert(db, replace(twin, symbol="MSFT"), "paper")
    with pytest.raises(InvalidData, match="begins several orders; the newest: "):
        cancel(world, order.client_id[:20])
    with pytest.raises(InvalidData, match="no order of us_baskets begins with '%'"):
        cancel(world, "%")
    assert cancel(world, order.client_id).number
