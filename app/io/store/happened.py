"""What happened in a span of time, for key figures and for the triggers of experiments."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.engine.kpis import Range, Score, Trade
from app.engine.orders import Purpose
from app.io.store.schema import bars_30s, fills, orders, signals

_s, _f, _o = signals.c, fills.c, orders.c
#: Exits because the price went against the position.
STOPS = (Purpose.PROTECT, Purpose.STOP_LOSS, Purpose.TRAILING_STOP)


class Exits(NamedTuple):
    """Orders that sold and filled, and how many of them a stop made."""

    all: int
    stop_outs: int


def scores(db: Connection, book_id: str, since: datetime, until: datetime) -> list[Score]:
    """Return the signals in [since, until), oldest first."""
    query = (
        sa.select(_s.symbol, _s.at, _s.score)
        .where(_s.book == book_id, _s.at >= since, _s.at < until)
        .order_by(_s.at, _s.symbol)
    )
    return [Score(*row) for row in db.execute(query)]


def exits(db: Connection, book_id: str, since: datetime, until: datetime) -> Exits:
    """Count the exits that filled in [since, until), each order once."""
    orders_ = sa.func.count(sa.distinct(_o.client_id))
    query = (
        sa.select(orders_, orders_.filter(_o.purpose.in_(STOPS)))
        .join_from(orders, fills, _f.client_id == _o.client_id)
        .where(
            _o.book == book_id,
            _f.book == book_id,
            _f.at >= since,
            _f.at < until,
            _o.purpose != Purpose.ENTRY,
        )
    )
    return Exits(*db.execute(query).one())


_RANGES = sa.text(
    f"""
    SELECT min(b.low), max(b.high)
      FROM unnest(CAST(:symbols AS text[]), CAST(:since AS timestamptz[]),
                  CAST(:until AS timestamptz[])) WITH ORDINALITY AS w (symbol, since, until, n)
      LEFT JOIN {bars_30s.name} b ON b.book = :book AND b.symbol = w.symbol
            AND b.at >= w.since AND b.at + interval '30 seconds' <= w.until
     GROUP BY n ORDER BY n
    """
)


def ranges(
    db: Connection, book_id: str, of: Sequence[Trade], until: datetime
) -> list[Range | None]:
    """Return the lowest and highest price while each trade was open, ``until`` at most.

    From the bars that lie in that time as a whole; None where there is none.
    """
    if not of:
        return []
    found = db.execute(
        _RANGES,
        {
            "book": book_id,
            "symbols": [trade.symbol for trade in of],
            "since": [trade.opened_at for trade in of],
            "until": [min(trade.closed_at or until, until) for trade in of],
        },
    )
    return [None if low is None else Range(low, high) for low, high in found]
