"""Data that was refused, with the reason."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection

from app.io.store.schema import quarantine

#: For how long a repeated entry is the same one.
REPEATED = timedelta(days=1)


def add(
    db: Connection,
    book: str,
    at: datetime,
    source: str,
    symbol: str | None,
    reason: str,
    payload: Mapping[str, Any],
) -> None:
    """Keep what was refused and why; numbers that are not finite are kept as text."""
    row = {"book": book, "at": at, "source": source, "symbol": symbol}
    db.execute(quarantine.insert().values(**row, reason=reason, payload=dict(payload)))


def add_once(
    db: Connection,
    book: str,
    at: datetime,
    source: str,
    symbol: str | None,
    reason: str,
    payload: Mapping[str, Any],
) -> bool:
    """Keep what was refused unless its source repeats itself; say whether it was new.

    Feeds overlap from call to call, so the same entry comes again within ``REPEATED``.
    """
    t = quarantine.c
    same = sa.and_(t.book == book, t.at > at - REPEATED, t.source == source, t.reason == reason)
    about = t.symbol.is_not_distinct_from(symbol)
    told = sa.select(sa.exists().where(same, about, t.payload == sa.literal(dict(payload), JSONB)))
    if db.scalar(told):
        return False
    add(db, book, at, source, symbol, reason, payload)
    return True
