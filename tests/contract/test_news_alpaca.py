"""Alpaca's news: pages to their end, and what a headline becomes."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from broker_stubs import stub
from source_stubs import NOW, PAYLOADS, SINCE, WATCHED, Calls, alpaca, fetch, told

from app.engine.errors import Rejected, Transient
from app.engine.events import EventKind


def a_headline(**changes: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "headline": "Apple Q1 revenue beats estimates",
        "summary": "",
        "url": "https://www.benzinga.com/1",
        "created_at": "2026-03-20T14:59:30Z",
        "updated_at": "2026-03-20T14:59:31Z",
        "symbols": ["AAPL", "QQQ"],
        "source": "benzinga",
    } | changes


def test_pages_of_headlines_are_followed_to_their_end() -> None:
    one = {"news": [a_headline()], "next_page_token": "more"}
    two = {"news": [a_headline(url="https://www.benzinga.com/2")], "next_page_token": None}
    with stub(told(one), told(two)) as server:
        calls = Calls()
        seen = alpaca(server.url + "/v2").fetch(WATCHED, SINCE, NOW, calls)
        first, second = server.paths()
    assert calls.made == 2
    assert urlsplit(first).path == "/v1beta1/news"
    assert "start=2026-03-20T14%3A54%3A00Z" in first
    assert "page_token=more" in second
    assert {(e.symbol, e.kind, e.tone) for e in seen.good} == {
        ("AAPL", EventKind.TECH_EARNINGS, None)
    }
    assert len(seen.good) == 2


def test_pages_without_an_end_are_left_and_named() -> None:
    pages = [told({"news": [], "next_page_token": str(n)}) for n in range(20)]
    assert "more than" in fetch(alpaca, *pages).bad[0].reason


@pytest.mark.parametrize(
    "change",
    [
        {"headline": ""},
        {"created_at": "2026-03-20T14:59:30"},
        {"created_at": None},
        {"symbols": "AAPL"},
        {"symbols": [1]},
        {"symbols": ["AAPL"] * 10_000},
    ],
)
def test_a_headline_that_cannot_be_used_is_named(change: dict[str, Any]) -> None:
    seen = fetch(alpaca, told({"news": [a_headline(**change), None], "next_page_token": None}))
    assert (seen.good, len(seen.bad)) == ((), 2)


@pytest.mark.parametrize(
    ("symbols", "events"),
    [(["AAPL"], 1), (["AAPL", "NVDA"], 2), (["AAPL", "A", "B", "C"], 1), (["AAPL", *"ABCD"], 0)],
)
def test_a_headline_about_many_is_about_none(symbols: list[str], events: int) -> None:
    seen = fetch(alpaca, told({"news": [a_headline(symbols=symbols)]}))
    assert len(seen.good) == events


def test_refused_keys_and_haste_are_told_apart() -> None:
    with pytest.raises(Rejected):
        fetch(alpaca, told({"message": "forbidden."}, status=403))
    with pytest.raises(Transient) as raised:
        fetch(alpaca, told({}, status=429, Retry_After="7"))
    assert raised.value.retry_after_s == 7


@pytest.mark.skipif(not PAYLOADS.exists(), reason="the recorded payloads are not here")
def test_recorded_headlines_are_read() -> None:
    page = PAYLOADS / "alpaca/docs/market_data_api_news_data_historical.2.json"
    said = json.loads(page.read_text()) | {"next_page_token": None}
    [event] = fetch(alpaca, told(said)).good
    assert (event.symbol, event.relevance) == ("AAPL", 1.0)
