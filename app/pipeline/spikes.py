"""Volume spikes: looked for wherever bars are stored."""

from datetime import datetime

from sqlalchemy.engine import Connection

from app.engine import spikes
from app.engine.events import Event
from app.engine.session import SessionHours
from app.io.store import bars, events
from app.pipeline.history import SPAN
from app.pipeline.services import Services


def record(to: Services, db: Connection, hours: SessionHours, end: datetime) -> list[Event]:
    """Store the spikes among the bars that end at ``end``; return those that are new.

    The bars that say what volume is usual are of the same session: the first minutes after an open
    are loud every day. Looking twice finds the same spikes, which are stored once.
    """
    book = to.book
    count = book.events.spike_bars + 1
    if not hours.open <= end - count * SPAN < end <= hours.close:
        return []
    panel = bars.panel(db, book.id, book.universe.symbols, end, SPAN, count)
    found = spikes.find(panel, book.events, to.clock.now())
    return events.insert_once(db, book.id, found)
