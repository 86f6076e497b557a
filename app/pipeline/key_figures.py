"""The stored key figures of a day, for whoever looks."""

from datetime import date

from app.io.calendar import Calendar, span_of
from app.io.store import kpis
from app.io.store.database import Database
from app.io.store.kpis import Row


def of_day(
    database: Database, book_id: str, calendar: Calendar, day: date | None
) -> tuple[date | None, list[Row]]:
    """Return a date of the exchange and its rows, oldest first; None: that of the newest row."""
    with database.begin() as db:
        if day is None:
            newest = kpis.newest_at(db, book_id)
            if newest is None:
                return None, []
            day = newest.astimezone(calendar.zone).date()
        return day, kpis.listing(db, book_id, *span_of(day, calendar.zone))
