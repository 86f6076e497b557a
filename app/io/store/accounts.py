"""What the broker said of the account, and when."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.engine.orders import Side
from app.engine.portfolio import Account
from app.io.store.schema import account_snapshots, fees, fills
from app.io.store.taping import Transaction, change, reading

_a, _f, _c = account_snapshots.c, fills.c, fees.c


#: The kind of a statement with which a session was opened.
OPENING = "open"
_PAID = (
    sa.select(
        sa.func.coalesce(
            sa.func.sum(
                sa.case(
                    (_f.side == Side.BUY, -_f.quantity * _f.price), else_=_f.quantity * _f.price
                )
            ),
            0,
        )
    )
    .where(_f.book == _a.book, _f.written_wall > _a.written_wall)
    .scalar_subquery()
)
_CHARGED = (
    sa.select(sa.func.coalesce(sa.func.sum(_c.amount), 0))
    .where(_c.book == _a.book, _c.written_wall > _a.written_wall)
    .scalar_subquery()
)
_MONEY = (
    sa.select(_a.cash + _PAID - _CHARGED, _a.equity)
    .where(_a.book == sa.bindparam("book"), _a.kind == OPENING)
    .order_by(_a.at.desc(), _a.id.desc())
    .limit(1)
)
_ADD = account_snapshots.insert().inline()
_SAID = ("cash", "equity", "buying_power", "currency")
_STATEMENT = sa.select(_a.at, *(_a[name] for name in _SAID)).where(_a.book == sa.bindparam("book"))
_LATEST = _STATEMENT.order_by(_a.at.desc(), _a.id.desc()).limit(1)
_LATEST_OF_KIND = _LATEST.where(_a.kind == sa.bindparam("kind"))


class Statement(NamedTuple):
    """What the broker said at a moment of the market's clock."""

    at: datetime
    account: Account


def add(db: Transaction, book_id: str, at: datetime, kind: str, account: Account) -> None:
    """Keep a statement; kind is open, check or close, or book for the book's own numbers.

    Whose account it is, is not kept.
    """
    keep(db, book_id, at, kind, replace(account, id="", barred=()))


@change
def keep(db: Connection, book_id: str, at: datetime, kind: str, account: Account) -> None:
    """Keep a statement as it is."""
    values = {name: getattr(account, name) for name in _SAID}
    db.execute(_ADD, values | {"book": book_id, "at": at, "kind": kind})


@reading
def latest(db: Connection, book_id: str, kind: str | None = None) -> Statement | None:
    """Return the newest statement, of one kind if it is named."""
    query = _LATEST if kind is None else _LATEST_OF_KIND
    row = db.execute(query, {"book": book_id, "kind": kind}).one_or_none()
    return _statement(row) if row else None


@reading
def money(db: Connection, book_id: str) -> tuple[Decimal, Decimal] | None:
    """Return cash now and equity at the open: the newest opening, fills and fees recorded since.

    By when the rows were written: one clock, where the broker's and ours would be two.
    """
    row = db.execute(_MONEY, {"book": book_id}).one_or_none()
    return (row[0], row[1]) if row else None


def curve(
    db: Connection,
    book_id: str,
    since: datetime,
    until: datetime | None = None,
) -> list[Statement]:
    """Return every statement of the broker's in [since, until), oldest first."""
    query = _STATEMENT.where(_a.at >= since, _a.kind != "book").order_by(_a.at, _a.id)
    if until is not None:
        query = query.where(_a.at < until)
    return [_statement(row) for row in db.execute(query, {"book": book_id})]


def equities(
    db: Connection, book_id: str, since: datetime, until: datetime
) -> list[tuple[datetime, str, Decimal]]:
    """Return (time, kind, equity) of what the book was worth by its own numbers, oldest first.

    Kind is open or book: from each opening on, the next ones count from another equity.
    """
    query = (
        sa.select(_a.at, _a.kind, _a.equity)
        .where(_a.book == book_id, _a.kind.in_(("open", "book")), _a.at >= since, _a.at < until)
        .order_by(_a.at, _a.id)
    )
    return [(at, kind, equity) for at, kind, equity in db.execute(query)]


def _statement(row: sa.Row[Any]) -> Statement:
    return Statement(row.at, Account(row.cash, row.equity, row.buying_power, row.currency))
