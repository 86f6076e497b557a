"""Filings: what companies filed since the last look, around the clock."""

from collections.abc import Mapping
from datetime import datetime

from app.io.store.feed_marks import Mark
from app.pipeline import intake
from app.pipeline.services import Services

#: The rate limit by which a feed of filings is known.
BUCKET = "filings"


def scan(to: Services) -> str:
    """Ask the feeds of filings."""
    feeds = {name: feed for name, feed in to.events.items() if feed.bucket == BUCKET}

    def due(marks: Mapping[str, Mark], now: datetime) -> list[str]:
        return [name for name in feeds if intake.rested(marks.get(name), now)]

    return intake.scan(to, feeds, due)
