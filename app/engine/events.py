"""Events of the outside world: news, filings and volume spikes, under the names users set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class EventKind(StrEnum):
    """What happened. Stored and named in settings: add freely, never rename."""

    EDGAR = "edgar"
    VOL_SPIKE = "vol_spike"
    FED_SPEECH = "fed_speech"
    RATE_DECISION = "rate_decision"
    MARKET_NEWS = "market_news"
    TECH_EARNINGS = "tech_earnings"


#: What is written by others about the world: evidence of the news, and untrusted text.
NEWS = frozenset(EventKind) - {EventKind.EDGAR, EventKind.VOL_SPIKE}
#: What moves the whole market, and is about no symbol.
FED = frozenset({EventKind.FED_SPEECH, EventKind.RATE_DECISION})


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at ``at`` and was known here from ``first_seen_at``.

    ``id`` is its natural key and symbol. ``symbol`` is None where the whole market is meant.
    ``relevance`` in [0, 1] says how much of it is about the symbol, ``tone`` in [-1, 1] what it
    says of it (None: its source does not say). ``tone_at`` is when another source said the tone of
    what had been told without one; it is None where they came together. Title and summary are
    untrusted text.
    """

    id: str
    kind: EventKind
    symbol: str | None
    at: datetime
    first_seen_at: datetime
    source: str
    title: str
    summary: str = ""
    relevance: float = 1.0
    tone: float | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    tone_at: datetime | None = None


def is_fresh(event: Event, at: datetime, window: timedelta) -> bool:
    """Was an event known at ``at``, and had it happened at most the window ago?

    That it was seen late makes nothing new of it: a fetch after a pause brings yesterday's news.
    """
    return event.first_seen_at <= at and at - event.at <= window
