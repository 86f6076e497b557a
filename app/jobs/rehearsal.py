"""What a paper ledger trades against: the book's stored quotes, its calendar, the market's time."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path

from app.adapters.port import BrokerClock, Rehearsal
from app.engine.book import Book
from app.engine.rounding import decimal
from app.io.calendar import Calendar, ExchangeCalendar
from app.io.store import quotes
from app.io.store.database import Database
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


def session_at(calendar: Calendar, now: datetime) -> BrokerClock:
    """Return what a broker would say of the session at ``now``, by the calendar."""
    hours = calendar.session_for(now)
    coming = hours if now < hours.open else calendar.next_after(hours.date)
    closing = hours if now < hours.close else coming
    return BrokerClock(now, hours.open <= now < hours.close, coming.open, closing.close)
