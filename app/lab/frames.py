"""What a decision of the past has besides the state, made from what the tape says was in force."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from app.config import changes
from app.engine.book import Book, Mode
from app.engine.errors import InvalidData
from app.io.calendar import Calendar, ExchangeCalendar
from app.io.store.settings_log import Entry
from app.lab.tape_reader import Base, Venue
from app.pipeline.turns import Still


@dataclass(frozen=True, slots=True)
class Frame:
    """What the steps are given: see ``pipeline.services.Frame``."""

    book: Book
    settings: str
    clock: Still
    calendar: Calendar
    broker: Venue
    log: Callable[..., None]


class Frames:
    """The books that were in force on a day, by the fingerprints of their settings."""

    def __init__(
        self, book_id: str, base: Base, changed: Callable[[Book, Entry], Book] | None = None
    ) -> None:
        """``changed`` makes another book of one that was in force."""
        self._book_id, self._base, self._changed = book_id, base, changed
        self._books: dict[str, Book] = {}
        self._calendars: dict[str, Calendar] = {}

    def at(self, moment: datetime, settings: str, known: Mapping[str, Entry]) -> Frame:
        """Return the frame of a moment. Raises InvalidData for settings that are not known."""
        book = self._book(settings, known)
        calendar = self._calendars.get(book.calendar)
        if calendar is None:
            calendar = self._calendars[book.calendar] = ExchangeCalendar(book.calendar)
        return Frame(book, settings, Still(moment, 1.0), calendar, self._base.broker, silent)

    def _book(self, settings: str, known: Mapping[str, Entry]) -> Book:
        made = self._books.get(settings)
        if made is None:
            entry = known.get(settings)
            if entry is None:
                raise InvalidData(f"the tape does not say what the settings {settings} were")
            made = book_of(self._book_id, entry, self._base.mode, self._base.auto)
            made = self._changed(made, entry) if self._changed else made
            self._books[settings] = made
        return made


def book_of(book_id: str, entry: Entry, mode: Mode, auto: bool) -> Book:
    """Return the book that an entry of the settings' log made."""
    return changes.as_shown(book_id, entry.values, mode=mode, auto=auto)


def silent(event: str, **_: object) -> None:
    """Say nothing: it was said when it happened."""
