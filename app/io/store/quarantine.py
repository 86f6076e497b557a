"""Data that was refused, with the reason."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from app.io.store.schema import quarantine


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
