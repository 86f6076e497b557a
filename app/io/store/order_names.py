"""Orders as people name them: by their client id or the beginning of one."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.io.store.schema import orders

_o = orders.c


def beginning(db: Connection, books: Collection[str], text: str, most: int) -> list[str]:
    """Return the client ids of some books that begin with a text, the newest orders first."""
    named = (_o.book.in_(books), _o.client_id.startswith(text, autoescape=True))
    query = sa.select(_o.client_id).where(*named).order_by(_o.created_at.desc(), _o.client_id)
    return list(db.scalars(query.limit(most)))
