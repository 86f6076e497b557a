"""Market data and both streams of the simulated exchange, through the unmodified alpaca-py."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from alpaca.data.enums import DataFeed
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.live import StockDataStream
from alpaca.data.requests import (
    StockBarsRequest,
    StockLatestBarRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockQuotesRequest,
    StockSnapshotRequest,
    StockTradesRequest,
)
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit
from alpaca.trading.stream import TradingStream
from sim_server import Running, exchange, wait_until


@pytest.fixture(scope="module")
def world() -> Iterator[Running]:
    with exchange("--rate-limit", "100000") as running:
        yield running


def test_history_pages_and_never_shows_the_future(world: Running) -> None:
    data = StockHistoricalDataClient("key", "secret", url_override=world.url)
    start = datetime(2026, 3, 16, tzinfo=UTC)
    bars = data.get_stock_bars(
        StockBarsRequest(
            symbol_or_symbols=["NVDA", "SQQQ"], timeframe=TimeFrame.Minute, start=start
        )
    )
    now = datetime.fromisoformat(world.get("/sim/clock")["now"])
    assert len(bars["NVDA"]) > 4 * 390
    assert (now - bars["SQQQ"][-1].timestamp).total_seconds() >= 60
    paged = world.get("/v2/stocks/bars", symbols="NVDA,SQQQ", timeframe="1Min", limit=10)
    again = world.get(
        "/v2/stocks/bars",
        symbols="NVDA,SQQQ",
        timeframe="1Min",
        limit=10,
        page_token=paged["next_page_token"],
    )
    assert again["bars"]["NVDA"][0]["t"] > paged["bars"]["NVDA"][-1]["t"]
    hours = data.get_stock_bars(
        StockBarsRequest(
            symbol_or_symbols="NVDA",
            timeframe=TimeFrame(5, TimeFrameUnit.Minute),
            start=datetime(2026, 3, 19, 13, 30, tzinfo=UTC),
            end=datetime(2026, 3, 19, 14, 0, tzinfo=UTC),
        )
    )["NVDA"]
    minutes = [b for b in bars["NVDA"] if b.timestamp.day == 19][:35]
    assert len(hours) == 7
    assert hours[0].open == minutes[0].open
    assert hours[0].high == max(b.high for b in minutes[:5])
    assert hours[0].volume == sum(b.volume for b in minutes[:5])
    days = data.get_stock_bars(
        StockBarsRequest(symbol_or_symbols="NVDA", timeframe=TimeFrame.Day, start=start)
    )["NVDA"]
    assert [d.timestamp.day for d in days] == [16, 17, 18, 19]


def test_latest_prices_agree_with_each_other(world: Running) -> None:
    data = StockHistoricalDataClient("key", "secret", url_override=world.url)
    symbols = ["NVDA", "SQQQ", "ZZZZ"]
    world.call("POST", "/sim/clock", json={"paused": True})
    quotes = data.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=symbols))
    trades = data.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols=symbols))
    minutes = data.get_stock_latest_bar(StockLatestBarRequest(symbol_or_symbols=symbols))
    snapshots = data.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols=symbols))
    now = datetime.fromisoformat(world.get("/sim/clock")["now"])
    past = {
        "symbol_or_symbols": "NVDA",
        "start": now.replace(hour=13, minute=30, second=0, microsecond=0),
    }
    day = data.get_stock_trades(StockTradesRequest(**past))["NVDA"]
    asked = data.get_stock_quotes(StockQuotesRequest(**past))["NVDA"]
    world.call("POST", "/sim/clock", json={"paused": False})
    assert set(quotes) == set(trades) == set(minutes) == set(snapshots) == {"NVDA", "SQQQ"}
    last = trades["NVDA"]
    assert quotes["NVDA"].bid_price <= last.price <= quotes["NVDA"].ask_price
    snapshot = snapshots["NVDA"]
    assert snapshot.latest_trade.price == last.price == day[-1].price
    assert snapshot.minute_bar.timestamp == minutes["NVDA"].timestamp
    assert snapshot.daily_bar.volume == sum(t.size for t in day)
    assert snapshot.daily_bar.high == max(t.price for t in day)
    assert snapshot.previous_daily_bar.timestamp.day == 19
    assert asked[-1].ask_price == quotes["NVDA"].ask_price


def test_both_streams_speak_to_the_library(world: Running) -> None:
    trading = TradingStream("key", "secret", url_override=f"{world.ws}/stream")
    prices = StockDataStream("key", "secret", feed=DataFeed.IEX, url_override=f"{world.ws}/v2/iex")
    updates: list[Any] = []
    seen: list[Any] = []

    async def on_update(update: Any) -> None:
        updates.append(update)

    async def on_price(price: Any) -> None:
        seen.append(price)

    trading.subscribe_trade_updates(on_update)
    prices.subscribe_quotes(on_price, "NVDA")
    prices.subscribe_trades(on_price, "SQQQ")
    prices.subscribe_bars(on_price, "*")
    threads = [threading.Thread(target=s.run, daemon=True) for s in (trading, prices)]
    for thread in threads:
        thread.start()
    wait_until(lambda: world.get("/sim/state")["listeners"] == {"trading": 1, "data": 1})
    world.order(qty="2", client_order_id="streamed")
    wait_until(lambda: len(updates) == 2)
    assert [str(u.event) for u in updates] == ["new", "fill"]
    fill = updates[1]
    assert (fill.order.client_order_id, fill.qty, fill.position_qty) == ("streamed", 2.0, 2.0)
    assert Decimal(str(fill.price)) == Decimal(fill.order.filled_avg_price)
    wait_until(lambda: {type(p).__name__ for p in seen} == {"Quote", "Trade", "Bar"})
    assert {p.symbol for p in seen if type(p).__name__ == "Quote"} == {"NVDA"}
    wait_until(lambda: len({p.symbol for p in seen if type(p).__name__ == "Bar"}) == 15)
    for stream, thread in zip((trading, prices), threads, strict=True):
        stream.stop()
        thread.join(15)
        assert not thread.is_alive()
