"""Positions: one row a book and symbol, flat ones too, for the profit they realised."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from app.engine.portfolio import Position
from app.io.store.schema import positions
from app.io.store.taping import change, locking, reading

_p = positions.c
_NAMES = tuple(field.name for field in fields(Position))


_LOAD = (
    sa.select(*(_p[name] for name in _NAMES))
    .where(_p.book == sa.bindparam("book"))
    .order_by(_p.symbol)
)
_LOCK = _LOAD.with_for_update()


@locking
def load(db: Connection, book_id: str, lock: bool = False) -> dict[str, Position]:
    """Return every position by symbol, flat ones too, locked for the transaction if asked."""
    rows = db.execute(_LOCK if lock else _LOAD, {"book": book_id})
    return {row.symbol: Position(*row) for row in rows}


@change
def begin(db: Connection, book_id: str, symbol: str, at: datetime) -> None:
    """Make sure that a symbol has a row: where there is none, ``load`` has nothing to lock."""
    flat = Position(symbol)
    values = {name: getattr(flat, name) for name in _NAMES} | {"updated_at": at}
    db.execute(insert(positions).values(book=book_id, **values).on_conflict_do_nothing())


@reading
def held(db: Connection, book_id: str) -> dict[str, Position]:
    """Return the positions that are not flat, by symbol."""
    return {symbol: p for symbol, p in load(db, book_id).items() if p.quantity}


@change
def save(db: Connection, book_id: str, position: Position, at: datetime) -> None:
    """Insert or replace a position."""
    values = {name: getattr(position, name) for name in _NAMES} | {"updated_at": at}
    db.execute(
        insert(positions)
        .values(book=book_id, **values)
        .on_conflict_do_update(index_elements=[_p.book, _p.symbol], set_=values)
    )


_FOLLOW = sa.text(
    """
    UPDATE positions
       SET peak_price = greatest(peak_price, :peak), through_at = :through
     WHERE book = :book AND symbol = :symbol AND quantity <> 0
       AND opened_at IS NOT DISTINCT FROM :opened
    """
)


@change
def follow(db: Connection, book_id: str, position: Position) -> None:
    """Keep the best price of a position and since when it is at its stop.

    The best price never falls, and nothing is written of a position that has ended meanwhile.
    """
    db.execute(
        _FOLLOW,
        {
            "book": book_id,
            "symbol": position.symbol,
            "opened": position.opened_at,
            "peak": position.peak_price,
            "through": position.through_at,
        },
    )


@change
def note_bare(db: Connection, book_id: str, symbol: str, since: datetime | None) -> None:
    """Keep since when nothing at the broker would sell all of a position; None when it would."""
    mine = positions.update().where(_p.book == book_id, _p.symbol == symbol)
    db.execute(mine.values(bare_since=since))


@change
def note_differences(db: Connection, book_id: str, theirs: Mapping[str, Decimal]) -> None:
    """Keep what the broker holds of each symbol that differs, and forget it of all others."""
    mine = positions.update().where(_p.book == book_id)
    db.execute(mine.where(_p.at_broker.is_not(None)).values(at_broker=None))
    for symbol, quantity in theirs.items():
        db.execute(mine.where(_p.symbol == symbol).values(at_broker=quantity))
