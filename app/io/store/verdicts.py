"""The ledger of decisions: every verdict of every gate, refusals below noise in compact rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from app.engine.rounding import plain
from app.engine.verdicts import BELOW_NOISE, Measured, Verdict
from app.io.store.schema import intents, verdict_slots, verdicts

_v, _n, _i = verdicts.c, verdict_slots.c, intents.c


class Judged(NamedTuple):
    """A verdict and what it is about; subject is signal:ID, basket:NAME:TICK or intent:ID."""

    symbol: str
    subject: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Decision:
    """A stored verdict. The subject is empty where the refusal was below noise."""

    at: datetime
    step: str
    symbol: str
    subject: str
    gate: str
    reason: str
    measured: str | None
    limit: str | None
    settings: str


def spell(value: Measured) -> str | None:
    """Return a measured number or a limit as text: twelve digits, time spans in seconds."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.12g}s"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return plain(value)
    return format(value, ".12g") if isinstance(value, float) else str(value)


def add(
    db: Connection,
    book_id: str,
    at: datetime,
    settings: str,
    steps: Mapping[str, Iterable[tuple[str, str, Verdict]]],
) -> None:
    """Store what the gates of each step said, in the order in which they said it.

    A subject that was refused below noise is that refusal and nothing more: the gates that it
    passed before are not kept.
    """
    full: list[dict[str, object]] = []
    compact: list[dict[str, object]] = []
    for step, judged in steps.items():
        where = {"book": book_id, "at": at, "step": step, "settings": settings}
        loud, quiet = _by_noise([Judged._make(one) for one in judged])
        full += [
            {"step": step, "symbol": j.symbol, "subject": j.subject, **_numbers(j.verdict)}
            for j in loud
        ]
        compact += [where | _slot(gate, reason, js) for (gate, reason), js in quiet.items()]
    if full:
        columns = {name: [row[name] for row in full] for name in _FULL}
        db.execute(_INSERT, columns | {"book": book_id, "at": at, "settings": settings})
    if compact:
        db.execute(_INSERT_SLOT, compact)


_FULL = ("symbol", "subject", "step", "gate", "reason", "measured", "limit")
# Arrays travel and parse several times faster than as many rows of parameters.
_INSERT = sa.text(
    """
    INSERT INTO verdicts
           (book, at, settings, symbol, subject, step, gate, reason, measured, "limit")
    SELECT :book, :at, :settings, symbol, subject, step, gate, reason, measured, "limit"
      FROM unnest(
           CAST(:symbol AS text[]), CAST(:subject AS text[]), CAST(:step AS text[]),
           CAST(:gate AS text[]), CAST(:reason AS text[]), CAST(:measured AS text[]),
           CAST(:limit AS text[]))
           WITH ORDINALITY AS v (symbol, subject, step, gate, reason, measured, "limit", n)
     ORDER BY n
    """
)
_INSERT_SLOT = insert(verdict_slots).on_conflict_do_nothing()


def _by_noise(
    judged: Sequence[Judged],
) -> tuple[list[Judged], dict[tuple[str, str], list[Judged]]]:
    """Part what is kept in full from what is kept as one row a gate and reason."""
    noise = {j.subject for j in judged if j.verdict.reason in BELOW_NOISE}
    compact: dict[tuple[str, str], list[Judged]] = {}
    for j in judged:
        if j.verdict.reason in BELOW_NOISE:
            compact.setdefault((j.verdict.gate, j.verdict.reason), []).append(j)
    return [j for j in judged if j.subject not in noise], compact


def _numbers(verdict: Verdict) -> dict[str, object]:
    return {
        "gate": verdict.gate,
        "reason": verdict.reason,
        "measured": spell(verdict.measured),
        "limit": spell(verdict.limit),
    }


def _slot(gate: str, reason: str, judged: Sequence[Judged]) -> dict[str, object]:
    return {
        "gate": gate,
        "reason": reason,
        "symbols": [j.symbol for j in judged],
        "measured": [spell(j.verdict.measured) for j in judged],
        "limit": [spell(j.verdict.limit) for j in judged],
    }


def chain(db: Connection, book_id: str, symbol: str, at: datetime | None = None) -> list[Decision]:
    """Return the newest chain of decisions about a symbol that began at or before ``at``.

    A chain is what one step said of the symbol at one time, with every verdict on the signals that
    caused it and the intents that came of it; oldest first, in the order of the gates.
    """
    newest = _newest(db, book_id, symbol, at)
    if newest is None:
        return []
    mine = sa.and_(_v.symbol == symbol, _v.at == newest)
    subjects = set(db.scalars(sa.select(_v.subject).where(_v.book == book_id, mine)))
    linked = _linked(db, book_id, subjects)
    full = (
        sa.select(*(_v[c.name] for c in _DECISION), _v.id)
        .where(_v.book == book_id, sa.or_(mine, _v.subject.in_(linked)))
        .order_by(_v.at, _v.id)
    )
    found = [Decision(*row[:-1]) for row in db.execute(full)]
    noise = sa.select(verdict_slots).where(
        _n.book == book_id, _n.at == newest, _n.symbols.contains([symbol])
    )
    found += [_compact(row, symbol) for row in db.execute(noise)]
    # Passes come before the refusal that ended the step, and sorting keeps their order.
    return sorted(found, key=lambda d: d.at)


_DECISION = (
    _v.at,
    _v.step,
    _v.symbol,
    _v.subject,
    _v.gate,
    _v.reason,
    _v.measured,
    _v.limit,
    _v.settings,
)


def newest(db: Connection, book_id: str, limit: int, at: datetime | None = None) -> list[Decision]:
    """Return the decisions made last at or before ``at``, newest first, none below noise."""
    query = sa.select(*_DECISION).where(_v.book == book_id, *([_v.at <= at] if at else []))
    return [
        Decision(*row)
        for row in db.execute(query.order_by(_v.at.desc(), _v.id.desc()).limit(limit))
    ]


def _newest(db: Connection, book_id: str, symbol: str, at: datetime | None) -> datetime | None:
    full = sa.select(sa.func.max(_v.at)).where(_v.book == book_id, _v.symbol == symbol)
    noise = sa.select(sa.func.max(_n.at)).where(_n.book == book_id, _n.symbols.contains([symbol]))
    if at is not None:
        full, noise = full.where(_v.at <= at), noise.where(_n.at <= at)
    return db.scalar(sa.select(sa.func.greatest(full.scalar_subquery(), noise.scalar_subquery())))


def _linked(db: Connection, book_id: str, subjects: set[str]) -> set[str]:
    """Return the subjects with their causes (signals) and their consequences (intents)."""
    by_kind: dict[str, list[str]] = {"signal": [], "intent": []}
    for subject in subjects:
        kind, _, name = subject.partition(":")
        by_kind.setdefault(kind, []).append(name)
    signals = sa.cast(by_kind["signal"], _i.signals.type)
    family = sa.select(_i.id, _i.signals).where(
        _i.book == book_id, sa.or_(_i.id.in_(by_kind["intent"]), _i.signals.overlap(signals))
    )
    linked = set(subjects)
    for intent, causes in db.execute(family):
        linked.add(f"intent:{intent}")
        linked.update(f"signal:{cause}" for cause in causes)
    return linked


def _compact(row: sa.Row[Any], symbol: str) -> Decision:
    n = row.symbols.index(symbol)
    return Decision(
        row.at,
        row.step,
        symbol,
        "",
        row.gate,
        row.reason,
        row.measured[n],
        row.limit[n],
        row.settings,
    )


def counts(db: Connection, book_id: str, since: datetime, until: datetime) -> dict[str, int]:
    """Return how many verdicts in [since, until) there are of each reason, passes as ``passed``."""
    full = (
        sa.select(_v.reason, sa.func.count().label("n"))
        .where(_v.book == book_id, _v.at >= since, _v.at < until)
        .group_by(_v.reason)
    )
    compact = (
        sa.select(_n.reason, sa.func.sum(sa.func.cardinality(_n.symbols)).label("n"))
        .where(_n.book == book_id, _n.at >= since, _n.at < until)
        .group_by(_n.reason)
    )
    both = sa.union_all(full, compact).subquery()
    total = sa.select(both.c.reason, sa.func.sum(both.c.n)).group_by(both.c.reason)
    return {reason: int(n) for reason, n in db.execute(total.order_by(both.c.reason))}
