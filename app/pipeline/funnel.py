"""The funnel: a day's decisions from scores to fills, counted from the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from app.engine.book import Book
from app.engine.errors import InvalidData
from app.engine.funnel import Stage, stages
from app.engine.gates import GATES
from app.io.calendar import Calendar, span_of
from app.io.store import sessions
from app.io.store.database import Database
from app.io.store.tallies import executions, tallies

#: The gates whose refusals may all be below noise, so that no verdict shows their place.
ORDER = {"signals": tuple(gate.__name__ for gate in GATES)}


@dataclass(frozen=True, slots=True)
class Funnel:
    """A day of the exchange: its stages, its orders by state, its fills.

    ``auto`` is whether the book submits by itself now; ``session`` whether the exchange trades.
    """

    book: str
    date: date
    auto: bool
    session: bool
    stages: tuple[Stage, ...]
    orders: Mapping[str, int]
    fills: int

    @property
    def empty(self) -> bool:
        return not (self.stages or self.orders or self.fills)


def newest_day(database: Database, book: str) -> date:
    """Return the date of a book's newest session. Raises InvalidData where it has had none."""
    with database.begin() as db:
        session = sessions.current(db, book)
    if session is None:
        raise InvalidData(f"{book} has had no session in this database yet")
    return session.date


def funnel(database: Database, book: Book, calendar: Calendar, day: date) -> Funnel:
    """Count what was decided on a date of the exchange. Raises InvalidData for one it has not."""
    trades = calendar.session_on(day) is not None
    since, until = span_of(day, calendar.zone)
    with database.begin() as db:
        counted = tallies(db, book.id, since, until)
        orders, fills = executions(db, book.id, since, until)
    return Funnel(book.id, day, book.auto, trades, stages(counted, ORDER), orders, fills)
