"""Bars of 30 seconds: in by COPY, out as one panel of arrays on a time grid."""

import csv
import io
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from app.engine.errors import InvalidData
from app.engine.market import Bar, Floats, Panel
from app.engine.rounding import decimal
from app.io.store.schema import bars_30s
from app.io.store.taping import change, reading

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_STAGE = "CREATE TEMP TABLE IF NOT EXISTS bars_in (LIKE bars_30s) ON COMMIT DELETE ROWS"
_COPY = "COPY bars_in FROM STDIN (FORMAT csv)"
# Ordered, so that two writers of the same bars wait for each other instead of deadlocking.
_MERGE = (
    "INSERT INTO bars_30s SELECT * FROM bars_in ORDER BY book, symbol, at ON CONFLICT DO NOTHING"
)

_PANEL = sa.text(
    """
    WITH wanted AS (SELECT * FROM unnest(CAST(:symbols AS text[])) WITH ORDINALITY AS w (symbol, n))
    SELECT n - 1, floor(extract(epoch FROM b.at - :start) / :span_s),
           b.open, b.high, b.low, b.close, b.volume, b.at
      FROM wanted JOIN bars_30s b USING (symbol)
     WHERE b.book = :book AND b.at >= :start AND b.at < :end
    UNION ALL
    SELECT n - 1, -1, p.close, p.close, p.close, p.close, 0, p.at
      FROM wanted CROSS JOIN LATERAL (
           SELECT close, at FROM bars_30s b
            WHERE b.book = :book AND b.symbol = wanted.symbol AND b.at < :start
            ORDER BY b.at DESC LIMIT 1) p
    ORDER BY 8
    """
)


@change
def insert(db: Connection, book: str, bars: Sequence[Bar], source: str) -> int:
    """Store the bars that are not stored yet; return how many those were.

    Raises InvalidData for a bar with a number that is not finite.
    """
    if not bars:
        return 0
    text = io.StringIO()
    rows = csv.writer(text)
    for b in bars:
        if not all(map(math.isfinite, (b.open, b.high, b.low, b.close, b.volume))):
            raise InvalidData(f"bar of {b.symbol} at {b.at.isoformat()} is not finite")
        numbers = (b.open, b.high, b.low, b.close, b.volume)
        rows.writerow([book, b.symbol, b.at.isoformat(), *map(float, numbers), source])
    text.seek(0)
    driver = db.connection.cursor()
    try:
        driver.execute(_STAGE)
        driver.copy_expert(_COPY, text)
        driver.execute(_MERGE)
        new = int(driver.rowcount)
        driver.execute("DELETE FROM bars_in")
    finally:
        driver.close()
    return new


@reading
def panel(
    db: Connection,
    book: str,
    symbols: Sequence[str],
    end: datetime,
    span: timedelta,
    count: int,
) -> Panel:
    """Return the last ``count`` whole bars before ``end``, which is cut down to the ``span`` grid.

    Several stored bars in one slot are merged into one bar. A slot without one carries the previous
    close, of whatever age, with volume 0; everything before a symbol's first bar is NaN.
    """
    end = _EPOCH + (end - _EPOCH) // span * span
    found = db.execute(
        _PANEL,
        {
            "book": book,
            "symbols": list(symbols),
            "start": end - count * span,
            "end": end,
            "span_s": span.total_seconds(),
        },
    ).all()
    rows = np.array([tuple(row)[:7] for row in found], dtype=np.float64).reshape(-1, 7)
    filled = on_grid(rows, len(symbols), count)
    return Panel(tuple(symbols), end, span, *filled)


def on_grid(
    rows: Floats, symbols: int, count: int
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Lay rows of (symbol, slot, open, high, low, close, volume), oldest first, on the grid."""
    width = count + 1  # the first column is the close before the window
    where = (rows[:, 0] * width + rows[:, 1] + 1).astype(np.intp)
    opened, closed = (np.full(symbols * width, np.nan) for _ in range(2))
    high, low = np.full(symbols * width, -np.inf), np.full(symbols * width, np.inf)
    volume = np.zeros(symbols * width)
    opened[where[::-1]] = rows[::-1, 2]
    np.maximum.at(high, where, rows[:, 3])
    np.minimum.at(low, where, rows[:, 4])
    closed[where] = rows[:, 5]
    np.add.at(volume, where, rows[:, 6])
    traded = ~np.isnan(closed)
    carried = _carry(closed.reshape(symbols, width)).ravel()
    volume[np.isnan(carried)] = np.nan
    columns = (
        *(np.where(traded, value, carried) for value in (opened, high, low)),
        carried,
        volume,
    )
    o, h, lo, c, v = (np.ascontiguousarray(x.reshape(symbols, width)[:, 1:]) for x in columns)
    return o, h, lo, c, v


def _carry(values: Floats) -> Floats:
    """Fill NaN with the last number to its left, row by row."""
    steps: NDArray[np.intp] = np.where(np.isnan(values), 0, np.arange(values.shape[1]))
    np.maximum.accumulate(steps, axis=1, out=steps)
    return np.take_along_axis(values, steps, axis=1)


_SINCE = sa.text(
    """
    SELECT symbol, at, open, high, low, close, volume FROM bars_30s
     WHERE book = :book AND symbol = ANY (CAST(:symbols AS text[])) AND at >= :since
    UNION ALL
    SELECT w.symbol, b.* FROM unnest(CAST(:symbols AS text[])) AS w (symbol)
     CROSS JOIN LATERAL (SELECT at, open, high, low, close, volume FROM bars_30s b
                          WHERE b.book = :book AND b.symbol = w.symbol AND b.at < :since
                          ORDER BY at DESC LIMIT 1) b
    ORDER BY 1, 2
    """
)


def since(db: Connection, book: str, symbols: Sequence[str], at: datetime) -> list[Bar]:
    """Return the bars from a time on and each symbol's last one before it, by symbol and time."""
    found = db.execute(_SINCE, {"book": book, "symbols": list(symbols), "since": at})
    return [Bar(*row) for row in found]


@reading
def last_at(db: Connection, book: str, symbols: Sequence[str]) -> dict[str, datetime]:
    """Return when each symbol's newest bar starts; symbols without bars are absent."""
    newest = sa.text(
        """
        SELECT symbol, at FROM unnest(CAST(:symbols AS text[])) AS w (symbol)
         CROSS JOIN LATERAL (SELECT at FROM bars_30s b WHERE b.book = :book AND b.symbol = w.symbol
                              ORDER BY at DESC LIMIT 1) b
        """
    )
    found = db.execute(newest, {"book": book, "symbols": list(symbols)})
    return {symbol: at for symbol, at in found}


def count_since(
    db: Connection, book: str, symbols: Sequence[str], since: datetime
) -> dict[str, int]:
    """Return how many bars each symbol has at or after ``since``; those without are absent."""
    t = bars_30s.c
    found = db.execute(
        sa.select(t.symbol, sa.func.count())
        .where(t.book == book, t.symbol.in_(symbols), t.at >= since)
        .group_by(t.symbol)
    )
    return {symbol: count for symbol, count in found}


_GAPS = sa.text(
    """
    SELECT w.symbol, first.open, last.close
      FROM unnest(CAST(:symbols AS text[])) AS w (symbol)
     CROSS JOIN LATERAL (SELECT open FROM bars_30s b
                          WHERE b.book = :book AND b.symbol = w.symbol
                            AND b.at >= :opened AND b.at < :opened_until
                          ORDER BY at LIMIT 1) first
     CROSS JOIN LATERAL (SELECT close FROM bars_30s b
                          WHERE b.book = :book AND b.symbol = w.symbol
                            AND b.at >= :closed_from AND b.at < :closed
                          ORDER BY at DESC LIMIT 1) last
    """
)


@reading
def gaps(
    db: Connection,
    book: str,
    symbols: Sequence[str],
    opening: tuple[datetime, datetime],
    closing: tuple[datetime, datetime],
) -> dict[str, tuple[float, float]]:
    """Return the first open in one span of time and the last close in another, by symbol.

    Symbols without a bar in either are absent.
    """
    found = db.execute(
        _GAPS,
        {
            "book": book,
            "symbols": list(symbols),
            "opened": opening[0],
            "opened_until": opening[1],
            "closed_from": closing[0],
            "closed": closing[1],
        },
    )
    return {symbol: (first, last) for symbol, first, last in found}


def stored_at(
    db: Connection, book: str, symbols: Sequence[str], start: datetime, end: datetime
) -> set[tuple[str, datetime]]:
    """Return (symbol, time) of the bars that are stored in [start, end)."""
    t = bars_30s.c
    wanted = (t.book == book, t.symbol.in_(symbols), t.at >= start, t.at < end)
    return {(symbol, at) for symbol, at in db.execute(sa.select(t.symbol, t.at).where(*wanted))}


def last_closes(
    db: Connection, book: str, symbols: Sequence[str], until: datetime
) -> dict[str, Decimal]:
    """Return the close of each symbol's last bar before a time; symbols without are absent."""
    newest = sa.text(
        """
        SELECT w.symbol, b.close FROM unnest(CAST(:symbols AS text[])) AS w (symbol)
         CROSS JOIN LATERAL (SELECT close FROM bars_30s b WHERE b.book = :book
                                AND b.symbol = w.symbol AND b.at < :until
                              ORDER BY at DESC LIMIT 1) b
        """
    )
    found = db.execute(newest, {"book": book, "symbols": list(symbols), "until": until})
    return {symbol: decimal(close) for symbol, close in found}
