"""Refusals below noise: one compact row a slot, step, gate and reason instead of one a symbol.

The symbols of a step stand once in a list that slots refer to by its digest: they are the same ones
from slot to slot. A row says which of the list it is about (a bit each), and their numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from app.engine.ids import digest
from app.engine.verdicts import Verdict
from app.io.store.packing import mark, pack, rank, unpack
from app.io.store.schema import verdict_slots, verdict_symbols

_n = verdict_slots.c
#: Looked through one after the other: what is asked about has mostly just been decided.
_FIRST_LOOK = timedelta(hours=1)


class Where(NamedTuple):
    """What the rows of one step have in common."""

    book: str
    at: datetime
    step: str
    settings: str


@dataclass(frozen=True, slots=True)
class Refused:
    """One symbol's refusal below noise, as it is shown."""

    at: datetime
    step: str
    gate: str
    reason: str
    measured: str | None
    limit: str | None
    settings: str


Refusals = Mapping[tuple[str, str], Mapping[str, Verdict]]


def add(db: Connection, where: Where, symbols: Sequence[str], refusals: Refusals) -> None:
    """Store a step's refusals by gate and reason; ``symbols`` are all that the step judged.

    A slot that is stored already stays as it is.
    """
    if not refusals:
        return
    known = sorted(set(symbols))
    places = {symbol: place for place, symbol in enumerate(known)}
    name = _list(db, where.book, known)
    db.execute(
        _INSERT,
        [
            where._asdict() | {"gate": gate, "reason": reason, "list": name, **_row(places, of)}
            for (gate, reason), of in refusals.items()
        ],
    )


_INSERT = insert(verdict_slots).on_conflict_do_nothing()


def _row(places: Mapping[str, int], refused: Mapping[str, Verdict]) -> dict[str, Any]:
    inside = sorted(refused.items())
    return {
        "members": mark([places[symbol] for symbol, _ in inside], len(places)),
        "count": len(inside),
        "measured": pack([verdict.measured for _, verdict in inside]),
        "limit": pack([verdict.limit for _, verdict in inside]),
    }


def _list(db: Connection, book: str, symbols: Sequence[str]) -> str:
    """Return the digest of a list, which is stored unless it was before."""
    name = digest(*symbols)
    by_name = verdict_symbols.c.book == book, verdict_symbols.c.id == name
    if not db.scalar(sa.select(sa.exists().where(*by_name))):
        row = {"book": book, "id": name, "symbols": list(symbols)}
        db.execute(insert(verdict_symbols).on_conflict_do_nothing(), row)
    return name


# Lists are few, slots are many: each list inside the time is looked through once.
_KNOWN = """
    WITH known AS MATERIALIZED (
        SELECT id, array_position(symbols, :symbol) - 1 AS place
          FROM verdict_symbols
         WHERE book = :book AND :symbol = ANY (symbols)
           AND id IN (SELECT list FROM verdict_slots
                       WHERE book = :book AND at > :since AND at <= :until))
"""
_AMONG = """
      FROM verdict_slots s JOIN known ON known.id = s.list
     WHERE s.book = :book AND s.at > :since AND s.at <= :until
       AND (s.members IS NULL OR get_bit(s.members, known.place) = 1)
"""
_NEWEST = sa.text(f"{_KNOWN} SELECT s.at {_AMONG} ORDER BY s.at DESC LIMIT 1")
_OF = sa.text(
    f'{_KNOWN} SELECT s.at, s.step, s.gate, s.reason, s.measured, s."limit", s.settings,'
    f" s.members, known.place {_AMONG} ORDER BY s.step, s.gate, s.reason"
)


def newest(
    db: Connection, book: str, symbol: str, since: datetime, until: datetime
) -> datetime | None:
    """Return when a symbol was last refused below noise in (since, until]."""
    for start in (max(since, until - _FIRST_LOOK), since):
        span = {"since": start, "until": until}
        found: datetime | None = db.scalar(_NEWEST, {"book": book, "symbol": symbol} | span)
        if found is not None:
            return found
    return None


def of(db: Connection, book: str, symbol: str, at: datetime) -> list[Refused]:
    """Return a symbol's refusals below noise at exactly one time."""
    span = {"since": at - timedelta.resolution, "until": at}
    rows = db.execute(_OF, {"book": book, "symbol": symbol} | span)
    return [_refused(row) for row in rows]


def _refused(row: sa.Row[Any]) -> Refused:
    members = None if row.members is None else bytes(row.members)
    place = rank(members, row.place)
    measured, limit = (
        None if packed is None else unpack(bytes(packed), place)
        for packed in (row.measured, row.limit)
    )
    return Refused(row.at, row.step, row.gate, row.reason, measured, limit, row.settings)


def last_at(db: Connection, book: str) -> datetime | None:
    """Return the time of the book's newest refusal below noise."""
    when: datetime | None = db.scalar(sa.select(sa.func.max(_n.at)).where(_n.book == book))
    return when


def counts(
    db: Connection, book: str, since: datetime, until: datetime
) -> dict[tuple[str, str, str], int]:
    """Return how many refusals in [since, until) there are by step, gate and reason."""
    query = (
        sa.select(_n.step, _n.gate, _n.reason, sa.func.sum(_n["count"]))
        .where(_n.book == book, _n.at >= since, _n.at < until)
        .group_by(_n.step, _n.gate, _n.reason)
    )
    return {(step, gate, reason): int(n) for step, gate, reason, n in db.execute(query)}
