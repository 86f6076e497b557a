"""Health: is this process up, does it reach its database, and how is each book?"""

from importlib.metadata import version

from fastapi import APIRouter
from sqlalchemy.engine import Connection

from app.api.desk import Desk
from app.api.models import BookHealth, Health
from app.engine.book import Book
from app.engine.errors import InvalidData
from app.io.store import book_states, sessions
from app.io.store.book_states import BookRow


def routes(desk: Desk) -> APIRouter:
    """Return the routes about health."""
    router = APIRouter(tags=["health"])

    @router.get("/health")
    def health() -> Health:
        """Say how this process, its database and each book are; open to everyone."""
        with desk.database.begin() as db:
            books = [_book(db, book) for book in desk.settings.books]
        return Health(status="ok", version=version("metronome"), database="reachable", books=books)

    return router


def _book(db: Connection, book: Book) -> BookHealth:
    row, session = _row(db, book.id), sessions.current(db, book.id)
    return BookHealth(
        book=book.id,
        mode=book.mode,
        status=row.status if row else None,
        why=row.why if row else None,
        set_by=row.set_by if row else None,
        set_at=row.set_at if row else None,
        phase=session.state if session else None,
        session_date=session.date if session else None,
        reconciled_at=row.reconciled_at if row else None,
    )


def _row(db: Connection, book_id: str) -> BookRow | None:
    try:
        return book_states.load(db, book_id)
    except InvalidData:
        return None  # never started in this database
