"""The simulation's broker in memory keeps the broker's contract."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from broker_contract import BrokerContract
from broker_orders import an_order

from app.adapters.port import BrokerClock
from app.engine.orders import Side
from proof.sim.broker import MemoryBroker

NOON = datetime(2026, 3, 20, 16, tzinfo=UTC)
CLOSE = datetime(2026, 3, 20, 20, tzinfo=UTC)


@dataclass
class MemoryStage:
    """A market of one price that stands still until it is told to move."""

    since: datetime = NOON
    now: datetime = NOON
    prices: dict[str, tuple[Decimal, Decimal]] = field(
        default_factory=lambda: {"AAPL": (Decimal("99.98"), Decimal("100.02"))}
    )
    broker: MemoryBroker = field(init=False)

    def __post_init__(self) -> None:
        self.broker = MemoryBroker(self.session, self.prices, Decimal(10_000))

    def session(self) -> BrokerClock:
        self.now += timedelta(milliseconds=2)
        next_open = CLOSE + timedelta(hours=65.5)
        return BrokerClock(self.now, self.now < CLOSE, next_open, CLOSE)

    def ask(self, symbol: str) -> Decimal:
        return self.prices[symbol][1]

    def fall(self, symbol: str, to: Decimal) -> None:
        self.prices[symbol] = (to - Decimal("0.02"), to)

    def until(self, happened: Callable[[], bool]) -> None:
        assert happened()


@pytest.fixture
def stage() -> MemoryStage:
    return MemoryStage()


class TestMemoryBroker(BrokerContract):
    """With client ids, as Alpaca has them."""


def test_without_client_ids_the_same_order_twice_is_two_orders(stage: MemoryStage) -> None:
    stage.broker.client_ids = False
    order = an_order("twice")
    first, second = stage.broker.submit(order), stage.broker.submit(order)
    assert first.broker_id != second.broker_id
    assert (first.client_id, second.client_id) == ("", "")
    assert stage.broker.order_by_client_id(order.client_id) is None
    assert [fill.client_id for fill in stage.broker.executions(NOON)] == [None, None]
    assert stage.broker.positions()["AAPL"].quantity == 4


def test_the_market_takes_as_much_at_once_as_it_likes(stage: MemoryStage) -> None:
    stage.broker.appetite = lambda order: Decimal(1)
    placed = stage.broker.submit(an_order("parts", quantity=Decimal(3)))
    stage.broker.trade(placed.broker_id, Decimal(1))
    stage.broker.trade(placed.broker_id, Decimal(5))
    fills = stage.broker.executions(NOON)
    assert [fill.cumulative for fill in fills] == [1, 2, 3]
    assert [update.event for update in stage.broker.news] == [
        "new",
        "partial_fill",
        "partial_fill",
        "fill",
    ]


def test_what_is_not_sold_by_the_close_has_expired(stage: MemoryStage) -> None:
    stage.broker.appetite = lambda order: Decimal(0)
    placed = stage.broker.submit(replace(an_order("late"), side=Side.BUY))
    stage.now = CLOSE
    found = stage.broker.order(placed.broker_id)
    assert found is not None
    assert found.status == "expired"
