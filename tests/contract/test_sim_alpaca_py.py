"""The unmodified alpaca-py, by itself, trades on the simulated exchange."""

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderClass, OrderSide, OrderStatus, QueryOrderStatus, TimeInForce
from alpaca.trading.requests import (
    ClosePositionRequest,
    GetCalendarRequest,
    GetOrdersRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopLimitOrderRequest,
    StopLossRequest,
    StopOrderRequest,
    TakeProfitRequest,
    TrailingStopOrderRequest,
)
from sim_server import Running, exchange

SCRIPT = """
    import sys
    from alpaca.trading.client import TradingClient
    from alpaca.trading.requests import MarketOrderRequest

    client = TradingClient("any", "thing", url_override=sys.argv[1])
    order = client.submit_order(
        MarketOrderRequest(symbol="SPY", qty=3, side="buy", time_in_force="day")
    )
    print(client.get_order_by_id(order.id).status.value, client.get_open_position("SPY").qty)
"""


@pytest.fixture(scope="module")
def world() -> Iterator[Running]:
    with exchange("--rate-limit", "100000") as running:
        yield running


@pytest.fixture
def client(world: Running) -> Iterator[Any]:
    client = TradingClient("key", "secret", url_override=world.url)
    yield client
    client.close_all_positions(cancel_orders=True)


def market(symbol: str, qty: float, side: OrderSide = OrderSide.BUY, **more: Any) -> Any:
    return MarketOrderRequest(
        symbol=symbol, qty=qty, side=side, time_in_force=TimeInForce.DAY, **more
    )


def limit(symbol: str, qty: float, price: float, **more: Any) -> Any:
    return LimitOrderRequest(
        symbol=symbol,
        qty=qty,
        side=OrderSide.BUY,
        time_in_force=TimeInForce.DAY,
        limit_price=price,
        **more,
    )


def test_an_empty_script_trades(world: Running) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), world.url],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == ["filled", "3"]


def test_an_order_from_submission_to_position_and_back(client: Any) -> None:
    order = client.submit_order(market("NVDA", 10, client_order_id="round-trip"))
    assert order.status is OrderStatus.PENDING_NEW
    filled = client.get_order_by_client_id("round-trip")
    assert filled.id == order.id
    assert filled.status is OrderStatus.FILLED
    position = client.get_open_position("NVDA")
    assert (position.qty, position.avg_entry_price) == ("10", filled.filled_avg_price)
    assert [p.symbol for p in client.get_all_positions()].count("NVDA") == 1
    client.close_position("NVDA", ClosePositionRequest(qty="4"))
    assert client.get_open_position("NVDA").qty == "6"
    client.close_position("NVDA", ClosePositionRequest(percentage="50"))
    assert client.get_open_position("NVDA").qty == "3"
    client.close_position("NVDA")
    with pytest.raises(APIError) as caught:
        client.get_open_position("NVDA")
    assert (caught.value.status_code, caught.value.code) == (404, 40410000)


def test_cash_and_equity_are_the_fills_to_the_cent(client: Any, world: Running) -> None:
    client.submit_order(market("AAPL", 7))
    cash = Decimal(100_000)
    for fill in world.get("/sim/fills"):
        sign = -1 if fill["side"] == "buy" else 1
        cash += sign * Decimal(fill["qty"]) * Decimal(fill["price"])
    account = client.get_account()
    assert Decimal(account.cash) == cash
    assert account.status.value == "ACTIVE"
    assert not account.shorting_enabled


def test_resting_orders_are_listed_changed_and_cancelled(client: Any) -> None:
    first, second = (
        client.submit_order(limit("AMD", 5, 50)),
        client.submit_order(limit("AVGO", 1, 60)),
    )
    listed = client.get_orders()
    assert [o.id for o in listed] == [second.id, first.id]
    only = GetOrdersRequest(symbols=["AMD"], status=QueryOrderStatus.OPEN)
    assert [o.id for o in client.get_orders(only)] == [first.id]
    changed = client.replace_order_by_id(first.id, ReplaceOrderRequest(qty=6, limit_price=51))
    assert (changed.qty, changed.limit_price, changed.replaces) == ("6", "51", first.id)
    assert client.get_order_by_id(first.id).replaced_by == changed.id
    client.cancel_order_by_id(changed.id)
    assert client.get_order_by_id(changed.id).status is OrderStatus.CANCELED
    with pytest.raises(APIError) as caught:
        client.cancel_order_by_id(changed.id)
    assert caught.value.status_code == 422
    [answer] = client.cancel_orders()
    assert (answer.id, answer.status) == (second.id, 200)
    assert client.get_orders() == []


def test_every_type_of_order_is_taken(client: Any) -> None:
    client.submit_order(market("MSFT", 8))
    for request in (
        StopOrderRequest(symbol="MSFT", qty=2, side="sell", time_in_force="gtc", stop_price=100),
        StopLimitOrderRequest(
            symbol="MSFT",
            qty=2,
            side="sell",
            time_in_force="day",
            stop_price=100,
            limit_price=99,
        ),
        TrailingStopOrderRequest(
            symbol="MSFT", qty=2, side="sell", time_in_force="day", trail_percent=20
        ),
        MarketOrderRequest(symbol="MSFT", qty=2, side="sell", time_in_force="cls"),
    ):
        order = client.submit_order(request)
        assert client.get_order_by_id(order.id).status is OrderStatus.NEW
    with pytest.raises(APIError) as caught:
        client.submit_order(market("MSFT", 1, OrderSide.SELL))
    assert caught.value.code == 40310000
    assert '"held_for_orders":"8"' in str(caught.value)


def test_a_bracket_nests_its_exits_and_goes_with_them(client: Any) -> None:
    order = client.submit_order(
        market(
            "AVGO",
            3,
            order_class=OrderClass.BRACKET,
            take_profit=TakeProfitRequest(limit_price=900),
            stop_loss=StopLossRequest(stop_price=100),
        )
    )
    assert [leg.status for leg in order.legs] == [OrderStatus.HELD] * 2
    [listed] = client.get_orders(
        GetOrdersRequest(status=QueryOrderStatus.ALL, nested=True, limit=1)
    )
    assert (listed.id, listed.status) == (order.id, OrderStatus.FILLED)
    assert [leg.status for leg in listed.legs] == [OrderStatus.NEW] * 2
    client.cancel_order_by_id(listed.legs[0].id)
    assert client.get_order_by_id(listed.legs[1].id).status is OrderStatus.CANCELED


def test_fractions_and_money(client: Any) -> None:
    client.submit_order(market("META", 0.5))
    assert client.get_open_position("META").qty == "0.5"
    order = client.submit_order(
        MarketOrderRequest(symbol="QQQ", notional=100, side="buy", time_in_force="day")
    )
    filled = client.get_order_by_id(order.id)
    assert filled.status is OrderStatus.FILLED
    assert (filled.qty, filled.notional) == (None, "100")


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (market("NVDA", 100_000), 403, 40310000),
        (market("TSLA", 1, OrderSide.SELL), 403, 40310000),
        (market("ZZZZ", 1), 422, 42210000),
        (limit("NVDA", 1, 99.999), 422, 42210000),
        (market("NVDA", 1, extended_hours=True), 422, 42210000),
        (
            MarketOrderRequest(symbol="NVDA", qty=1, side="buy", time_in_force="opg"),
            422,
            42210000,
        ),
    ],
)
def test_refusals_carry_the_service_s_codes(
    client: Any, request_: Any, status: int, code: int
) -> None:
    with pytest.raises(APIError) as caught:
        client.submit_order(request_)
    assert (caught.value.status_code, caught.value.code) == (status, code)


def test_a_client_id_stays_taken_after_its_order_ended(client: Any) -> None:
    client.submit_order(market("NFLX", 1, client_order_id="once"))
    with pytest.raises(APIError) as caught:
        client.submit_order(market("NFLX", 1, client_order_id="once"))
    assert (caught.value.status_code, caught.value.code) == (422, 40010001)
    assert "must be unique" in caught.value.message


def test_unknown_and_malformed_ids(client: Any, world: Running) -> None:
    with pytest.raises(APIError) as caught:
        client.get_order_by_id("0b11f089-722d-4ced-9beb-e2eeed3637dc")
    assert (caught.value.status_code, caught.value.code) == (404, 40410000)
    answer = world.call("GET", "/v2/orders/not-a-uuid")
    assert (answer.status_code, answer.json()["code"]) == (422, 40010001)
    with pytest.raises(APIError) as caught:
        client.get_order_by_client_id("nobody's")
    assert (caught.value.status_code, caught.value.code) == (404, 40410000)


def test_clock_calendar_and_assets(client: Any) -> None:
    clock = client.get_clock()
    assert clock.is_open
    assert clock.next_close.isoformat() == "2026-03-20T16:00:00-04:00"
    days = client.get_calendar(GetCalendarRequest(start="2026-03-20", end="2026-03-24"))
    assert [d.date.day for d in days] == [20, 23, 24]
    [half] = client.get_calendar(GetCalendarRequest(start="2026-11-27", end="2026-11-27"))
    assert half.close.hour == 13
    assert client.get_asset("NVDA").fractionable
    assert "-3 x the minute returns of QQQ" in client.get_asset("SQQQ").name
    assert len(client.get_all_assets()) == 15
