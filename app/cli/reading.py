"""What commands that read the ledger share: the book that is meant, and its database."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.engine.errors import InvalidData, Transient

if TYPE_CHECKING:
    from app.config import Settings
    from app.engine.book import Book
    from app.io.calendar import ExchangeCalendar
    from app.io.store.database import Database


@dataclass(frozen=True, slots=True)
class Reader:
    """A book, its exchange's calendar, and the database to read."""

    book: "Book"
    calendar: "ExchangeCalendar"
    database: "Database"


@contextmanager
def reading(book: str | None, name: str) -> Iterator[Reader]:
    """Yield what a command reads from: the named book's, else the first one's.

    Raises ConfigError for an unknown book, InvalidData where the tables are of another version, and
    Transient where the database cannot be reached.
    """
    from sqlalchemy.exc import ProgrammingError

    from app.config import load
    from app.io.calendar import ExchangeCalendar
    from app.io.store.database import Database

    settings = load(os.environ, confirm_real=True)
    chosen = settings.book(book) if book else settings.books[0]
    with _database_url(settings) as url:
        database = Database(url, f"metronome-{name}")
        try:
            yield Reader(chosen, ExchangeCalendar(chosen.calendar), database)
        except ProgrammingError as error:
            raise InvalidData(
                "The database does not have this version's tables: run `metronome migrate`."
            ) from error
        except Transient as error:
            raise Transient(f"{error}; check DATABASE_URL, and that the server runs") from error
        finally:
            database.dispose()


def _database_url(settings: "Settings") -> AbstractContextManager[str]:
    if settings.database_url:
        return nullcontext(settings.store_url())
    from app.local.running import open_database

    return open_database(settings.state)
