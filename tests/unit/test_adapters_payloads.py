"""Recorded answers of Alpaca parse into our types, and say what they say."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.adapters.alpaca import answers
from app.engine.orders import OrderState, Side
from app.io.feeds import alpaca_json

PAYLOADS = Path(__file__).parents[2].parent / "shared" / "data" / "payloads" / "alpaca"

pytestmark = pytest.mark.skipif(not PAYLOADS.is_dir(), reason=f"no recorded data at {PAYLOADS}")


def load(name: str) -> Any:
    return json.loads((PAYLOADS / name).read_text())


@pytest.mark.parametrize(
    "name",
    [
        "client_tests/order_routes/limit_order.json",
        "client_tests/order_routes/market_order.json",
        "client_tests/order_routes/order_position_intent.json",
        "client_tests/order_routes/order_position_intent.2.json",
        "docs/entities_order.json",
        "docs/entities_order_v2.json",
    ],
)
def test_an_order_parses(name: str) -> None:
    said = load(name)
    order = answers.order(said)
    assert order.broker_id == said["id"]
    assert order.client_id == said["client_order_id"]
    assert order.state is OrderState.SUBMITTED
    assert order.average_price is None
    assert order.quantity == Decimal(str(said["qty"] or 0))


def test_a_list_of_orders_parses() -> None:
    (order,) = answers.orders(load("client_tests/order_routes/get_orders.json"))
    assert (order.symbol, order.quantity, order.type) == ("SPY", 1, "stop")
    assert order.replaced_by == "0b11f089-722d-4ced-9beb-e2eeed3637dc"


def test_orders_that_closed_positions_parse() -> None:
    answered = load("client_tests/position_routes/close_all_positions.json")
    closing = [item["body"] for item in answered if item["status"] == 200]
    assert {order.side for order in answers.orders(closing)} == {Side.SELL}
    assert answers.order(closing[0]).quantity == Decimal("0.0283")


def test_a_position_closed_by_quantity_parses() -> None:
    said = load("client_tests/position_routes/close_position_with_qty.json")
    assert answers.order(said).symbol == said["symbol"]


@pytest.mark.parametrize(
    "name", ["client_tests/account_routes/get_account.json", "docs/entities_account_v2.json"]
)
def test_an_account_parses(name: str) -> None:
    account = answers.account(load(name))
    assert (account.cash, account.equity) == (Decimal("-23140.2"), Decimal("103820.56"))


def test_an_account_without_day_trade_fields_parses() -> None:
    said = load("client_tests/account_routes/get_account.json")
    for gone in ("pattern_day_trader", "daytrade_count", "daytrading_buying_power"):
        del said[gone]
    assert answers.account(said).buying_power == Decimal("262113.632")


def test_positions_parse() -> None:
    held = answers.positions(load("client_tests/position_routes/get_all_positions.json"))
    assert (held["AAPL"].quantity, held["AAPL"].average_price) == (5, 100)
    assert answers.positions([load("docs/entities_position.json")])["AAPL "].quantity == 5


def test_a_clock_in_new_york_time_becomes_utc() -> None:
    clock = answers.clock(load("docs/entities_clock.json"))
    assert clock.is_open
    assert clock.at == datetime(2022, 4, 28, 18, 7, 4, 451420, UTC)
    assert clock.next_close == datetime(2022, 4, 28, 20, tzinfo=UTC)


def test_an_execution_parses() -> None:
    fill = answers.execution(load("docs/entities_account_trade_activity_v2.json"))
    assert fill.id == "904837e3-3b76-47ec-b432-046db621571b:1"
    assert (fill.symbol, fill.side, fill.price) == ("LPCN", Side.BUY, Decimal("1.63"))


def test_an_activity_that_is_no_trade_parses_as_money_paid_back() -> None:
    paid = answers.fee(load("docs/entities_account_nontrade_activity_v2.json"))
    assert paid.id == "20190801011955195::5f596936-6f23-4cef-bdf1-3806aae57dbf"
    assert (paid.date, paid.amount) == (date(2019, 8, 1), Decimal("-1.02"))


def test_a_trade_update_parses_exactly() -> None:
    update = answers.trade_update(load("docs/trading_api_streaming.7.json")["data"])
    assert update.event == "fill"
    assert update.order.state is OrderState.FILLED
    assert update.execution is not None
    assert update.execution.price == Decimal("105.8988475")
    assert update.execution.cumulative == update.execution.quantity == Decimal("1790.86")
    assert update.at == datetime(2022, 4, 19, 17, 45, 5, 24916, UTC)


@pytest.mark.parametrize(
    "name",
    [
        "client_tests/historical_stock_data/get_snapshot.json",
        "docs/market_data_api_stock_pricing_data_historical.14.json",
    ],
)
def test_a_snapshot_of_several_symbols_parses(name: str) -> None:
    for symbol, said in load(name).items():
        quote = alpaca_json.quote(symbol, said)
        assert quote.last == said["latestTrade"]["p"]
        assert 0 < quote.bid <= quote.ask


def test_a_snapshot_of_one_symbol_parses() -> None:
    said = load("docs/market_data_api_stock_pricing_data_historical.13.json")
    assert alpaca_json.quote(said["symbol"], said).last == said["latestTrade"]["p"]


@pytest.mark.parametrize(
    "name",
    [
        "client_tests/historical_stock_data/get_bars.json",
        "client_tests/historical_stock_data/get_bars_desc.json",
        "client_tests/historical_stock_data/get_bars_single_empty_response.json",
        "client_tests/historical_stock_data/multisymbol_get_bars.json",
        "docs/market_data_api_stock_pricing_data_historical.10.json",
        "docs/market_data_api_stock_pricing_data_historical.9.json",
    ],
)
def test_bars_parse(name: str) -> None:
    listed = load(name)["bars"] or {}
    for symbol, bars in listed.items() if isinstance(listed, dict) else [("X", listed)]:
        for said in bars:
            bar = alpaca_json.bar(symbol, said)
            assert (bar.open, bar.high, bar.low, bar.close) == tuple(said[k] for k in "ohlc")
