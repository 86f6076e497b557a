"""History: the last N bars of regular trading, and the task that fetches what is missing."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from app.engine.market import Panel, halves
from app.engine.session import SessionHours, trading_hours
from app.io.feeds.port import Throttled
from app.io.store import bars, quarantine
from app.io.store.taping import Transaction
from app.pipeline import calls
from app.pipeline.services import Frame, Services

#: Bars are stored at this resolution; one-minute history is cut in two.
SPAN = timedelta(seconds=30)


def windows(to: Frame, hours: SessionHours, end: datetime) -> list[tuple[datetime, int]]:
    """Return (end, bars) pieces, oldest first, that make up the last N bars of trading.

    They are of regular hours, or of extended ones where signals are made in those.
    """
    missing, pieces = to.book.signals.history, []
    extended = to.book.signals.extended_hours
    start, close = trading_hours(hours, extended=extended)
    until = min(end, close)
    while missing > 0:
        count = min(missing, max((until - start) // SPAN, 0))
        if count:
            pieces.append((until, count))
            missing -= count
        hours = to.calendar.previous(hours.date)
        start, until = trading_hours(hours, extended=extended)
    return pieces[::-1]


def panel(
    to: Frame,
    db: Transaction,
    hours: SessionHours,
    end: datetime,
    of: Sequence[str] | None = None,
) -> Panel:
    """Return the panel of the named symbols, else of the universe, until ``end``; no nights."""
    symbols = tuple(to.book.universe.symbols if of is None else of)
    parts = [
        bars.panel(db, to.book.id, symbols, end=until, span=SPAN, count=count)
        for until, count in windows(to, hours, end)
    ]
    return Panel(
        symbols,
        end,
        SPAN,
        *(
            np.concatenate([getattr(part, name) for part in parts], axis=1)
            for name in ("open", "high", "low", "close", "volume")
        ),
    )


def backfill(to: Services, symbols: Sequence[str] | None = None) -> str:
    """Fetch the minutes that the panel needs and the store does not have. Repeating it is free.

    Of the whole universe unless symbols are named: those that woke, or that have a gap. What the
    rate limit refuses is left for the next time.
    """
    now = to.clock.now()
    hours = to.calendar.session_for(now)
    fetched = 0
    for until, count in windows(to, hours, now.replace(second=0, microsecond=0)):
        start = until - count * SPAN
        missing = _missing(to, symbols or to.book.universe.symbols, (start, until), count)
        try:
            fetched += fetch(to, missing, start, until)
        except Throttled as error:
            return f"{fetched} bars, {error}"
    return f"{fetched} bars"


def _missing(
    to: Services, symbols: Sequence[str], piece: tuple[datetime, datetime], count: int
) -> list[str]:
    """Return the symbols with fewer than ``count`` bars in a piece; later bars do not count."""
    start, until = piece
    with to.database.begin() as db:
        have = bars.count_since(db, to.book.id, symbols, start)
        later = bars.count_since(db, to.book.id, symbols, until)
    return [s for s in symbols if have.get(s, 0) - later.get(s, 0) < count]


def fetch(to: Services, symbols: Sequence[str], start: datetime, until: datetime) -> int:
    """Fetch and store the minutes of symbols in [start, until); return how many bars were new."""
    if not symbols:
        return 0
    with calls.heeding(to):
        seen = to.quotes.minute_bars(symbols, start, until, calls.taker(to, "history"))
    with to.database.begin() as db:
        for bad in seen.bad:
            quarantine.add(
                db,
                to.book.id,
                to.clock.now(),
                "bars",
                bad.symbol,
                bad.reason,
                {"said": bad.payload},
            )
        halved = [half for bar in seen.good for half in halves(bar)]
        return bars.insert(db, to.book.id, halved, "history")
