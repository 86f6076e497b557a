"""What every route is given: the settings, the database, and the book that was asked for."""

from dataclasses import dataclass

from starlette.exceptions import HTTPException

from app.api.questions import BookQuestion
from app.config import Settings
from app.engine.book import Book
from app.io.store.database import Database


@dataclass(frozen=True, slots=True)
class Desk:
    """What the API reads from; it writes nothing."""

    settings: Settings
    database: Database

    def book(self, asked: BookQuestion) -> Book:
        """Return the book that was asked for, the first one unless named; 404 for another."""
        books = {book.id: book for book in self.settings.books}
        name = asked.book if asked.book is not None else next(iter(books))
        if name not in books:
            raise HTTPException(404, f"book: {name[:40]!r}; accepted: {' or '.join(books)}")
        return books[name]
