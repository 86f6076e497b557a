"""Every broker can do everything that the port promises, a cancel above all.

Guard: the signatures of ``adapters.port.Broker``. mypy compares them where an adapter is returned;
this compares them where it is made, and then cancels. Each adapter's own contract test does more.
"""

import inspect
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from broker_exchange import exchange, on_stage

from app.adapters import BROKERS
from app.adapters.port import Broker, BrokerClock, Connection, Rehearsal
from app.engine.orders import FINAL, Order, OrderType, Purpose, Side, TimeInForce
from app.pipeline.contact import Watched

NOON = datetime(2026, 3, 20, 16, tzinfo=UTC)
CLOSE = datetime(2026, 3, 20, 20, tzinfo=UTC)
NOWHERE = Connection("http://127.0.0.1:1", "none", "none")
PORT = {n: m for n, m in vars(Broker).items() if inspect.isfunction(m) and not n.startswith("_")}


def paper(folder: Path) -> Broker:
    prices = {"AAPL": (Decimal("99.98"), Decimal("100.02"))}
    now = BrokerClock(NOON, True, CLOSE, CLOSE)
    return BROKERS["paper"](
        NOWHERE, Rehearsal(folder / "paper.sqlite", Decimal(10_000), prices.get, lambda: now)
    )


@pytest.fixture(params=sorted(BROKERS))
def live(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    """Every broker, each with a market behind it; a new one fails here until it has one, too."""
    if request.param == "paper":
        yield paper(tmp_path)
        return
    assert request.param == "alpaca", "give the new broker a market to be tried on"
    with exchange(tmp_path) as url:
        stage = on_stage(url)
        yield stage.broker
        stage.clear()


def parameters(method: object) -> list[tuple[str, inspect._ParameterKind, object]]:
    assert callable(method)
    given = inspect.signature(method).parameters.values()
    return [(p.name, p.kind, p.default) for p in given if p.name != "self"]


def test_the_port_has_the_methods_that_orders_need() -> None:
    assert {"submit", "cancel", "replace", "order", "order_by_client_id"} <= PORT.keys()


@pytest.mark.parametrize("method", sorted(PORT))
@pytest.mark.parametrize("name", [*sorted(BROKERS), "watched"])
def test_every_adapter_has_every_method_of_the_port(name: str, method: str, tmp_path: Path) -> None:
    if name == "watched":
        found: object = getattr(Watched, method)
    else:
        made = paper(tmp_path) if name == "paper" else BROKERS[name](NOWHERE)
        found = getattr(type(made), method, None)
    assert found is not None, f"{name} has no {method}"
    assert parameters(found) == parameters(PORT[method])


def test_a_cancel_cancels(live: Broker) -> None:
    order = Order(
        client_id="to-be-cancelled",
        book="book",
        intent_id="intent",
        symbol="AAPL",
        side=Side.BUY,
        purpose=Purpose.ENTRY,
        quantity=Decimal(2),
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        created_at=NOON,
        limit_price=Decimal(1),
    )
    placed = live.submit(order)
    assert [o.broker_id for o in live.open_orders()] == [placed.broker_id]
    live.cancel(placed.broker_id)
    assert list(live.open_orders()) == []
    after = live.order(placed.broker_id)
    assert after is not None
    assert after.state in FINAL
    assert after.filled_quantity == 0
