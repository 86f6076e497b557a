"""Alpha Vantage's news: one call a topic, errors with status 200, and a key in the address."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.engine import classify
from app.engine.errors import InvalidData, Rejected, Transient
from app.engine.events import FED, Event
from app.io.feeds import alpaca_json, fields
from app.io.feeds.http import LARGEST_BODY, checked, web
from app.io.feeds.port import BadEntry, Events, Take, Watched

BUCKET = "alphavantage"
#: What is asked, in the order that matters; several topics in one call are joined by "and".
TOPICS = {
    "fed": "economy_monetary",
    "earnings": "earnings,technology",
    "market": "financial_markets",
}
#: Articles are listed late and back-dated, by the minute: ask again for what was just asked.
OVERLAP = timedelta(minutes=30)
MOST_ARTICLES = 1_000
_MOST_TICKERS, _MOST_TOPICS = 200, 50
_NEW_YORK = ZoneInfo("America/New_York")
_STAMP = re.compile(r"\d{8}T\d{4}(\d{2})?", re.ASCII)
_EMPTY = re.compile(r"no articles", re.IGNORECASE)
_TOO_FAST = re.compile(r"per (?:second|minute)|sparingly|burst", re.IGNORECASE)
_USED_UP = re.compile(r"per day|daily", re.IGNORECASE)
TOO_FAST_S = 60.0
SHORTEST_KEY = 8


@dataclass(frozen=True, slots=True)
class AlphaVantageNews:
    """One topic's articles. Each fetch is one call of the day's few."""

    url: str
    key: str = field(repr=False)
    topics: str

    @property
    def bucket(self) -> str:
        return BUCKET

    def fetch(self, watched: Watched, since: datetime, now: datetime, take: Take) -> Events:
        query: dict[str, str | int] = {
            "function": "NEWS_SENTIMENT",
            "topics": self.topics,
            "time_from": f"{(since - OVERLAP).astimezone(UTC):%Y%m%dT%H%M}",
            "sort": "LATEST",
            "limit": MOST_ARTICLES,
            "apikey": self.key,
        }
        take()
        with web("Alpha Vantage", checked(self.url, "ALPHAVANTAGE_URL"), {}) as source:
            answer = source.get("/query", query, LARGEST_BODY)
        if answer.status != 200:
            raise Transient(f"Alpha Vantage answered {answer.status}", answer.retry_after_s)
        return self._read(fields.document("Alpha Vantage", self._masked(answer.body)), watched, now)

    def _masked(self, body: bytes) -> bytes:
        """Take out the key: whatever is said may repeat it, and goes into tables and logs."""
        # A shorter one is nobody's secret, and part of ordinary words.
        return body.replace(self.key.encode(), b"***") if len(self.key) >= SHORTEST_KEY else body

    def _read(self, said: Mapping[str, Any], watched: Watched, now: datetime) -> Events:
        feed = said.get("feed")
        if feed is None:
            _refused(said, now)
            return Events(())
        if not isinstance(feed, list):
            raise Transient("Alpha Vantage's feed is no list")
        good: dict[str, Event] = {}
        bad: list[BadEntry] = []
        for item in feed[:MOST_ARTICLES]:
            try:
                events = _article(item, watched, now, bad)
            except InvalidData as why:
                bad.append(fields.bad("", why, item))
            else:
                good.update((event.id, event) for event in events)
        return Events(tuple(sorted(good.values(), key=lambda e: (e.at, e.id))), tuple(bad))


def _refused(said: Mapping[str, Any], now: datetime) -> None:
    """Raise what an answer without a feed means; its words are never repeated (see ``fetch``)."""
    words = " ".join(str(said.get(name, "")) for name in ("Information", "Note"))
    if "Error Message" in said:
        raise Rejected("refused", "Alpha Vantage refuses the call: see ALPHAVANTAGE_API_KEY")
    if _EMPTY.search(words):
        return
    # The hint about speed mentions the day's calls too.
    if "Note" in said or _TOO_FAST.search(words):
        raise Transient("Alpha Vantage was asked too fast", TOO_FAST_S)
    if _USED_UP.search(words):
        raise Transient("Alpha Vantage's calls of the day are used up", _to_midnight(now))
    if "premium" in words.lower():
        raise Rejected("premium", "Alpha Vantage wants another plan for this call")
    raise Transient("Alpha Vantage's answer has no feed", TOO_FAST_S)


def _to_midnight(now: datetime) -> float:
    here = now.astimezone(_NEW_YORK)
    tomorrow = datetime.combine(here.date() + timedelta(days=1), time(), _NEW_YORK)
    return (tomorrow.astimezone(UTC) - now).total_seconds()


def _article(value: object, watched: Watched, now: datetime, bad: list[BadEntry]) -> list[Event]:
    """Return an article's events: one a watched ticker, or one for the whole market."""
    of = alpaca_json.record("article", value)
    at, title = _stamp(of), fields.title(of, "title")
    topics = _topics(of)
    kind = classify.kind_of(title, topics, watched.min_relevance)
    key = classify.article_key(fields.text(of, "url", fields.LONGEST_URL), title, at)
    told = Event(
        id=key,
        kind=kind,
        symbol=None,
        at=at,
        first_seen_at=now,
        source=BUCKET,
        title=title,
        summary=fields.text(of, "summary"),
        payload={
            "url": fields.text(of, "url", fields.LONGEST_URL),
            "publisher": fields.text(of, "source", 100),
            "topics": topics,
        },
    )
    if kind in FED:
        relevance = topics.get("economy_monetary", 1.0)
        tone = fields.share(of, "overall_sentiment_score", -1)
        wanted = relevance >= watched.min_relevance
        return [_of(told, None, relevance, tone)] if wanted else []
    return _by_ticker(told, _records(of, "ticker_sentiment", _MOST_TICKERS), watched, bad)


def _by_ticker(
    told: Event, tickers: list[Any], watched: Watched, bad: list[BadEntry]
) -> list[Event]:
    events: list[Event] = []
    for entry in tickers:
        if not isinstance(entry, dict) or entry.get("ticker") not in watched.symbols:
            continue
        symbol = str(entry["ticker"])
        try:
            relevance = fields.share(entry, "relevance_score")
            tone = fields.share(entry, "ticker_sentiment_score", -1)
        except InvalidData as why:
            bad.append(fields.bad(symbol, why, {"title": told.title, "said": entry}))
            continue
        if relevance >= watched.min_relevance:
            events.append(_of(told, symbol, relevance, tone))
    return events


def _of(told: Event, symbol: str | None, relevance: float, tone: float) -> Event:
    name = f"{told.id}:{symbol or '*'}"
    return replace(told, id=name, symbol=symbol, relevance=relevance, tone=tone)


def _stamp(of: Mapping[str, object]) -> datetime:
    value = of.get("time_published")
    if isinstance(value, str) and _STAMP.fullmatch(value):
        layout = "%Y%m%dT%H%M%S" if len(value) == 15 else "%Y%m%dT%H%M"
        try:
            return datetime.strptime(value, layout).replace(tzinfo=UTC)
        except ValueError:
            pass
    raise InvalidData(f"time_published is {ascii(value)[:40]}, not a time such as 20260320T143000")


def _topics(of: Mapping[str, object]) -> dict[str, float]:
    listed = _records(of, "topics", _MOST_TOPICS)
    told = [alpaca_json.record("topic", topic) for topic in listed]
    return {
        classify.topic_key(fields.text(topic, "topic", 60)): fields.share(topic, "relevance_score")
        for topic in told
    }


def _records(of: Mapping[str, object], name: str, most: int) -> list[Any]:
    value = of.get(name)
    if value is None:
        return []
    if isinstance(value, list) and len(value) <= most:
        return value
    raise InvalidData(f"{name} is {ascii(value)[:40]}, not a list of at most {most}")
