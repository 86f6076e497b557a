"""A book's texts and model calls in numbers: how many, and what they cost."""

from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.engine.events import NEWS, EventKind
from app.io.store import model_calls
from app.io.store.schema import events

_e = events.c


@dataclass(frozen=True, slots=True)
class DayFigures:
    """Events by what they are, calls to the model, and dollars: billed, or else reserved."""

    news: int = 0
    filings: int = 0
    spikes: int = 0
    model_calls: int = 0
    model_usd: Decimal = Decimal(0)


def counted(db: Connection, book_id: str) -> DayFigures:
    """Return the figures of all that is stored of a book."""
    query = sa.select(_e.kind, sa.func.count()).where(_e.book == book_id).group_by(_e.kind)
    by_kind = {EventKind(kind): int(n) for kind, n in db.execute(query)}
    made = model_calls.made(db, book_id)
    return DayFigures(
        news=sum(n for kind, n in by_kind.items() if kind in NEWS),
        filings=by_kind.get(EventKind.EDGAR, 0),
        spikes=by_kind.get(EventKind.VOL_SPIKE, 0),
        model_calls=made.calls,
        model_usd=made.usd,
    )
