"""Alpha Vantage: what is asked, what an article becomes, and errors with status 200."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from broker_stubs import stub
from source_stubs import KEY, NOW, PAYLOADS, SINCE, WATCHED, Calls, alphavantage, fetch, told

from app.engine.errors import Rejected, Transient
from app.engine.events import EventKind
from app.io.feeds.news_alphavantage import AlphaVantageNews
from app.io.feeds.port import Events, EventSource, Watched


def an_article(**changes: Any) -> dict[str, Any]:
    sentiment = {"ticker": "AAPL", "relevance_score": "0.9", "ticker_sentiment_score": "-0.25"}
    return {
        "title": "Something about Apple",
        "url": "https://example.com/a?b",
        "time_published": "20260320T144500",
        "summary": "It happened.",
        "source": "Example",
        "topics": [{"topic": "Technology", "relevance_score": "1.0"}],
        "overall_sentiment_score": 0.1,
        "ticker_sentiment": [sentiment],
    } | changes


def test_what_is_asked_of_alpha_vantage() -> None:
    with stub(told({"items": "0", "feed": []})) as server:
        assert alphavantage(server.url).fetch(WATCHED, SINCE, NOW, Calls()) == Events(())
        [path] = server.paths()
    asked = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
    assert urlsplit(path).path == "/query"
    assert asked == {
        "function": "NEWS_SENTIMENT",
        "topics": "economy_monetary",
        "time_from": "20260320T1429",
        "sort": "LATEST",
        "limit": "1000",
        "apikey": KEY,
    }


def test_an_article_is_an_event_of_each_watched_ticker_that_it_is_about() -> None:
    others = [
        {"ticker": "NVDA", "relevance_score": "0.49", "ticker_sentiment_score": "0.5"},
        {"ticker": "MSFT", "relevance_score": "NaN", "ticker_sentiment_score": "0.5"},
        {"ticker": "TSLA", "relevance_score": "0.8", "ticker_sentiment_score": "1.5"},
        {"ticker": "FOREX:USD", "relevance_score": "x", "ticker_sentiment_score": "x"},
        {"ticker": ["AAPL"]},
        7,
    ]
    tickers = [*an_article()["ticker_sentiment"], *others]
    seen = fetch(alphavantage, told({"feed": [an_article(ticker_sentiment=tickers)]}))
    [event] = seen.good
    assert (event.symbol, event.relevance, event.tone) == ("AAPL", 0.9, -0.25)
    assert event.at == datetime(2026, 3, 20, 14, 45, tzinfo=UTC)
    assert event.kind is EventKind.MARKET_NEWS
    assert [bad.symbol for bad in seen.bad] == ["MSFT", "TSLA"]
    assert "relevance_score is 'NaN'" in seen.bad[0].reason


def test_the_federal_reserve_moves_the_whole_market() -> None:
    monetary = [{"topic": "Economy - Monetary", "relevance_score": "0.99"}]
    decided = an_article(title="Fed cuts rates by 50 bps", topics=monetary)
    aside = an_article(
        title="Fed's Waller says hello",
        url="https://example.com/w",
        topics=[{"topic": "Economy - Monetary", "relevance_score": "0.2"}],
    )
    seen = fetch(alphavantage, told({"feed": [decided, aside]}))
    [event] = seen.good
    assert (event.kind, event.symbol, event.tone) == (EventKind.RATE_DECISION, None, 0.1)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"title": None}, "title is missing"),
        ({"title": "\x00\u200b"}, "not a title"),
        ({"title": ["a"]}, "not a title"),
        ({"time_published": "2026-03-20T14:45:00Z"}, "time_published"),
        ({"time_published": "20261320T144500"}, "time_published"),
        ({"time_published": 20260320}, "time_published"),
        ({"topics": "all"}, "topics"),
        ({"topics": [{"topic": "x", "relevance_score": "1e999"}]}, "relevance_score"),
        ({"ticker_sentiment": [{}] * 1000}, "ticker_sentiment"),
        ({"summary": 5}, "summary is 5"),
        ({"url": {}}, "url is {}"),
    ],
)
def test_an_article_that_cannot_be_used_is_named_and_the_others_count(
    change: dict[str, Any], why: str
) -> None:
    feed = [an_article(**change), "no article", an_article(url="https://example.com/good")]
    seen = fetch(alphavantage, told(json.dumps({"feed": feed})))
    assert [event.title for event in seen.good] == ["Something about Apple"]
    assert len(seen.bad) == 2
    assert why in seen.bad[0].reason


QUOTA = (
    f"We have detected your API key as {KEY} and our standard API rate limit is 25 requests per "
    "day. Please subscribe to any of the premium plans to instantly remove all daily rate limits."
)
FAST = (
    "Thank you for using Alpha Vantage! Please consider spreading out your free API requests more "
    "sparingly (1 request per second). Premium plans lift the limit (25 requests per day)."
)


@pytest.mark.parametrize(
    ("said", "pause_s"),
    [
        ({"Information": QUOTA}, 13 * 3600.0),
        ({"Information": FAST}, 60.0),
        ({"Note": "5 calls per minute"}, 60.0),
        ({"Information": f"something else {KEY}"}, 60.0),
        ({"items": "0"}, 60.0),
        ({"feed": {}}, None),
    ],
)
def test_errors_with_status_200_say_how_long_to_wait(
    said: dict[str, Any], pause_s: float | None
) -> None:
    with pytest.raises(Transient) as raised:
        fetch(alphavantage, told(said))
    assert raised.value.retry_after_s == pause_s
    assert KEY not in str(raised.value)


@pytest.mark.parametrize(
    "said",
    [
        {"Error Message": f"the parameter apikey {KEY} is invalid"},
        {"Information": "This is a premium endpoint."},
    ],
)
def test_what_a_person_must_change_is_rejected(said: dict[str, Any]) -> None:
    with pytest.raises(Rejected) as raised:
        fetch(alphavantage, told(said))
    assert KEY not in str(raised.value)


def test_no_articles_are_no_error() -> None:
    said = {"Information": "No articles found. Please adjust the time range."}
    assert fetch(alphavantage, told(said)) == Events(())


def test_an_article_that_repeats_the_key_is_stored_without_it() -> None:
    seen = fetch(alphavantage, told({"feed": [an_article(title=f"Key {KEY}"), {"title": KEY}]}))
    assert KEY not in repr(seen)
    assert len(seen.good) == len(seen.bad) == 1


@pytest.mark.skipif(not PAYLOADS.exists(), reason="the recorded payloads are not here")
def test_recorded_articles_are_read() -> None:
    folder = PAYLOADS / "alphavantage"
    page = (folder / "news_sentiment.AAPL.2023-03-07.first_item.json").read_text()
    [event] = fetch(alphavantage, told(page)).good
    assert (event.symbol, event.relevance, event.tone) == ("AAPL", 0.904419, 0.083408)
    items = json.loads((folder / "news_sentiment.feed_items.2025-05.json").read_text())
    everyone = Watched(("SNOW", "SHOP", "ANET", "SMCI"), 0.5)

    def of_them(url: str) -> EventSource:
        return AlphaVantageNews(url, KEY, "earnings,technology")

    seen = fetch(of_them, told({"feed": items}), watched=everyone)
    assert {event.symbol for event in seen.good} == {"SNOW", "SHOP"}
    assert {event.kind for event in seen.good} == {EventKind.TECH_EARNINGS}
    assert seen.bad == ()
