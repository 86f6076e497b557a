"""The days on a book's tape: which there are, and all of one."""

from datetime import date, datetime

from sqlalchemy.engine import Connection

from app.engine.errors import InvalidData
from app.io.calendar import Calendar
from app.io.store import tape
from app.lab.tape_file import Day


def dates(db: Connection, book_id: str, calendar: Calendar) -> dict[date, list[int]]:
    """Return the numbers of the bases of each date, oldest first.

    A date has more than one where its session was opened again.
    """
    found: dict[date, list[int]] = {}
    for number, at in tape.bases(db, book_id):
        found.setdefault(_date(calendar, at), []).append(number)
    return found


def day(db: Connection, book_id: str, calendar: Calendar, wanted: date) -> Day:
    """Return the turns of a date. Raises InvalidData where the tape does not have it."""
    known = dates(db, book_id, calendar)
    if wanted not in known:
        raise InvalidData(
            f"{wanted}: not on the tape of {book_id}, which has {_listed(sorted(known))}"
        )
    first = known[wanted][0]
    later = [numbers[0] for when, numbers in known.items() if when > wanted]
    rows = tape.rows(db, book_id, first, min(later, default=None))
    return Day(book_id, wanted.isoformat(), tuple(rows))


def _date(calendar: Calendar, at: datetime) -> date:
    return calendar.session_for(at).date


def _listed(known: list[date]) -> str:
    if not known:
        return "no day yet: it begins when a session is opened"
    if len(known) <= 5:
        return ", ".join(map(str, known))
    return f"{len(known)} days from {known[0]} to {known[-1]}"
