"""Alpaca's news, asked for by page or heard from its stream: articles tagged with symbols."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.engine import classify
from app.engine.errors import InvalidData, Rejected, Transient
from app.engine.events import Event
from app.engine.times import moment
from app.io.feeds import alpaca_json, fields
from app.io.feeds.http import Answer, checked, web
from app.io.feeds.port import BadEntry, Events, Source, Take, Watched

BUCKET = "news"
#: The longest page that is given, and how many a fetch reads at most.
PAGE, MOST_PAGES = 50, 10
OVERLAP = timedelta(minutes=5)
TOO_FAST_S = 60.0
_MOST_SYMBOLS = 500


@dataclass(frozen=True, slots=True)
class AlpacaNews:
    """Articles about the watched symbols, newest first until ``since``."""

    source: Source

    @property
    def bucket(self) -> str:
        return BUCKET

    def fetch(self, watched: Watched, since: datetime, now: datetime, take: Take) -> Events:
        query: dict[str, str | int] = {
            "symbols": ",".join(watched.symbols),
            "start": (since - OVERLAP).astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "limit": PAGE,
            "sort": "desc",
        }
        keys = {"APCA-API-KEY-ID": self.source.key, "APCA-API-SECRET-KEY": self.source.secret}
        good: dict[str, Event] = {}
        bad: list[BadEntry] = []
        url = checked(self.source.url, "ALPACA_DATA_URL").removesuffix("/v2")
        with web("Alpaca's news", url, keys) as pages:
            for _ in range(MOST_PAGES):
                take()
                listed, token = _page(pages.get("/v1beta1/news", query))
                for value in listed:
                    events = article(value, watched, now, bad)
                    good.update((event.id, event) for event in events)
                if token is None or token == query.get("page_token"):
                    break
                query["page_token"] = token
            else:
                bad.append(BadEntry("", f"more than {MOST_PAGES * PAGE} articles are new", ""))
        return Events(tuple(sorted(good.values(), key=lambda e: (e.at, e.id))), tuple(bad))


def article(value: object, watched: Watched, now: datetime, bad: list[BadEntry]) -> list[Event]:
    """Return the events of an article of a page or the stream; one that is unusable is ``bad``."""
    try:
        return _article(alpaca_json.record("article", value), watched, now)
    except InvalidData as why:
        bad.append(fields.bad("", why, value))
        return []


def _article(of: Mapping[str, object], watched: Watched, now: datetime) -> list[Event]:
    at, title = moment(of, "created_at"), fields.title(of, "headline")
    url = fields.text(of, "url", fields.LONGEST_URL)
    symbols = fields.words(of, "symbols", _MOST_SYMBOLS)
    kind = classify.kind_of(title, None, watched.min_relevance)
    subjects = classify.about(kind, symbols)
    relevance = 1.0 if subjects == (None,) else classify.shared_relevance(len(subjects))
    if relevance < watched.min_relevance:
        return []
    key, summary = classify.article_key(url, title, at), fields.text(of, "summary")
    payload = {"url": url, "publisher": fields.text(of, "source", 100), "symbols": len(symbols)}
    return [
        Event(
            id=f"{key}:{symbol or '*'}",
            kind=kind,
            symbol=symbol,
            at=at,
            first_seen_at=now,
            source="alpaca",
            title=title,
            summary=summary,
            relevance=relevance,
            payload=payload,
        )
        for symbol in subjects
        if symbol is None or symbol in watched.symbols
    ]


def _page(answer: Answer) -> tuple[list[object], str | None]:
    if answer.status in (401, 403):
        raise Rejected(str(answer.status), "Alpaca refuses the key for its news")
    if answer.status == 429:
        raise Transient("Alpaca's news were asked too fast", answer.retry_after_s or TOO_FAST_S)
    if answer.status != 200:
        raise Transient(f"Alpaca's news answered {answer.status}", answer.retry_after_s)
    said = fields.document("Alpaca's news", answer.body)
    listed, token = said.get("news") or [], said.get("next_page_token")
    if not isinstance(listed, list) or not isinstance(token, str | None):
        raise Transient("Alpaca's page of news cannot be read")
    return listed, token or None
