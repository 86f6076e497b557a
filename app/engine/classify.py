"""What an article is about, from its title and topics, and whether it was told before.

A title decides alone: a summary mentions the Federal Reserve in passing far too often.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import sqrt
from urllib.parse import urlsplit

from app.engine.events import FED, Event, EventKind
from app.engine.ids import digest

#: Sources stamp with clocks of their own: an event may be this far ahead of ours.
FUTURE = timedelta(minutes=5)

# "Fed" is a name only with a capital letter, and not in "Fed Up".
_FED = re.compile(r"\bF(?:ed|ED)\b(?! [Uu]p\b)|\bFOMC\b|(?i:\bfederal reserve\b|\bpowell\b)")
_DECISION = re.compile(
    r"\b(?:cut|cuts|hikes?|hiked|raises?|raised|lowers?|lowered|slash(?:es|ed)?|holds?|held|keeps?"
    r"|kept|leaves?|left|maintain(?:s|ed)?)\b.{0,40}"
    r"\b(?:rates?|steady|unchanged|basis points|bps)\b"
    r"|\b(?:rate|policy|fomc) (?:decision|statement)\b",
    re.IGNORECASE,
)
# A decision that is awaited is not one that was taken.
_AWAITED = re.compile(
    r"\?|\b(?:may|might|could|would|should|will|expect\w*|likely|bets?|odds|ahead of|before|when|if"
    r"|forecasts?|predict\w*|hopes?|fears?|await\w*|preview|calls? for|urges?|wants?)\b",
    re.IGNORECASE,
)
_SPEECH = re.compile(
    r"\b(?:says?|said|speech|speaks?|spoke|remarks?|testif\w+|testimony|warns?|warned|signals?"
    r"|signal+ed|comments?|interview|press conference|tells?|told|sees|urges?|minutes"
    r"|beige book)\b",
    re.IGNORECASE,
)
_EARNINGS = re.compile(
    r"\b(?:earnings|eps|quarterly (?:results|profit|revenue|sales)|(?:beats?|miss(?:es)?|tops?) "
    r"(?:estimates|expectations|views)|q[1-4] (?:results|revenue|sales|profit|loss|guidance|outlook"
    r"|net)|(?:first|second|third|fourth)[- ]quarter"
    r"|(?:raises|cuts|lowers) (?:guidance|outlook))\b",
    re.IGNORECASE,
)
_NOT_WORD = re.compile(r"[^a-z0-9]+")


def kind_of(title: str, topics: Mapping[str, float] | None, min_relevance: float) -> EventKind:
    """Name an article's kind by its title and, where its source knows them, its topics.

    ``topics`` are relevances in [0, 1] by name, such as ``economy_monetary``. The Federal Reserve
    comes first: a rate decision, then a speech; then technology earnings; the rest is market news.
    """
    if _FED.search(title):
        if _DECISION.search(title) and not _AWAITED.search(title):
            return EventKind.RATE_DECISION
        if _SPEECH.search(title):
            return EventKind.FED_SPEECH
    if topics is None:
        told = _EARNINGS.search(title) is not None
    else:
        told = all(topics.get(name, 0.0) >= min_relevance for name in ("earnings", "technology"))
    return EventKind.TECH_EARNINGS if told else EventKind.MARKET_NEWS


def topic_key(name: str) -> str:
    """Return a topic's name as it is asked for: "Economy - Monetary" is ``economy_monetary``."""
    return _NOT_WORD.sub("_", name.lower()).strip("_")


def shared_relevance(symbols: int) -> float:
    """Return an article's relevance to each of the symbols it is tagged with: 1/sqrt(n).

    Where a source gives no relevance: 1.0 for one symbol, 0.5 for four, below that for more.
    """
    return 1 / sqrt(max(symbols, 1))


def article_key(url: str, title: str, at: datetime) -> str:
    """Return an article's natural key: its address without what tracks its reader, else its title.

    The same article on another site is found by its title; see ``unrepeated``.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        host = ""
    path = parts.path.rstrip("/").lower() if host else ""
    return digest("article", host, path) if path else digest("title", *_told(title, at))


def cleaned(text: str, limit: int) -> str:
    """Return untrusted text as one line that every store takes, of at most ``limit`` characters.

    Compatible forms are made one (NFKC); control, format and lone surrogate characters are dropped.
    """
    once = unicodedata.normalize("NFKC", text[: 4 * limit])
    kept = (" " if c.isspace() else c for c in once)
    shown = "".join(c for c in kept if unicodedata.category(c)[0] != "C")
    return " ".join(shown.split())[:limit].rstrip()


def dated(event: Event, now: datetime) -> Event | None:
    """Return an event that is not after ``now``, when we saw it; None for one from the future.

    Within the tolerance of clocks it happened now: ``at`` is never after ``first_seen_at``.
    """
    if event.at - now > FUTURE:
        return None
    return replace(event, at=min(event.at, now), first_seen_at=now)


def unrepeated(new: Sequence[Event], known: Iterable[Event]) -> list[Event]:
    """Return the new events whose id, or title, minute and symbol, was not told before."""
    seen = {key for event in known for key in _keys(event)}
    fresh = []
    for event in new:
        keys = _keys(event)
        if seen.isdisjoint(keys):
            fresh.append(event)
        seen.update(keys)
    return fresh


def added_tones(said: Iterable[Event], known: Iterable[Event]) -> dict[str, float]:
    """Return the tones of events that were told before and without one, by the ids they have."""
    silent = {key: event.id for event in known if event.tone is None for key in _keys(event)}
    found: dict[str, float] = {}
    for event in said:
        for key in _keys(event):
            if event.tone is not None and key in silent:
                found.setdefault(silent[key], event.tone)
    return found


def _keys(event: Event) -> tuple[tuple[str, ...], ...]:
    if event.kind in (EventKind.EDGAR, EventKind.VOL_SPIKE):
        return ((event.id,),)  # their titles are ours, and repeat
    return (event.id,), (event.symbol or "", *_told(event.title, event.at))


def _told(title: str, at: datetime) -> tuple[str, str]:
    # Titles in any script: what is neither letter nor digit is layout.
    words = "".join(c if c.isalnum() else " " for c in title.casefold())
    return " ".join(words.split()), f"{at:%Y-%m-%dT%H:%M}"


def about(kind: EventKind, symbols: Iterable[str]) -> tuple[str | None, ...]:
    """Return the symbols of an article's events: none of them for what moves the whole market."""
    return (None,) if kind in FED else tuple(dict.fromkeys(symbols))
