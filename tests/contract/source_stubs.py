"""The sources of events over a loopback server that says what a test tells it to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from broker_stubs import Behaviour, answer, stub

from app.io.feeds.filings_edgar import EdgarFilings
from app.io.feeds.news_alpaca import AlpacaNews
from app.io.feeds.news_alphavantage import AlphaVantageNews
from app.io.feeds.port import Events, EventSource, Source, Throttled, Watched

PAYLOADS = Path(__file__).parents[2].parent / "shared" / "data" / "payloads"
NOW = datetime(2026, 3, 20, 15, tzinfo=UTC)
SINCE = NOW - timedelta(minutes=1)
KEY = "THE-KEY-0123456789"
WATCHED = Watched(("AAPL", "NVDA", "MSFT", "GOOGL", "TSLA"), 0.5)
JSON, ATOM, HTML = "application/json", "application/atom+xml", "text/html; charset=utf-8"
TICKERS = {
    "0": {"cik_str": 320193, "ticker": "AAPL", "title": "Apple Inc."},
    "1": {"cik_str": 1652044, "ticker": "GOOGL", "title": "Alphabet Inc."},
    "2": {"cik_str": 1652044, "ticker": "GOOG", "title": "Alphabet Inc."},
    "3": {"cik_str": "x", "ticker": "NVDA"},
    "4": None,
}


def alphavantage(url: str) -> EventSource:
    return AlphaVantageNews(url, KEY, "economy_monetary")


def alpaca(url: str) -> EventSource:
    return AlpacaNews(Source(url, KEY, "the-secret"))


def edgar(url: str) -> EventSource:
    return EdgarFilings(url, "A Test test@example.com", 0.0)


SOURCES = [alphavantage, alpaca, edgar]


@dataclass
class Calls:
    """Counts what a source asks for, and refuses from a call on."""

    most: int = 1000
    made: int = field(default=0)

    def __call__(self) -> None:
        if self.made >= self.most:
            raise Throttled("refused by the rate limit")
        self.made += 1


def fetch(
    made: Callable[[str], EventSource], *script: Behaviour, watched: Watched = WATCHED
) -> Events:
    with stub(*script) as server:
        return made(server.url).fetch(watched, SINCE, NOW, Calls())


def told(body: Any, type_: str = JSON, status: int = 200, **headers: str) -> Behaviour:
    return answer(status, body, Content_Type=type_, **headers)
