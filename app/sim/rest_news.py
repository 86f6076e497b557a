"""Alpha Vantage's NEWS_SENTIMENT: status 200 for everything, errors included."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from app.sim.answers import endpoint
from app.sim.faults import Kind
from app.sim.happenings import Article
from app.sim.times import moment
from app.sim.words import label
from app.sim.world import World

TOPICS = {
    "blockchain": "Blockchain",
    "earnings": "Earnings",
    "ipo": "IPO",
    "mergers_and_acquisitions": "Mergers & Acquisitions",
    "financial_markets": "Financial Markets",
    "economy_fiscal": "Economy - Fiscal",
    "economy_monetary": "Economy - Monetary",
    "economy_macro": "Economy - Macro",
    "energy_transportation": "Energy & Transportation",
    "finance": "Finance",
    "life_sciences": "Life Sciences",
    "manufacturing": "Manufacturing",
    "real_estate": "Real Estate & Construction",
    "retail_wholesale": "Retail & Wholesale",
    "technology": "Technology",
}
ORDERS = ("LATEST", "EARLIEST", "RELEVANCE")
#: Only these two limits have an effect.
FEW, MANY = 50, 1000
#: How far ahead an article of the fault is dated (seconds).
AHEAD = 3 * 3600
DEFINITIONS = {
    "sentiment_score_definition": "x <= -0.35: Bearish; -0.35 < x <= -0.15: Somewhat-Bearish;"
    " -0.15 < x < 0.15: Neutral; 0.15 <= x < 0.35: Somewhat_Bullish; x >= 0.35: Bullish",
    "relevance_score_definition": "0 < x <= 1, with a higher score indicating higher relevance.",
}
NO_KEY = (
    "the parameter apikey is invalid or missing. Please claim your free API key on"
    " (https://www.alphavantage.co/support/#api-key). It should take less than 20 seconds."
)
INVALID = (
    "Invalid inputs. Please refer to the API documentation"
    " https://www.alphavantage.co/documentation#newsapi and try again."
)
NOTHING = "No articles found. Please adjust the time range or refine your topics and tickers."
_STAMP = re.compile(r"\d{8}T\d{4}", re.ASCII)
_PAGE = (
    "<!DOCTYPE html><html><head><title>Alpha Vantage</title></head><body>Maintenance</body></html>"
)


class _Wrong(Exception):
    """A query that the service does not take."""


async def query(world: World, request: Request) -> Response:
    given, faults = request.query_params, world.faults
    if faults.draw(Kind.NEWS_HTML):
        return HTMLResponse(_PAGE)
    if not (key := given.get("apikey", "").strip()):
        return _json({"Error Message": NO_KEY})
    if given.get("function") != "NEWS_SENTIMENT":
        return _json(
            {"Error Message": f"This API function ({given.get('function')}) does not exist."}
        )
    if not world.doors.news.take(world.exchange.at) or faults.draw(Kind.NEWS_QUOTA):
        return _json({"Information": _quota(key, world.access.news_per_day or 25)})
    try:
        articles = _selected(world, given)
    except _Wrong:
        return _json({"Error Message": INVALID})
    if not articles:
        return _json({"Information": NOTHING})
    feed = [item(article) for article in articles]
    _misbehave(world, feed)
    answer = {"items": str(len(feed)), **DEFINITIONS, "feed": feed}
    return _json(answer, garbled=faults.draw(Kind.NEWS_GARBLED) is not None)


def _json(value: Any, *, garbled: bool = False) -> Response:
    # Escaped to ASCII: the only way to write half of a surrogate pair.
    body = json.dumps(value).encode()
    if garbled:
        body = body.replace(b'"title": "', b'"title": "\xff\xfe\xc3(\x80')
    return Response(body, media_type="application/json")


def _quota(key: str, per_day: int) -> str:
    return (
        f"We have detected your API key as {key} and our standard API rate limit is {per_day}"
        " requests per day. Please subscribe to any of the premium plans at"
        " https://www.alphavantage.co/premium/ to instantly remove all daily rate limits."
    )


def _selected(world: World, given: Mapping[str, str]) -> list[Article]:
    """Return the articles that a query asks for: all of its topics and all of its tickers."""
    topics = [_topic(name) for name in _list(given.get("topics"))]
    tickers, order = [t.upper() for t in _list(given.get("tickers"))], given.get("sort", "LATEST")
    if order.upper() not in ORDERS:
        raise _Wrong
    now = world.exchange.at
    start, end = _stamp(given.get("time_from"), 0.0), _stamp(given.get("time_to"), now)
    found = [
        article
        for article in world.happenings.told(start, min(end, now))
        if _has(topics, [t for t, _ in article.topics])
        and _has(tickers, [t for t, _, _ in article.tickers])
    ]
    if order.upper() == "LATEST":
        found.reverse()
    elif order.upper() == "RELEVANCE":
        found.sort(key=lambda a: -_relevance(a, topics, tickers))
    return found[: _limit(given.get("limit"))]


def _has(wanted: Sequence[str], there: Sequence[str]) -> bool:
    return all(name in there for name in wanted)


def _relevance(article: Article, topics: Sequence[str], tickers: Sequence[str]) -> float:
    scores = [r for t, r in article.topics if t in topics]
    return sum(scores) + sum(r for t, r, _ in article.tickers if t in tickers)


def _list(given: str | None) -> list[str]:
    return [word.strip() for word in (given or "").split(",") if word.strip()]


def _topic(name: str) -> str:
    if name.lower() not in TOPICS:
        raise _Wrong
    return TOPICS[name.lower()]


def _stamp(given: str | None, otherwise: float) -> float:
    if not given:
        return otherwise
    if not _STAMP.fullmatch(given):
        raise _Wrong
    try:
        return datetime.strptime(given, "%Y%m%dT%H%M").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise _Wrong from None


def _limit(given: str | None) -> int:
    if given is None:
        return FEW
    if not given.isdecimal() or int(given) < 1:
        raise _Wrong
    return MANY if int(given) >= MANY else FEW


def item(article: Article) -> dict[str, Any]:
    """Return an article as the feed writes it: the overall score is a number, the others texts."""
    return {
        "title": article.title,
        "url": article.url,
        "time_published": f"{moment(article.at):%Y%m%dT%H%M%S}",
        "authors": [] if article.recorded else ["Newsdesk"],
        "summary": article.summary,
        "banner_image": None,
        "source": article.source,
        "category_within_source": "n/a",
        "source_domain": article.domain,
        "topics": [{"topic": t, "relevance_score": f"{r:g}"} for t, r in article.topics],
        "overall_sentiment_score": article.tone,
        "overall_sentiment_label": label(article.tone),
        "ticker_sentiment": [
            {
                "ticker": ticker,
                "relevance_score": f"{relevance:.6f}",
                "ticker_sentiment_score": f"{tone:.6f}",
                "ticker_sentiment_label": label(tone),
            }
            for ticker, relevance, tone in article.tickers
        ],
    }


def _misbehave(world: World, feed: list[dict[str, Any]]) -> None:
    """Repeat articles, one of them edited, or add one that is dated ahead."""
    if world.faults.draw(Kind.NEWS_REPEATED):
        again = [{**entry} for entry in feed[:5]]
        again[0]["summary"] += " (updated)"
        feed.extend(again)
    if world.faults.draw(Kind.NEWS_FUTURE):
        ahead = moment(world.exchange.at + AHEAD)
        first = feed[0]
        feed.insert(
            0,
            {
                **first,
                "title": f"Update: {first['title']}",
                "url": f"{first['url']}/update",
                "time_published": f"{ahead:%Y%m%dT%H%M%S}",
            },
        )


def routes(world: World) -> list[Route]:
    """Return the news service of a world."""
    return [Route("/query", endpoint(world, query))]
