"""May a symbol be bought now, how many shares, and if not why: risk's own answer to a question."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy.engine import Connection

from app.api.desk import Desk
from app.api.models import DecimalText
from app.api.questions import BookQuestion, Symbol
from app.api.words import in_words
from app.engine import risk
from app.engine.book import Book
from app.engine.orders import Intent, Purpose, Side
from app.engine.rounding import cents, plain
from app.io.calendar import ExchangeCalendar
from app.io.store import book_states, quotes
from app.io.store.packing import spell
from app.pipeline import desk as desks


class AllowedQuestion(BookQuestion):
    """Which symbol."""

    symbol: Symbol


class Allowed(BaseModel):
    """What the risk manager would say of an entry; ``gate`` is the one that decided."""

    book: str
    symbol: str
    at: datetime = Field(description="the book's newest quote: what is asked is answered as of it")
    allowed: bool
    reason: str
    words: str
    gate: str
    measured: str | None
    limit: str | None
    quantity: DecimalText = Field(description="shares that would be bought; 0 where none may be")
    notional: DecimalText = Field(description="what they would reserve")


def routes(desk: Desk) -> APIRouter:
    """Return the route that answers whether an entry is allowed."""
    router = APIRouter(tags=["portfolio"])

    @router.get("/portfolio/allowed")
    def allowed(asked: Annotated[AllowedQuestion, Query()]) -> Allowed:
        """Say whether a symbol may be bought now, how many shares, and if not why."""
        book = desk.book(asked)
        with desk.database.begin() as db:
            return _answer(db, book, asked.symbol)

    return router


def _answer(db: Connection, book: Book, symbol: str) -> Allowed:
    newest = max((quote.at for quote in quotes.load(db, book.id).values()), default=None)
    at = newest or book_states.load(db, book.id).set_at
    calendar = ExchangeCalendar(book.calendar)
    context = desks.risk_context(book, calendar, desks.look(db, book, calendar, at))
    # Risk sizes by its own quote: an intent's price is a note of what was seen.
    intent = Intent("question", book.id, symbol, Side.BUY, Purpose.ENTRY, Decimal(0), at)
    ruling = risk.judge(book, intent, context)
    last, order = ruling.judged[-1][2], ruling.order
    return Allowed(
        book=book.id,
        symbol=symbol,
        at=at,
        allowed=order is not None,
        reason=last.reason,
        words=in_words(last.reason),
        gate=last.gate,
        measured=spell(last.measured),
        limit=spell(last.limit),
        quantity=plain(order.quantity) if order else "0",
        notional=str(cents(order.reserved_notional)) if order else "0",
    )
