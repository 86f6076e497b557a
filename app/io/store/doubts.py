"""Orders in doubt: when each was sent, what it holds up, and when it is looked up again."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.engine.orders import IN_DOUBT, Order
from app.io.store.schema import orders

_o = orders.c


def note_sent(db: Connection, client_id: str, at: datetime) -> None:
    """Write down the market's time of the one request; in the transaction that starts it."""
    db.execute(orders.update().where(_o.client_id == client_id).values(sent_at=at))


def sent_at(db: Connection, client_id: str) -> datetime | None:
    """Return when the request for an order was made, None where nobody wrote that down."""
    return db.scalar(sa.select(_o.sent_at).where(_o.client_id == client_id))


def since(db: Connection, client_id: str) -> datetime | None:
    """Return since when, by the market's time, an order has been in the state that it is in.

    Nothing is stored of an order in doubt but what ends that, or begins it anew.
    """
    return db.scalar(sa.select(_o.updated_at).where(_o.client_id == client_id))


def other_in_doubt(db: Connection, order: Order) -> str | None:
    """Return the client id of another order of the same symbol and side that is in doubt."""
    same = (_o.book == order.book, _o.symbol == order.symbol, _o.side == order.side)
    other = sa.select(_o.client_id).where(
        *same, _o.client_id != order.client_id, _o.state.in_(IN_DOUBT)
    )
    return db.scalar(other)


def postpone(db: Connection, client_id: str, seconds: float, asked: bool = True) -> None:
    """Look an order in doubt up again after so many wall seconds; count it if it was ``asked``."""
    after = sa.func.clock_timestamp() + sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    changes = {_o.resolve_after_wall: after, _o.resolve_tries: _o.resolve_tries + int(asked)}
    db.execute(orders.update().where(_o.client_id == client_id).values(changes))


def resolve_tries(db: Connection, client_id: str) -> int:
    """Return how often an order in doubt was looked up in vain."""
    return db.scalar(sa.select(_o.resolve_tries).where(_o.client_id == client_id)) or 0
