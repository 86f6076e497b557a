"""Volume spikes: looked for wherever bars are stored."""

from datetime import datetime

from sqlalchemy.engine import Connection

from app.engine import spikes
from app.engine.session import SessionHours
from app.io.store import bars, events
from app.pipeline.history import SPAN
from app.pipeline.services import Services


def record(to: Services, db: Connection, hours: SessionHours, end: datetime) -> None:
    """Store the spikes among the bars that end at ``end``.

    The bars that say what volume is usual are of the same session: the first minutes after an open
    are loud every day. Looking twice finds the same spikes, which are stored once.
    """
    book = to.book
    count = book.events.spike_bars + 1
    if not hours.open <= end - count * SPAN < end <= hours.close:
        return
    panel = bars.panel(db, book.id, book.universe.symbols, end, SPAN, count)
    events.insert_once(db, book.id, spikes.find(panel, book.events, to.clock.now()))
