"""The Alpaca adapter keeps the broker's contract on the simulated exchange."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import requests
from broker_contract import BrokerContract, a_resting_order, a_stop, bought
from broker_exchange import ExchangeStage, exchange, on_stage
from broker_orders import an_order
from broker_stubs import free

from app.adapters import BROKERS
from app.adapters.port import Connection
from app.engine.errors import OutcomeUnknown, Rejected, Transient
from app.engine.orders import Purpose, Side, TimeInForce


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with exchange(tmp_path_factory.mktemp("exchange")) as url:
        yield url


@pytest.fixture
def stage(url: str) -> Iterator[ExchangeStage]:
    stage = on_stage(url)
    yield stage
    stage.clear()


class TestAlpaca(BrokerContract):
    """Alpaca's protocol over the unmodified client library."""


def test_orders_beyond_one_page_are_all_listed(
    stage: ExchangeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.adapters.alpaca.broker.ORDERS_A_PAGE", 3)
    monkeypatch.setattr("app.adapters.alpaca.broker.FILLS_A_PAGE", 3)
    placed = [stage.broker.submit(a_resting_order(stage, f"page {n}")) for n in range(10)]
    ids = [order.broker_id for order in placed]
    assert [order.broker_id for order in stage.broker.orders_since(stage.since)] == ids
    assert [order.broker_id for order in stage.broker.open_orders()] == ids
    for order in placed:
        stage.broker.cancel(order.broker_id)
    filled = {bought(stage, f"fill {n}") for n in range(7)}
    assert {fill.broker_order_id for fill in stage.broker.executions(stage.since)} == filled


def test_a_broker_that_charges_lists_each_fee_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.adapters.alpaca.broker.FILLS_A_PAGE", 3)
    with exchange(tmp_path, "--fee-per-share", "0.0035") as url:
        stage = on_stage(url)
        TestAlpaca().test_fees_and_executions_are_all_that_the_cash_has_seen(stage)
        for n in range(5):
            bought(stage, f"charged {n}")
        fills, day = stage.broker.executions(stage.since), stage.since.date()
        charged = stage.broker.fees(day)
        assert len(charged) == len(fills) > 6
        assert sum(fee.amount for fee in charged) == Decimal("0.0035") * sum(
            fill.quantity for fill in fills
        )
        assert {fee.date for fee in charged} == {day}


def test_quotes_and_bars_of_the_exchange_are_sound(stage: ExchangeStage) -> None:
    quotes = stage.quotes.latest(["AAPL", "SQQQ", "NO.SUCH"], free)
    assert quotes.good.keys() == {"AAPL", "SQQQ"}
    assert [(bad.symbol, bad.reason) for bad in quotes.bad] == [
        ("NO.SUCH", "unknown to the market data")
    ]
    start, end = stage.broker.clock().at - timedelta(minutes=10), stage.broker.clock().at
    bars = stage.quotes.minute_bars(["SQQQ", "AAPL"], start, end, free)
    assert bars.bad == ()
    assert [(bar.symbol, bar.at) for bar in bars.good] == sorted(
        (bar.symbol, bar.at) for bar in bars.good
    )
    assert {bar.symbol for bar in bars.good} == {"AAPL", "SQQQ"}
    assert all(start <= bar.at < end for bar in bars.good)


def test_an_order_on_close_leaves_the_account_flat(tmp_path: Path) -> None:
    with exchange(tmp_path) as url:
        stage = on_stage(url)
        bought(stage, "before the close")
        order = an_order("at the close", side=Side.SELL, time_in_force=TimeInForce.CLS)
        stage.broker.submit(order)
        stage.jump("2026-03-20T20:00:30Z")
        stage.until(lambda: stage.broker.positions() == {})
        assert not stage.broker.clock().is_open


def test_an_exit_never_opens_a_short_position_on_a_margin_account(tmp_path: Path) -> None:
    with exchange(tmp_path, "--margin") as url:
        stage = on_stage(url)
        sale = an_order("nothing there", side=Side.SELL, purpose=Purpose.STOP_LOSS)
        stop = a_stop(stage, "a stop for nothing", purpose=Purpose.PROTECT)
        for order in (sale, stop):
            with pytest.raises(Rejected, match="position intent mismatch"):
                stage.broker.submit(order)
        bought(stage, "what is there")
        sale = replace(sale, client_id="there", quantity=Decimal(2))
        stage.broker.submit(sale)
        stage.until(lambda: not stage.broker.positions())
        by_hand = stage.broker.submit(an_order("by hand", side=Side.SELL))
        stage.until(lambda: bool(stage.broker.positions()))
        assert by_hand.side is Side.SELL
        assert stage.broker.positions()["AAPL"].quantity == -2
        stage.clear()


def test_only_an_unknown_outcome_may_have_placed_an_order(tmp_path: Path) -> None:
    with exchange(tmp_path, "--faults", "all@0.1", "--seed", "5") as url:
        broker = BROKERS["alpaca"](Connection(url, "key", "secret", read_timeout_s=1.0))
        outcomes: dict[str, str] = {}
        for number in range(150):
            order = an_order(f"fault {number}", quantity=Decimal(1))
            try:
                broker.submit(order)
                outcomes[order.client_id] = "placed"
            except (Transient, Rejected, OutcomeUnknown) as error:
                outcomes[order.client_id] = type(error).__name__
        there = requests.get(f"{url}/sim/orders", timeout=5).json()
    placed = [order["client_order_id"] for order in there]
    assert len(placed) == len(set(placed))
    by_outcome = {
        name: {client_id for client_id, outcome in outcomes.items() if outcome == name}
        for name in ("placed", "OutcomeUnknown", "Transient", "Rejected")
    }
    assert by_outcome["placed"] <= set(placed)
    assert set(placed) <= by_outcome["placed"] | by_outcome["OutcomeUnknown"]
    # The seed shows each of them: orders lost on the way there, and on the way back.
    assert by_outcome["OutcomeUnknown"] & set(placed)
    assert by_outcome["Transient"]
