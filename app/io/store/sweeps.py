"""Sweeps: what was tried over which days, and what each trial of each day came to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from app.io.store.schema import sweep_trials, sweeps

_s, _t = sweeps.c, sweep_trials.c


@dataclass(frozen=True, slots=True)
class Sweep:
    """Trials by their place, each the settings that it changes, and the days that it is tried on.

    ``id`` is a function of all of it: the same sweep again goes on where it ended.
    """

    id: str
    book: str
    trials: tuple[Mapping[str, str], ...]
    dates: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class Played:
    """What one trial came to on one day; ``error`` is why it could not be played."""

    trial: int
    date: date
    equity_open: Decimal
    gained: Decimal
    orders: int
    unanswered: int
    error: str | None = None


_NAMES = tuple(field.name for field in fields(Played))


def begin(db: Connection, sweep: Sweep) -> None:
    """Keep a sweep, unless it is kept."""
    values = {
        "id": sweep.id,
        "book": sweep.book,
        "trials": [dict(each) for each in sweep.trials],
        "dates": [day.isoformat() for day in sweep.dates],
    }
    db.execute(insert(sweeps).values(values).on_conflict_do_nothing())


def load(db: Connection, sweep_id: str) -> Sweep | None:
    """Return a sweep."""
    row = db.execute(sa.select(_s.book, _s.trials, _s.dates).where(_s.id == sweep_id)).one_or_none()
    if row is None:
        return None
    days = tuple(date.fromisoformat(text) for text in row.dates)
    return Sweep(sweep_id, row.book, tuple(row.trials), days)


def add_once(db: Connection, sweep_id: str, played: Sequence[Played]) -> None:
    """Keep what trials came to; whoever is second with the same one changes nothing."""
    if played:
        rows = [
            {"sweep": sweep_id} | {name: getattr(one, name) for name in _NAMES} for one in played
        ]
        db.execute(insert(sweep_trials).on_conflict_do_nothing(), rows)


def played(db: Connection, sweep_id: str) -> list[Played]:
    """Return what is known of a sweep, by trial and date."""
    query = sa.select(*(_t[name] for name in _NAMES)).where(_t.sweep == sweep_id)
    return [Played(*row) for row in db.execute(query.order_by(_t.trial, _t.date))]


def count(db: Connection, sweep_id: str) -> int:
    """Return how many trials of days are known."""
    query = sa.select(sa.func.count()).where(_t.sweep == sweep_id)
    return db.scalar(query) or 0
