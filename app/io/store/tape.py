"""The tape: what the turns of a book changed and decided, one row a turn, in their order.

Bodies are JSON, compressed: numbers that count as text, times in ISO 8601. A day begins with a
base, the state as it was when the session was opened, and ends with the next one.
"""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from pydantic_core import from_json, to_json
from sqlalchemy.engine import Connection

from app.engine.errors import InvalidData
from app.engine.ids import digest
from app.io.store.schema import tape
from app.io.store.taping import Call, Turn

#: What bodies look like; a tape that was written otherwise is not read.
FORMAT = 1
#: What a decision said is kept word by word up to this size; of more, its digest has to do.
MOST_KEPT = 262_144
#: No turn is larger: what unpacks to more was made by somebody else.
MOST_BYTES = 1 << 28
_LEVEL = 1
_t = tape.c


class Kind(StrEnum):
    """A day's beginning, what the outside changed, or a decision."""

    BASE = "base"
    FACTS = "facts"
    DECISION = "decision"


@dataclass(frozen=True, slots=True)
class Row:
    """One turn; ``at`` is the market's time of a base or a decision, None of facts."""

    id: int
    kind: Kind
    step: str
    at: datetime | None
    body: bytes

    def read(self) -> Any:
        """Return the body's JSON values. Raises InvalidData where it is cut off or altered."""
        try:
            unpacked = zlib.decompressobj()
            text = unpacked.decompress(self.body, MOST_BYTES)
            if not unpacked.eof:
                raise ValueError("it is cut off, or larger than any turn")
            return from_json(text, allow_inf_nan=True)
        except (zlib.error, ValueError) as error:
            raise InvalidData(f"tape row {self.id} is damaged: {error}") from None


def packed(value: Any) -> bytes:
    """Return values, domain objects among them, as a body."""
    return zlib.compress(spelled(value), _LEVEL)


def spelled(value: Any) -> bytes:
    """Return values as JSON, the same values always as the same bytes."""
    return to_json(value, inf_nan_mode="constants")


def said(calls: list[Call]) -> tuple[str, bytes]:
    """Return what a decision said, and the digest of it."""
    words = spelled(calls)
    return digest(words.decode()), words


# Built once: it stands on the way of every order.
_APPEND = tape.insert().inline()


def keep(db: Connection, turn: Turn) -> None:
    """Write a turn down, in its own transaction; one that changed nothing leaves nothing."""
    decision = turn.decision
    if decision is None:
        if turn.calls:
            _append(db, turn.book, Kind.FACTS, "", None, packed(turn.calls))
        return
    name, words = said(turn.calls)
    body = {
        "settings": decision.settings,
        "given": decision.given,
        "heard": decision.heard,
        "digest": name,
        "said": turn.calls if len(words) <= MOST_KEPT else None,
    }
    _append(db, turn.book, Kind.DECISION, decision.step, decision.at, packed(body))


def begin_day(db: Connection, book_id: str, at: datetime, body: Mapping[str, Any]) -> None:
    """Begin a day with the state of the book as it is under its lock, and what it trades at."""
    _append(db, book_id, Kind.BASE, "", at, packed({"format": FORMAT, **body}))


def _append(
    db: Connection, book: str, kind: Kind, step: str, at: datetime | None, body: bytes
) -> None:
    row = {"book": book, "kind": kind, "step": step, "at": at, "body": body}
    db.execute(_APPEND, row)


_LAST = sa.select(sa.func.coalesce(sa.func.max(_t.id), 0)).where(_t.book == sa.bindparam("book"))


def freeze(db: Connection, book_id: str) -> int:
    """Let a transaction see the state of one moment; return the last turn that is in it.

    To be called before anything is read: it writes nothing and waits for nobody. Turns are
    numbered under the book's lock, so that those which are seen are all up to a number.
    """
    db.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    last: int = db.scalar(_LAST, {"book": book_id}) or 0
    return last


def bases(db: Connection, book_id: str) -> list[tuple[int, datetime]]:
    """Return (number, the market's time) of each day's base, oldest first."""
    query = sa.select(_t.id, _t.at).where(_t.book == book_id, _t.kind == Kind.BASE)
    return [(number, at) for number, at in db.execute(query.order_by(_t.id))]


def rows(db: Connection, book_id: str, first: int, until: int | None) -> Iterator[Row]:
    """Yield the turns numbered in [first, until), to the last where no end is given."""
    query = sa.select(_t.id, _t.kind, _t.step, _t.at, _t.body).where(
        _t.book == book_id, _t.id >= first
    )
    if until is not None:
        query = query.where(_t.id < until)
    found = db.execute(query.order_by(_t.id).execution_options(yield_per=500))
    for number, kind, step, at, body in found:
        yield Row(number, Kind(kind), step, at, bytes(body))


def trim(db: Connection, book_id: str, before: datetime) -> int:
    """Drop the days that began before a time, but never the newest; return how many rows went."""
    whole = sa.select(sa.func.max(_t.id)).where(
        _t.book == book_id, _t.kind == Kind.BASE, _t.at < before
    )
    first_kept = sa.select(sa.func.min(_t.id)).where(
        _t.book == book_id, _t.kind == Kind.BASE, _t.at >= before
    )
    kept = db.scalar(first_kept) or db.scalar(whole)
    if kept is None:
        return 0
    return db.execute(tape.delete().where(_t.book == book_id, _t.id < kept)).rowcount
