"""Proposed tiers, with the volatility that they were made of."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from app.io.store.schema import tier_proposals

_t = tier_proposals.c


def add(
    db: Connection,
    book_id: str,
    at: datetime,
    tiers: Sequence[Sequence[str]],
    volatility: Mapping[str, float],
    *,
    applied: bool,
) -> None:
    """Store a proposal of tier A, tier B and bench; one that is stored already stays."""
    names = zip(("tier_a", "tier_b", "bench"), map(list, tiers), strict=True)
    values = {"at": at, "volatility": dict(volatility), "applied": applied}
    db.execute(
        insert(tier_proposals)
        .values(book=book_id, **values, **dict(names))
        .on_conflict_do_nothing()
    )


def newest_at(db: Connection, book_id: str) -> datetime | None:
    """Return when tiers were proposed last."""
    found: datetime | None = db.scalar(sa.select(sa.func.max(_t.at)).where(_t.book == book_id))
    return found
