"""What commands about a book share: the book that is meant, its database, and its worker."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from app.engine.errors import InvalidData, Transient

if TYPE_CHECKING:
    from celery import Celery

    from app.engine.book import Book
    from app.io.calendar import ExchangeCalendar
    from app.io.store.database import Database


class Unanswered(Transient):
    """No worker has answered in time: the database is there, and nothing is wrong with it."""


@dataclass(frozen=True, slots=True)
class Asker:
    """What a book is asked through: its name, its database, and what wakes a task of its worker."""

    book: str
    database: "Database"
    wake: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Reader:
    """A book, its exchange's calendar, its database, and what it is asked through."""

    book: "Book"
    calendar: "ExchangeCalendar"
    database: "Database"
    asker: Asker


@contextmanager
def reading(book: str | None, name: str, *, named: bool = False) -> Iterator[Reader]:
    """Yield what a command reads from: the named book's, else the first one's.

    ``named``: where the database has several books, one has to be named. Raises ConfigError for an
    unknown book, InvalidData where the tables are of another version, and Transient where the
    database cannot be reached.
    """
    from app.config import load
    from app.io.calendar import ExchangeCalendar

    settings = load(os.environ, confirm_real=True)
    chosen = settings.book(book) if book else settings.books[0]
    with _opened(settings.database_url, settings.state, name) as database:
        if named and book is None and len(known := _books(database)) > 1:
            raise InvalidData(f"--book: missing; accepted: {' or '.join(known)}")
        wake = partial(_waker(settings.redis_url, settings.state), chosen.id)
        mine = database.of(chosen.id)
        asker = Asker(chosen.id, mine, wake)
        yield Reader(chosen, ExchangeCalendar(chosen.calendar), mine, asker)


@contextmanager
def reaching(book: str | None, name: str) -> Iterator[list[Asker]]:
    """Yield what the named book is asked through, else every book that was ever started there.

    Of the settings only what leads to the database has to be right: what takes leave away must not
    be refused for anything else. Raises as ``reading``, and InvalidData for an unknown book.
    """
    from app.config.reach import reach

    to = reach(os.environ)
    with _opened(to.database_url, to.state, name) as database:
        known = _books(database)
        if not known:
            raise InvalidData("no book was ever started in this database")
        if book is not None and book not in known:
            raise InvalidData(f"--book: {book!r}; accepted: {' or '.join(known)}")
        wake = _waker(to.redis_url, to.state)
        asked = known if book is None else [book]
        yield [Asker(each, database.of(each), partial(wake, each)) for each in asked]


def _books(database: "Database") -> list[str]:
    """Return every book that was ever started in a database."""
    from app.io.store import book_states

    with database.begin() as db:
        return sorted(book_states.modes(db))


def tell_ignored() -> None:
    """Say in a line what of the settings is wrong, for a command that went on without them."""
    from app.config import ConfigError, load

    try:
        load(os.environ, confirm_real=True)
    except ConfigError as error:
        names = ", ".join(dict.fromkeys(problem.name for problem in error.problems))
        print(f"metronome: wrong in the settings, and not needed here: {names}", file=sys.stderr)


@contextmanager
def _opened(url: str | None, state: Path, name: str) -> Iterator["Database"]:
    """Yield the database of a URL, or the embedded one, and name what goes wrong with it."""
    from app.io.store.database import Database

    with _database_url(url, state) as address:
        database = Database(address, f"metronome-{name}")
        try:
            with told_in_a_line():
                yield database
        finally:
            database.dispose()


@contextmanager
def told_in_a_line() -> Iterator[None]:
    """Turn what a database refuses into a line that says what to do."""
    from sqlalchemy.exc import ProgrammingError

    try:
        yield
    except ProgrammingError as error:
        raise InvalidData(
            "The database does not have this version's tables: run `metronome migrate`."
        ) from error
    except Unanswered:
        raise
    except Transient as error:
        raise Transient(f"{error}; check DATABASE_URL, and that the server runs") from error


def _database_url(url: str | None, state: Path) -> AbstractContextManager[str]:
    if url:
        return nullcontext(url)
    from app.local.running import open_database

    return open_database(state)


def _waker(redis_url: str | None, state: Path) -> Callable[[str, str], None]:
    """Return what wakes a book's task at once; where no Redis is known or there, its tick comes."""

    @cache
    def app() -> "Celery | None":
        from app.config.settings import celery_url
        from app.jobs.celery_app import make_app
        from app.local.running import running_redis

        url = redis_url or running_redis(state)
        return make_app(celery_url(url), only_sends=True) if url else None

    def wake(book: str, task: str) -> None:
        from kombu.exceptions import OperationalError

        from app.jobs.nudges import EXPIRES_S, QUEUE

        sender = app()
        if sender is not None:
            with suppress(OperationalError):
                sender.send_task(task, (book,), queue=QUEUE[task], expires=EXPIRES_S)

    return wake
