"""What happened in a span of time, for key figures and for the triggers of experiments."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.engine.kpis import Range, Score
from app.engine.orders import Purpose
from app.engine.trades import Trade
from app.io.store.schema import bars_30s, fills, orders, signals

_s, _f, _o = signals.c, fills.c, orders.c
#: Exits at a stop; one that follows the price may sell at a gain.
STOPS = (Purpose.PROTECT, Purpose.STOP_LOSS, Purpose.TRAILING_STOP)


class Exits(NamedTuple):
    """Orders that sold and filled, and how many of them a stop sold at a loss."""

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
    """Count the exits that filled in [since, until), each order once.

    A stop lost where it sold below what the symbol's last entry paid. Of a position that was not
    entered here the cost is not known: its stop counts as a loss, which ends an experiment sooner.
    """
    orders_ = sa.func.count(sa.distinct(_o.client_id))
    lost = sa.func.coalesce(_o.average_price < _paid(), sa.true())
    query = (
        sa.select(orders_, orders_.filter(_o.purpose.in_(STOPS), lost))
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


def _paid() -> sa.ScalarSelect[Decimal | None]:
    """Return the average price of the entry that an order of the outer query ended."""
    entry = orders.alias("entry")
    e = entry.c
    return (
        sa.select(e.average_price)
        .where(e.book == _o.book, e.symbol == _o.symbol, e.purpose == Purpose.ENTRY)
        .where(e.filled_quantity > 0, e.created_at < _o.created_at)
        .order_by(e.created_at.desc())
        .limit(1)
        .correlate(orders)
        .scalar_subquery()
    )


_RANGES = sa.text(
    f"""
    SELECT min(p.low), max(p.high)
      FROM unnest(CAST(:symbols AS text[]), CAST(:since AS timestamptz[]),
                  CAST(:until AS timestamptz[])) WITH ORDINALITY AS w (symbol, since, until, n)
      LEFT JOIN LATERAL (
           SELECT b.low, b.high FROM {bars_30s.name} b
            WHERE b.book = :book AND b.symbol = w.symbol
              AND b.at >= w.since AND b.at + interval '30 seconds' <= w.until
            UNION ALL
           SELECT CAST(f.price AS float8), CAST(f.price AS float8) FROM {fills.name} f
            WHERE f.book = :book AND f.symbol = w.symbol AND f.at BETWEEN w.since AND w.until
      ) p ON true
     GROUP BY n ORDER BY n
    """
)


def ranges(
    db: Connection, book_id: str, of: Sequence[Trade], until: datetime
) -> list[Range | None]:
    """Return the lowest and highest price while each trade was open, ``until`` at most.

    From the bars that lie in that time as a whole, and from the fills, which may have been at
    prices that no such bar has; None where there is neither.
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
