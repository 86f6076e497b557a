"""What a paper ledger trades against: the book's stored quotes, its calendar, the market's time."""

from decimal import Decimal
from pathlib import Path

from app.adapters.port import Rehearsal
from app.engine.book import Book
from app.engine.rounding import decimal
from app.io.calendar import ExchangeCalendar
from app.io.store import quotes
from app.io.store.database import Database
from app.pipeline.broker_clock import session_at
from app.pipeline.services import Clock


def rehearse(book: Book, database: Database, clock: Clock, path: Path, cash: Decimal) -> Rehearsal:
    """Return the rehearsal of a book whose ledger is kept at ``path`` and began with ``cash``.

    Prices are the newest that the book has stored, however old: how old one may be to enter on is
    the risk step's business, and an exit fills at the last price known.
    """
    calendar = ExchangeCalendar(book.calendar)

    def prices(symbol: str) -> tuple[Decimal, Decimal] | None:
        with database.begin() as db:
            quote = quotes.load(db, book.id, [symbol]).get(symbol)
        return (decimal(quote.bid), decimal(quote.ask)) if quote else None

    return Rehearsal(path, cash, prices, lambda: session_at(calendar, clock.now()))
