"""Chains of decisions: what was said of a symbol at one time, its causes and its consequences."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.io.store import noise
from app.io.store.schema import intents, verdicts

_v, _i = verdicts.c, intents.c
#: How far back a symbol's newest decision is looked for: over any holiday, and few rows.
LOOK_BACK = timedelta(days=7)
#: How long before or after a decision its causes and consequences are, at most.
_FAMILY = timedelta(days=1)
#: The steps of one moment in the order in which they are taken.
STEPS = ("model", "signals", "exits", "route", "risk", "protect", "execute", "withdraw")


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

    @property
    def place(self) -> tuple[datetime, int]:
        """Return what decisions are sorted by; those of one step stay in the gates' order."""
        return self.at, STEPS.index(self.step) if self.step in STEPS else len(STEPS)


DECISION = tuple(_v[name] for name in Decision.__dataclass_fields__)


def chain(db: Connection, book: str, symbol: str, at: datetime | None = None) -> list[Decision]:
    """Return the newest chain of decisions about a symbol that began at or before ``at``.

    A chain is what was said of the symbol at one time, with every verdict on the signals and
    events that caused it, their basket, and the intents that came of it; oldest first, in the order
    of the gates. Nothing older than ``LOOK_BACK`` before ``at`` (or before the book's newest
    decision) is looked for.
    """
    newest = _newest(db, book, symbol, at)
    if newest is None:
        return []
    mine = sa.and_(_v.symbol == symbol, _v.at == newest)
    subjects = set(db.scalars(sa.select(_v.subject).where(_v.book == book, mine)))
    found = _full(db, book, sa.or_(mine, *_linked(db, book, subjects, newest)))
    found += [
        Decision(r.at, r.step, symbol, "", r.gate, r.reason, r.measured, r.limit, r.settings)
        for r in noise.of(db, book, symbol, newest)
    ]
    # Passes come before the refusal that ended the step, and sorting keeps their order.
    return sorted(found, key=lambda decision: decision.place)


def _newest(db: Connection, book: str, symbol: str, at: datetime | None) -> datetime | None:
    loud = sa.select(sa.func.max(_v.at)).where(_v.book == book, _v.symbol == symbol)
    if at is None:
        known = (db.scalar(loud), noise.last_at(db, book))
        at = max((when for when in known if when is not None), default=None)
    if at is None:
        return None
    since = at - LOOK_BACK
    seen = db.scalar(loud.where(_v.at > since, _v.at <= at))
    quiet = noise.newest(db, book, symbol, max(since, seen or since), at)
    return quiet or seen


def _full(db: Connection, book: str, condition: sa.ColumnElement[bool]) -> list[Decision]:
    query = sa.select(*DECISION).where(_v.book == book, condition).order_by(_v.at, _v.id)
    return [Decision(*row) for row in db.execute(query)]


class Linked(NamedTuple):
    """An intent that belongs to a chain."""

    id: str
    symbol: str
    at: datetime
    signals: list[str]
    basket: str | None


def _linked(
    db: Connection, book: str, subjects: set[str], at: datetime
) -> list[sa.ColumnElement[bool]]:
    """Return conditions for the causes (signals, events, a basket) and consequences (intents)."""
    family = _family(db, book, named("signal", subjects), named("intent", subjects), at)
    linked = {s for s in subjects if s.partition(":")[0] in ("signal", "intent")}
    linked |= {f"intent:{intent.id}" for intent in family}
    linked |= {f"signal:{cause}" for intent in family for cause in intent.signals}
    baskets = [
        sa.and_(
            _v.symbol == intent.symbol,
            _v.at == intent.at,
            _v.subject.startswith(f"basket:{intent.basket}:", autoescape=True),
        )
        for intent in family
        if intent.basket
    ]
    return [_v.subject.in_(linked), *baskets, *_heard_of(db, book, linked)]


def _family(
    db: Connection, book: str, signals: list[str], ids: list[str], at: datetime
) -> list[Linked]:
    """Return the intents that are named or that one of the signals led to."""
    caused = sa.and_(
        _i.at.between(at - _FAMILY, at + _FAMILY),
        _i.signals.overlap(sa.cast(signals, _i.signals.type)),
    )
    query = sa.select(_i.id, _i.symbol, _i.at, _i.signals, _i.basket)
    rows = db.execute(query.where(_i.book == book, sa.or_(_i.id.in_(ids), caused)))
    return [Linked._make(row) for row in rows]


def _heard_of(db: Connection, book: str, subjects: set[str]) -> list[sa.ColumnElement[bool]]:
    """Return a condition for the events that the model was asked about for these signals."""
    signals = [subject for subject in subjects if subject.startswith("signal:")]
    moments = sa.select(_v.symbol, _v.at).where(
        _v.book == book, _v.subject.in_(signals), _v.step == "signals"
    )
    when = [tuple(row) for row in db.execute(moments.distinct())]
    if not when:
        return []
    return [sa.and_(sa.tuple_(_v.symbol, _v.at).in_(when), _v.subject.startswith("event:"))]


def named(kind: str, subjects: Iterable[str]) -> list[str]:
    """Return the ids of the subjects of one kind."""
    return sorted(s.partition(":")[2] for s in subjects if s.startswith(f"{kind}:"))
