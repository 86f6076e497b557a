"""What commands about a book share: the book that is meant, its database, and its worker."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from app.engine.errors import InvalidData, Transient

if TYPE_CHECKING:
    from celery import Celery

    from app.config import Settings
    from app.engine.book import Book
    from app.io.calendar import ExchangeCalendar
    from app.io.store.database import Database


class Unanswered(Transient):
    """No worker has answered in time: the database is there, and nothing is wrong with it."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A book, its exchange's calendar, its database, and what wakes a task of its worker."""

    book: "Book"
    calendar: "ExchangeCalendar"
    database: "Database"
    wake: Callable[[str], None]


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
            calendar = ExchangeCalendar(chosen.calendar)
            yield Reader(chosen, calendar, database, _waker(settings, chosen.id))
        except ProgrammingError as error:
            raise InvalidData(
                "The database does not have this version's tables: run `metronome migrate`."
            ) from error
        except Unanswered:
            raise
        except Transient as error:
            raise Transient(f"{error}; check DATABASE_URL, and that the server runs") from error
        finally:
            database.dispose()


def _database_url(settings: "Settings") -> AbstractContextManager[str]:
    if settings.database_url:
        return nullcontext(settings.store_url())
    from app.local.running import open_database

    return open_database(settings.state)


def _waker(settings: "Settings", book: str) -> Callable[[str], None]:
    """Return what wakes a task at once; where no Redis is known or there, its tick comes later."""

    @cache
    def app() -> "Celery | None":
        from dataclasses import replace

        from app.jobs.celery_app import make_app
        from app.local.running import running_redis

        url = settings.redis_url or running_redis(settings.state)
        told = replace(settings, redis_url=url)
        return make_app(told.broker_url(), only_sends=True) if url else None

    def wake(task: str) -> None:
        from kombu.exceptions import OperationalError

        from app.jobs.nudges import EXPIRES_S, QUEUE

        sender = app()
        if sender is not None:
            with suppress(OperationalError):
                sender.send_task(task, (book,), queue=QUEUE[task], expires=EXPIRES_S)

    return wake
