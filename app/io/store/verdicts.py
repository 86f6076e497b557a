"""The ledger of decisions: every verdict of every gate, refusals below noise in compact rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.engine.verdicts import BELOW_NOISE, Verdict
from app.io.store import noise
from app.io.store.chains import DECISION, Decision
from app.io.store.packing import spell
from app.io.store.schema import verdicts
from app.io.store.taping import reading, telling

_v = verdicts.c


class Judged(NamedTuple):
    """A verdict and its subject, which ``engine.verdicts.Judged`` lists."""

    symbol: str
    subject: str
    verdict: Verdict


@telling
def add(
    db: Connection,
    book_id: str,
    at: datetime,
    settings: str,
    steps: Mapping[str, Sequence[tuple[str, str, Verdict]]],
) -> None:
    """Store what the gates of each step said, in the order in which they said it.

    A subject that was refused below noise is that refusal and nothing more: the gates that it
    passed before are not kept.
    """
    full: list[dict[str, object]] = []
    for step, judged in steps.items():
        said = [Judged._make(one) for one in judged]
        loud, quiet = _by_noise(said)
        full += [
            {"step": step, "symbol": j.symbol, "subject": j.subject, **_numbers(j.verdict)}
            for j in loud
        ]
        where = noise.Where(book_id, at, step, settings)
        noise.add(db, where, [j.symbol for j in said] if quiet else (), quiet)
    if full:
        columns = {name: [row[name] for row in full] for name in _FULL}
        db.execute(_INSERT, columns | {"book": book_id, "at": at, "settings": settings})


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


def _by_noise(
    judged: Sequence[Judged],
) -> tuple[list[Judged], dict[tuple[str, str], dict[str, Verdict]]]:
    """Part what is kept in full from what is kept as one row a gate and reason.

    A symbol refused a second time by the same gate, as for another event, says nothing new unless
    its numbers are others: then it is kept in full.
    """
    subjects = {(j.symbol, j.subject) for j in judged if j.verdict.reason in BELOW_NOISE}
    loud: list[Judged] = []
    quiet: dict[tuple[str, str], dict[str, Verdict]] = {}
    for j in judged:
        if j.verdict.reason not in BELOW_NOISE:
            if (j.symbol, j.subject) not in subjects:
                loud.append(j)
            continue
        refused = quiet.setdefault((j.verdict.gate, j.verdict.reason), {})
        if refused.setdefault(j.symbol, j.verdict) != j.verdict:
            loud.append(j)
    return loud, quiet


def _numbers(verdict: Verdict) -> dict[str, object]:
    return {
        "gate": verdict.gate,
        "reason": verdict.reason,
        "measured": spell(verdict.measured),
        "limit": spell(verdict.limit),
    }


@reading
def said(db: Connection, book_id: str, subject: str, gate: str) -> bool:
    """Return whether a gate has said anything about a subject."""
    mine = sa.select(_v.id).where(_v.book == book_id, _v.subject == subject, _v.gate == gate)
    return db.scalar(sa.select(mine.exists())) is True


def newest(db: Connection, book_id: str, limit: int, at: datetime | None = None) -> list[Decision]:
    """Return the decisions made last at or before ``at``, newest first, none below noise."""
    query = sa.select(*DECISION).where(_v.book == book_id, *([_v.at <= at] if at else []))
    return [
        Decision(*row)
        for row in db.execute(query.order_by(_v.at.desc(), _v.id.desc()).limit(limit))
    ]


def counts(db: Connection, book_id: str, since: datetime, until: datetime) -> dict[str, int]:
    """Return how many verdicts in [since, until) there are of each reason, passes as ``passed``."""
    full = (
        sa.select(_v.reason, sa.func.count())
        .where(_v.book == book_id, _v.at >= since, _v.at < until)
        .group_by(_v.reason)
    )
    total = {reason: int(n) for reason, n in db.execute(full)}
    for (_, _, reason), n in noise.counts(db, book_id, since, until).items():
        total[reason] = total.get(reason, 0) + n
    return dict(sorted(total.items()))
