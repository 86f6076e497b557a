"""Tallies: the verdicts of a span of time, counted by step, gate and reason."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.engine.funnel import Tally
from app.engine.verdicts import Reason
from app.io.store import noise

#: How many symbols of a refusal are named.
TOP = 3
#: What refusals below noise are about: their subjects are not kept.
_QUIET = {"model": "event", "signals": "signal"}

# A subject's verdicts of one time and step are a walk through the gates up to the first refusal;
# intents walk through the gates of entries or through those of exits.
_WALKS = """
    WITH said AS MATERIALIZED (
        SELECT v.step, v.symbol, v.gate, v.reason,
               CASE WHEN v.subject NOT LIKE 'intent:%' THEN split_part(v.subject, ':', 1)
                    WHEN i.purpose <> 'entry' THEN 'exit' ELSE 'entry' END AS kind,
               row_number() OVER walk AS place,
               count(*) OVER (PARTITION BY v.step, v.at, v.symbol, v.subject) AS length
          FROM verdicts v LEFT JOIN intents i ON v.subject = 'intent:' || i.id AND i.book = v.book
         WHERE v.book = :book AND v.at >= :since AND v.at < :until
        WINDOW walk AS (PARTITION BY v.step, v.at, v.symbol, v.subject ORDER BY v.id))
"""
_REFUSED = sa.text(
    f"""
    {_WALKS}, named AS (
        SELECT step, kind, gate, reason, symbol, count(*) AS n, max(place) AS place,
               row_number() OVER (PARTITION BY step, kind, gate, reason
                                  ORDER BY count(*) DESC, symbol) AS nth
          FROM said WHERE reason <> 'passed' GROUP BY step, kind, gate, reason, symbol)
    SELECT step, kind, gate, reason, sum(n) AS total, max(place) AS place,
           array_agg(symbol ORDER BY nth) FILTER (WHERE nth <= :top) AS symbols,
           array_agg(n ORDER BY nth) FILTER (WHERE nth <= :top) AS times
      FROM named GROUP BY step, kind, gate, reason
    """
)
_PASSED = sa.text(
    f"""
    {_WALKS} SELECT step, kind, count(*) AS total FROM said
     WHERE place = length AND reason = 'passed' GROUP BY step, kind
    """
)


def tallies(db: Connection, book: str, since: datetime, until: datetime) -> list[Tally]:
    """Count a book's verdicts in [since, until), those below noise included."""
    span = {"book": book, "since": since, "until": until}
    loud = [_refused(row) for row in db.execute(_REFUSED, span | {"top": TOP})]
    passed = [Tally(r.step, r.kind, "", Reason.PASSED, r.total) for r in db.execute(_PASSED, span)]
    quiet = [
        Tally(step, _QUIET.get(step, ""), gate, reason, n)
        for (step, gate, reason), n in noise.counts(db, book, since, until).items()
    ]
    return _together([*loud, *passed, *quiet])


def _refused(row: sa.Row[Any]) -> Tally:
    top = tuple(zip(row.symbols, row.times, strict=True))
    return Tally(row.step, row.kind, row.gate, row.reason, int(row.total), row.place, top)


def _together(found: list[Tally]) -> list[Tally]:
    """Add what was kept compact to what was kept in full of the same gate and reason."""
    by_gate: dict[tuple[str, str, str, str], list[Tally]] = {}
    for t in found:
        by_gate.setdefault((t.step, t.kind, t.gate, t.reason), []).append(t)
    return [
        Tally(*key, sum(t.count for t in same), max(t.place for t in same), same[0].top)
        for key, same in by_gate.items()
    ]


def executions(
    db: Connection, book: str, since: datetime, until: datetime
) -> tuple[Mapping[str, int], int]:
    """Return how many orders made in [since, until) are in each state, and how many fills came."""
    span = {"book": book, "since": since, "until": until}
    states = sa.text(
        "SELECT state, count(*) FROM orders WHERE book = :book AND created_at >= :since"
        " AND created_at < :until GROUP BY state ORDER BY state"
    )
    fills = sa.text(
        "SELECT count(*) FROM fills WHERE book = :book AND at >= :since AND at < :until"
    )
    by_state = {state: int(count) for state, count in db.execute(states, span)}
    return by_state, int(db.scalar(fills, span) or 0)
