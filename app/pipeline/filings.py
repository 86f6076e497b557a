"""Filings: what companies filed since the last look, around the clock."""

from app.io.locks import alone
from app.io.store import feed_marks
from app.pipeline import intake
from app.pipeline.services import Services

#: The rate limit by which a feed of filings is known.
BUCKET = "filings"


def scan(to: Services) -> str:
    """Ask the feeds of filings."""
    feeds = {name: feed for name, feed in to.events.items() if feed.bucket == BUCKET}
    # A feed that hangs holds one worker at most: the others are needed for prices and orders.
    with alone(to.database, f"{to.book.id}:feeds") as first:
        if not first:
            return "another feed is being read"
        with to.database.begin() as db:
            marks = feed_marks.load(db, to.book.id)
        now = to.clock.now()
        due = [name for name in feeds if intake.rested(marks.get(name), now)]
        told = [intake.ask(to, name, feeds[name], marks.get(name)) for name in due]
    return "; ".join(told) or "no feed is due"
