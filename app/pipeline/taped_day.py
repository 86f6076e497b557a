"""A day's base: the book's state as its day began, from which the tape can be played again."""

from datetime import timedelta

from sqlalchemy.engine import Connection

from app.engine import mixer
from app.io.memory.capture import Back, capture
from app.io.store import tape
from app.pipeline import history
from app.pipeline.services import Services

#: A last close before an open is looked for this long before the close.
CLOSING = timedelta(minutes=15)
#: So long ago what was ordered may still matter, whatever is held.
ORDERS = timedelta(days=7)


def begin(to: Services, db: Connection) -> None:
    """Write the base down in the transaction in which the day begins, and drop what is too old."""
    now, book = to.clock.now(), to.book
    hours = to.calendar.session_for(now)
    texts = max(mixer.lasts(book), book.events.window, book.model.cache)
    first, count = history.windows(to, hours, now)[0]
    before = to.calendar.previous(hours.date).close
    back = Back(
        orders=now - ORDERS,
        texts=now - texts,
        bars=min(first - count * history.SPAN, before - CLOSING),
        symbols=book.universe.symbols,
    )
    body = {
        "broker": {"name": to.broker.name, "capabilities": to.broker.capabilities},
        "mode": book.mode,
        "auto": book.auto,
        "state": capture(db, book.id, now, back),
    }
    tape.begin_day(db, book.id, now, body)
    tape.trim(db, book.id, now - timedelta(days=book.schedule.tape_days))
