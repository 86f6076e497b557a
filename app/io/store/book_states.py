"""The state of a book: what it may do, and what its engine must remember. One row a book."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from app.engine.book import Book, BookStatus
from app.engine.errors import InvalidData
from app.engine.state import BookState, from_json, to_json
from app.io.store import status_log
from app.io.store.schema import book_states
from app.io.store.status_log import Entry
from app.io.store.taping import change, locking, reading

_b = book_states.c


@dataclass(frozen=True, slots=True)
class BookRow:
    """``reconciled_at`` is None until the broker and the database were found to agree.

    ``account`` is the broker's id of the account that the book's orders and positions are in, None
    until the first comparison that found both equal. ``cash_short`` is how much less cash the
    broker last stated than the book's ledger had then.
    """

    status: BookStatus
    why: str
    set_by: str
    set_at: datetime
    engine: BookState
    reconciled_at: datetime | None
    account: str | None
    cash_short: Decimal


def ensure(db: Connection, book: Book, settings: str, at: datetime) -> None:
    """Make the book's row unless it exists; keep the settings' fingerprint of the newest start.

    Raises InvalidData where the row belongs to the other mode: paper positions are not real ones.
    """
    first = Entry(at, BookStatus.ACTIVE, "first start", "start")
    new = insert(book_states).values(
        book=book.id,
        mode=book.mode,
        status=first.status,
        why=first.why,
        set_by=first.set_by,
        set_at=first.at,
        engine=to_json(BookState()),
        settings=settings,
    )
    # PostgreSQL's own mark: no transaction has replaced a row that this statement inserted.
    inserted = sa.literal_column("xmax = 0", sa.Boolean)
    mode, made = db.execute(
        new.on_conflict_do_update(index_elements=[_b.book], set_={"settings": settings}).returning(
            _b.mode, inserted
        )
    ).one()
    if made:
        status_log.add(db, book.id, first)
    if mode != book.mode:
        raise InvalidData(
            f"book {book.id} is {mode} in this database and {book.mode} in the settings; "
            f"give {book.mode} a database of its own"
        )


@reading
def load(db: Connection, book_id: str) -> BookRow:
    """Return the book's row. Raises InvalidData for a book that was never started here."""
    return _one(db, book_id, _LOAD)


@locking
def lock(db: Connection, book_id: str) -> BookRow:
    """Return the book's row, locked until the transaction ends. Raises as ``load``."""
    return _one(db, book_id, _LOCK)


def modes(db: Connection) -> dict[str, str]:
    """Return the mode of every book that was ever started in a database, none in an empty one."""
    if not sa.inspect(db).has_table(book_states.name):
        return {}
    return {book: mode for book, mode in db.execute(sa.select(_b.book, _b.mode))}


# Built once: what is read on the way of every order should cost its reading only.
_LOAD = sa.select(book_states).where(_b.book == sa.bindparam("book"))
_LOCK = _LOAD.with_for_update()
_UPDATE = book_states.update().where(_b.book == sa.bindparam("id_"))


def _one(db: Connection, book_id: str, query: sa.Select[Any]) -> BookRow:
    row = db.execute(query, {"book": book_id}).one_or_none()
    if row is None:
        raise InvalidData(f"book {book_id} was never started in this database")
    return BookRow(
        status=BookStatus(row.status),
        why=row.why,
        set_by=row.set_by,
        set_at=row.set_at,
        engine=from_json(row.engine),
        reconciled_at=row.reconciled_at,
        account=row.account,
        cash_short=row.cash_short,
    )


@change
def save_engine(db: Connection, book_id: str, state: BookState) -> None:
    """Replace what the book's engine remembers."""
    _update(db, book_id, engine=to_json(state))


@change
def set_status(
    db: Connection, book_id: str, status: BookStatus, why: str, by: str, at: datetime
) -> None:
    """Set what the book may do, with who or what set it and why, and keep it in its history."""
    _update(db, book_id, status=status, why=why, set_by=by, set_at=at)
    status_log.add(db, book_id, Entry(at, status, why, by))


@change
def set_reconciled(db: Connection, book_id: str, at: datetime | None) -> None:
    """Note when the book was last found to agree with its broker; None when it does not."""
    _update(db, book_id, reconciled_at=at)


def bind(db: Connection, book_id: str, account: str) -> None:
    """Note which account the book is in, unless that is known: it stays so for ever."""
    mine = book_states.update().where(_b.book == book_id, _b.account.is_(None))
    db.execute(mine.values(account=account))


@change
def set_cash_short(db: Connection, book_id: str, amount: Decimal) -> None:
    """Note how much less cash the broker has than the book's ledger says; 0 for none."""
    _update(db, book_id, cash_short=amount)


def _update(db: Connection, book_id: str, **values: object) -> None:
    changed = db.execute(_UPDATE, {"id_": book_id, **values})
    if changed.rowcount != 1:
        raise InvalidData(f"book {book_id} was never started in this database")
