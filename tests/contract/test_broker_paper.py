"""The paper ledger keeps the broker's contract, and its book survives it."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from broker_contract import BrokerContract, a_resting_order, bought
from broker_orders import an_order

from app.adapters import BROKERS
from app.adapters.port import Broker, BrokerClock, Connection, Rehearsal
from app.engine.errors import InvalidData, Rejected, Transient
from app.engine.orders import OrderState, Side, TimeInForce

NOWHERE = Connection("http://127.0.0.1:1", "none", "none")
NOON = datetime(2026, 3, 20, 16, tzinfo=UTC)
CLOSE = datetime(2026, 3, 20, 20, tzinfo=UTC)
NEXT_OPEN, NEXT_CLOSE = CLOSE + timedelta(hours=65.5), CLOSE + timedelta(hours=72)


@dataclass
class PaperStage:
    """A market of one price that stands still until it is told to move."""

    path: Path
    since: datetime = NOON
    now: datetime = NOON
    prices: dict[str, tuple[Decimal, Decimal]] = field(
        default_factory=lambda: {"AAPL": (Decimal("99.98"), Decimal("100.02"))}
    )

    @property
    def broker(self) -> Broker:
        """A new ledger each time, as another process would open it."""
        rehearsal = Rehearsal(self.path, Decimal(10_000), self.prices.get, self.session)
        return BROKERS["paper"](NOWHERE, rehearsal)

    def session(self) -> BrokerClock:
        # Each look at the clock is a little later, as it is in the world.
        self.now += timedelta(milliseconds=2)
        if self.now < CLOSE:
            return BrokerClock(self.now, True, NEXT_OPEN, CLOSE)
        return BrokerClock(self.now, self.now >= NEXT_OPEN, NEXT_OPEN, NEXT_CLOSE)

    def ask(self, symbol: str) -> Decimal:
        return self.prices[symbol][1]

    def fall(self, symbol: str, to: Decimal) -> None:
        self.prices[symbol] = (to - Decimal("0.02"), to)

    def until(self, happened: Callable[[], bool]) -> None:
        assert happened()


@pytest.fixture
def stage(tmp_path: Path) -> PaperStage:
    return PaperStage(tmp_path / "state" / "paper.sqlite")


class TestPaperLedger(BrokerContract):
    """The ledger of a rehearsal."""


def test_a_resting_order_fills_when_the_price_comes_to_it(stage: PaperStage) -> None:
    placed = stage.broker.submit(a_resting_order(stage, "comes"))
    stage.prices["AAPL"] = (Decimal(40), Decimal(41))
    (fill,) = stage.broker.executions(stage.since)
    assert (fill.broker_order_id, fill.price) == (placed.broker_id, 41)
    assert stage.broker.account().equity == 10_000 - 2 * 41 + 2 * 40


def test_an_order_on_close_leaves_the_account_flat(stage: PaperStage) -> None:
    bought(stage, "before the close")
    order = an_order("at the close", side=Side.SELL, time_in_force=TimeInForce.CLS)
    assert stage.broker.submit(order).state is OrderState.SUBMITTED
    stage.now = CLOSE
    assert stage.broker.positions() == {}


def test_two_sales_cannot_promise_the_same_shares(stage: PaperStage) -> None:
    bought(stage, "promised")
    first = an_order("first sale", side=Side.SELL, time_in_force=TimeInForce.CLS)
    stage.broker.submit(first)
    with pytest.raises(Rejected) as refused:
        stage.broker.submit(replace(first, client_id="second-sale"))
    assert refused.value.code == "insufficient_quantity"


def test_a_refused_replacement_leaves_the_order_as_it_was(stage: PaperStage) -> None:
    placed = stage.broker.submit(a_resting_order(stage, "kept"))
    with pytest.raises(Rejected):
        stage.broker.replace(placed.broker_id, quantity=Decimal(1_000_000))
    assert stage.broker.open_orders() == [placed]


def test_a_purchase_without_a_price_is_refused(stage: PaperStage) -> None:
    with pytest.raises(Rejected) as refused:
        stage.broker.submit(an_order("unpriced", symbol="MSFT"))
    assert refused.value.code == "no_price"


def test_a_book_that_someone_else_holds_is_a_reason_to_come_back(
    stage: PaperStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.broker.account()
    monkeypatch.setattr("app.adapters.paper.shelf._WAIT_S", 0.05)
    holder = sqlite3.connect(stage.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(Transient, match="paper ledger"):
        stage.broker.submit(an_order("locked out"))
    holder.execute("ROLLBACK")
    holder.close()
    assert stage.broker.orders_since(stage.since) == []


def test_a_ledger_without_its_rehearsal_is_refused() -> None:
    with pytest.raises(InvalidData, match="paper needs"):
        BROKERS["paper"](NOWHERE)
