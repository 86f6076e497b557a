"""Contact with the broker: one row a book, written by every process that calls it."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from app.engine.caution import OUTAGE
from app.io.store.schema import broker_contact
from app.io.store.taping import hearing

_c = broker_contact.c
_WALL = sa.func.clock_timestamp()
#: Built once: it stands on the way of every order.
_SILENT = sa.select(_WALL - _c.missed_wall).where(_c.book == sa.bindparam("book"))


@hearing
def silent_for(db: Connection, book_id: str) -> timedelta:
    """Return for how long, by the wall, every call has been left unanswered; 0 where none is."""
    silence: timedelta | None = db.scalar(_SILENT, {"book": book_id})
    return silence or timedelta(0)


def unheard_for(db: Connection, book_id: str) -> timedelta | None:
    """Return how long ago, by the wall, the newest answer was noted; None before the first."""
    query = sa.select(_WALL - _c.reached_wall).where(_c.book == book_id)
    since: timedelta | None = db.scalar(query)
    return since


def reached(db: Connection, book_id: str) -> timedelta:
    """Note an answer; return how long the silence was that it ends, to one caller only."""
    _lock(db, book_id)
    silence = silent_for(db, book_id)
    _update(db, book_id, reached_wall=_WALL, missed_wall=None, told_wall=None)
    return silence


def missed(db: Connection, book_id: str) -> timedelta:
    """Note a call without an answer; return how long there has been none.

    A silence begins with the newest answer, or with the call where nobody has called for longer
    than an outage takes: a book that did not run was not cut off.
    """
    _lock(db, book_id)
    begun = sa.case((_c.reached_wall > _WALL - OUTAGE, _c.reached_wall), else_=_WALL)
    _update(db, book_id, missed_wall=sa.func.coalesce(_c.missed_wall, begun))
    return silent_for(db, book_id)


def tell_once(db: Connection, book_id: str) -> bool:
    """Return True to the first who asks in a silence: who is told so announces it."""
    told = broker_contact.update().where(_c.book == book_id, _c.told_wall.is_(None))
    return db.execute(told.values(told_wall=_WALL)).rowcount == 1


def _lock(db: Connection, book_id: str) -> None:
    """Make the row unless it exists, and keep others from it until the transaction ends."""
    db.execute(insert(broker_contact).values(book=book_id).on_conflict_do_nothing())
    db.execute(sa.select(_c.book).where(_c.book == book_id).with_for_update())


def _update(db: Connection, book_id: str, **values: Any) -> None:
    db.execute(broker_contact.update().where(_c.book == book_id).values(**values))
