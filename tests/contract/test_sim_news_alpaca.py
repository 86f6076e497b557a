"""Alpaca's news and the market's stream, through the unmodified alpaca-py."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from alpaca.data.enums import DataFeed
from alpaca.data.historical.news import NewsClient
from alpaca.data.live import NewsDataStream, StockDataStream
from alpaca.data.requests import NewsRequest
from sim_server import Running, exchange, wait_until

UNIVERSE = ["NVDA", "AAPL", "MSFT", "TSLA", "AMZN", "GOOGL", "META", "SQQQ"]
UNIVERSE += ["AMD", "AVGO", "NFLX", "SOXS"]


@pytest.fixture(scope="module")
def world() -> Iterator[Running]:
    with exchange("--rate-limit", "100000", start="15:30", speed="1") as running:
        yield running


def test_the_librarys_news_pages_are_the_worlds(world: Running) -> None:
    client = NewsClient("key", "secret", url_override=world.url)
    start = datetime(2026, 3, 19, 4, tzinfo=UTC)
    found = client.get_news(NewsRequest(start=start, limit=70)).data["news"]
    assert len(found) == 70
    assert [a.created_at for a in found] == sorted((a.created_at for a in found), reverse=True)
    assert len({a.id for a in found}) == 70
    told = {a["id"]: a for a in world.get("/sim/happenings", date="all")["articles"]}
    assert all(told[a.id]["wire"] and told[a.id]["told"] for a in found)
    about = client.get_news(NewsRequest(start=start, symbols="NVDA,AMD", sort="asc"))
    assert all({"NVDA", "AMD"} & set(a.symbols) for a in about.data["news"])
    assert world.call("GET", "/v1beta1/news", params={"limit": 51}).status_code == 422
    assert world.call("GET", "/v1beta1/news", params={"page_token": "?"}).status_code == 422
    assert world.call("GET", "/v1beta1/news", headers={}).status_code == 401


def test_streams_tell_news_and_the_bars_of_the_whole_universe_in_time() -> None:
    heard: list[Any] = []
    bars: list[Any] = []

    async def on_news(article: Any) -> None:
        heard.append(article)

    async def on_bar(bar: Any) -> None:
        bars.append(bar)

    with exchange(start="10:15", speed="60") as world:
        articles = NewsDataStream("key", "secret", url_override=f"{world.ws}/v1beta1/news")
        prices = StockDataStream(
            "key", "secret", feed=DataFeed.IEX, url_override=f"{world.ws}/v2/iex"
        )
        articles.subscribe_news(on_news, "*")
        prices.subscribe_bars(on_bar, *UNIVERSE)
        threads = [threading.Thread(target=s.run, daemon=True) for s in (articles, prices)]
        for thread in threads:
            thread.start()
        wait_until(lambda: world.get("/sim/state")["listeners"]["data"] == 2)
        world.jump("10:40")
        wait_until(lambda: len(heard) >= 2 and len(bars) >= 24)
        told, over = heard[:], bars[:]  # what comes from here on may be later than the clock
        now = datetime.fromisoformat(world.get("/sim/clock")["now"])
        day = world.get("/sim/happenings")["articles"]
        for stream, thread in zip((articles, prices), threads, strict=True):
            stream.stop()
            thread.join(15)
    wired = {a["id"]: a for a in day if a["wire"]}
    assert all(wired[a.id]["title"] == a.headline for a in told)
    assert [a.created_at for a in told] == sorted(a.created_at for a in told)
    assert told[-1].created_at <= now
    assert {b.symbol for b in over} == set(UNIVERSE)
    assert len({(b.symbol, b.timestamp) for b in over}) == len(over)
    assert all((now - b.timestamp).total_seconds() >= 60 for b in over)
