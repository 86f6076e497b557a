"""Settlements: what a day came to in our books and in the broker's, one row a book and date."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from app.engine.rounding import cents
from app.io.store.jsonable import jsonable
from app.io.store.schema import daily_settlements

_s = daily_settlements.c


@dataclass(frozen=True, slots=True)
class Settlement:
    """A settled day; money is in the account's currency.

    ``cash_close`` is ours: the opening's, the day's fills and the fees. ``broker_cash`` is the
    broker's at the end of the date; its equity then is not known (None) where ``late``: settled
    after the date was over. ``adjusted`` is what was unrealised in shares that came or left without
    a fill.
    """

    date: date
    at: datetime
    late: bool
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    adjusted: Decimal
    cash_open: Decimal
    cash_close: Decimal
    broker_cash: Decimal
    broker_equity: Decimal | None
    equity_open: Decimal
    equity_close: Decimal
    trades: int
    positions: Mapping[str, Mapping[str, str]]

    @property
    def difference(self) -> Decimal:
        """Return what the broker's cash is above ours, to the cent."""
        return cents(self.broker_cash - self.cash_close)


_NAMES = tuple(field.name for field in fields(Settlement))


def insert_once(db: Connection, book_id: str, settlement: Settlement) -> bool:
    """Store a settlement unless its date has one; return whether it was stored."""
    values = {name: getattr(settlement, name) for name in _NAMES}
    values["positions"] = jsonable(settlement.positions)
    stored = db.execute(
        insert(daily_settlements).values(book=book_id, **values).on_conflict_do_nothing()
    )
    return stored.rowcount == 1


def load(db: Connection, book_id: str, day: date) -> Settlement | None:
    """Return the settlement of a date."""
    return _first(db, _query(book_id).where(_s.date == day))


def before(db: Connection, book_id: str, day: date) -> Settlement | None:
    """Return the newest settlement of a date before one."""
    return _first(db, _query(book_id).where(_s.date < day).order_by(_s.date.desc()).limit(1))


def newest(db: Connection, book_id: str) -> Settlement | None:
    """Return the newest settlement."""
    return _first(db, _query(book_id).order_by(_s.date.desc()).limit(1))


def between(db: Connection, book_id: str, first: date, last: date) -> list[Settlement]:
    """Return the settlements of the dates from ``first`` to ``last``, both included."""
    query = _query(book_id).where(_s.date >= first, _s.date <= last).order_by(_s.date)
    return [Settlement(*row) for row in db.execute(query)]


def _query(book_id: str) -> sa.Select[Any]:
    return sa.select(*(_s[name] for name in _NAMES)).where(_s.book == book_id)


def _first(db: Connection, query: sa.Select[Any]) -> Settlement | None:
    row = db.execute(query).one_or_none()
    return Settlement(*row) if row else None
