"""Key figures: what an hour was made of becomes a row, the last one at the session's close."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.engine import Connection

from app.engine import kpis as figures_of
from app.engine import session
from app.engine.candidates import cutoff_of
from app.engine.experiments import Reading
from app.engine.kpis import FLIP_WITHIN, Hour
from app.engine.session import SessionHours
from app.engine.trades import trades
from app.io.store import adjustments, fills, happened, kpis, model_calls, verdicts
from app.io.store.kpis import Row
from app.pipeline.counters import counters
from app.pipeline.services import Services

Readings = dict[str, Reading]


def write(to: Services, slot: int) -> str:
    """Store the figures of the hour that ended when a slot began, if it was one of the session's.

    Hours are counted as slots of the book's interval, so that they begin with the clock's. The last
    one before the session is stored as well: what the first one spends is counted from there.
    """
    every = to.book.schedule.kpis
    until = datetime.fromtimestamp(slot * every.total_seconds(), UTC)
    hours = to.calendar.session_for(until - every)
    if until + every <= hours.open or until - every >= hours.close:
        return "outside the session"
    return _write(to, hours, until - every, min(until, hours.close))


def write_last(to: Services, hours: SessionHours) -> str:
    """Store the figures of the session's last hour, or of the part of it before the close."""
    every = to.book.schedule.kpis.total_seconds()
    begun = (hours.close.timestamp() - 1e-6) // every * every
    return _write(to, hours, datetime.fromtimestamp(begun, UTC), hours.close)


def _write(to: Services, hours: SessionHours, since: datetime, until: datetime) -> str:
    # Redis is asked before the transaction, so that no connection waits for it.
    now = counters(to)
    with to.database.begin() as db:
        hour = _load(to, db, since, until, now)
        body = figures_of.figures(hour, lambda at: _cutoff(to, hours, at))
        kpis.save(db, to.book.id, Row(until, body | {"counters": _counters(now)}))
    return f"{body['generated']} signals, {body['positions']} positions"


def _load(
    to: Services,
    db: Connection,
    since: datetime,
    until: datetime,
    now: Readings | None,
) -> Hour:
    book = to.book.id
    made = trades(fills.all(db, book), adjustments.all(db, book))
    held = figures_of.held_in(made, since, until)
    asked = model_calls.made(db, book, since, until)
    return Hour(
        since=since,
        until=until,
        settings=to.settings,
        scores=happened.scores(db, book, since - FLIP_WITHIN, until),
        refused=verdicts.counts(db, book, since, until),
        held=list(zip(held, happened.ranges(db, book, held, until), strict=True)),
        model_calls=asked.calls,
        model_usd=asked.usd,
        before=_stored(kpis.at(db, book, since).get("counters")),
        now=now,
    )


def _cutoff(to: Services, hours: SessionHours, at: datetime) -> float:
    return cutoff_of(to.book.signals, in_regular_hours=session.regular(hours, at))


def _counters(readings: Readings | None) -> dict[str, Any] | None:
    if readings is None:
        return None
    return {name: [r.at.isoformat(), r.granted, r.refused] for name, r in readings.items()}


def _stored(counters: Mapping[str, Any] | None) -> Readings | None:
    if counters is None:
        return None
    read = datetime.fromisoformat
    return {name: Reading(read(at), yes, no) for name, (at, yes, no) in counters.items()}
