"""Orders: every change of state goes through the table of transitions, under a lock on the row."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Connection

from app.engine.book import BookStatus
from app.engine.errors import InvalidData
from app.engine.orders import (
    FINAL,
    IN_DOUBT,
    OPEN,
    WORKING,
    Order,
    OrderState,
    OrderType,
    Purpose,
    Side,
    TimeInForce,
    check_transition,
)
from app.io.locks import Lease
from app.io.store.order_figures import debut as debut
from app.io.store.order_figures import entries_since as entries_since
from app.io.store.order_figures import first_accepted as first_accepted
from app.io.store.order_figures import latencies as latencies
from app.io.store.order_figures import sent_within as sent_within
from app.io.store.order_figures import taken as taken
from app.io.store.schema import orders
from app.io.store.taping import change, locking, note, reading

_o = orders.c
_NAMES = tuple(field.name for field in fields(Order))
_COLUMNS = tuple(_o[name] for name in _NAMES)
_ENUMS = {
    "side": Side,
    "purpose": Purpose,
    "type": OrderType,
    "time_in_force": TimeInForce,
    "state": OrderState,
}
_ACCEPTED = WORKING | {OrderState.FILLED}
#: What the broker's word may change of an order, beside its state.
STATED = (
    "broker_id",
    "filled_quantity",
    "average_price",
    "quantity",
    "limit_price",
    "stop_price",
    "reserved_risk",
    "reserved_notional",
)
_WALL = sa.func.clock_timestamp()


@change
def insert(db: Connection, order: Order, broker: str) -> bool:
    """Store a new order; False when its client id or its intent has an order already."""
    row = {name: getattr(order, name) for name in _NAMES}
    row |= {"broker": broker, "updated_at": order.created_at}
    return db.execute(_INSERT, row).first() is not None


@locking
def get(db: Connection, client_id: str, lock: bool = False) -> Order | None:
    """Return an order by its client id, locked until the transaction ends if asked."""
    row = db.execute(_LOCK if lock else _GET, {"id_": client_id}).one_or_none()
    return _order(row) if row else None


@reading
def unfinished(db: Connection, book_id: str) -> list[Order]:
    """Return the orders that may still fill, oldest first."""
    return [_order(row) for row in db.execute(_UNFINISHED, {"book": book_id})]


@reading
def open_symbols(db: Connection, book_id: str) -> frozenset[str]:
    """Return the symbols that have an order which may still fill."""
    query = sa.select(_o.symbol).where(_o.book == book_id, _o.state.in_(OPEN)).distinct()
    return frozenset(db.scalars(query))


def quiet(
    db: Connection, book_id: str, before: datetime, stops_before: datetime | None = None
) -> list[Order]:
    """Return the orders at the broker that may still fill and had no news since ``before``.

    Stops that rest there may have been without news since ``stops_before``.
    """
    values = {"book": book_id, "before": before, "stops_before": stops_before or before}
    return [_order(row) for row in db.execute(_QUIET, values)]


@reading
def listing(db: Connection, book_id: str, since: datetime | None = None) -> list[Order]:
    """Return the orders created at or after ``since``, oldest first."""
    query = _LISTING if since is None else _LISTING_SINCE
    return [_order(row) for row in db.execute(query, {"book": book_id, "since": since})]


@reading
def sales(db: Connection, book_id: str, symbol: str, since: datetime | None) -> list[Order]:
    """Return the sales of a symbol made at or after ``since``, finished ones too, oldest first."""
    late = [_o.created_at >= since] if since else []
    mine = (_o.book == book_id, _o.symbol == symbol, _o.side == Side.SELL)
    return _all(db, *mine, *late)


def newest(
    db: Connection,
    book_id: str,
    limit: int,
    state: OrderState | None = None,
    symbol: str | None = None,
) -> list[Order]:
    """Return the orders created last, newest first, of one state or symbol where it is named."""
    named = [(_o.state, state), (_o.symbol, symbol)]
    conditions = [column == value for column, value in named if value is not None]
    query = sa.select(*_COLUMNS).where(_o.book == book_id, *conditions)
    rows = db.execute(query.order_by(_o.created_at.desc(), _o.client_id).limit(limit))
    return [_order(row) for row in rows]


def in_doubt(db: Connection, book_id: str) -> list[Order]:
    """Return the orders whose outcome must be looked up now, oldest first.

    That is UNKNOWN and SUBMITTING, unless postponed. For the book's owner while it sends nothing:
    what is SUBMITTING then was left by another one, however short a time ago.
    """
    return [_order(row) for row in db.execute(_IN_DOUBT, {"book": book_id})]


# Built once: they stand on the way of every order.
_INSERT = upsert(orders).on_conflict_do_nothing().returning(_o.client_id)
_GET = sa.select(*_COLUMNS).where(_o.client_id == sa.bindparam("id_"))
_LOCK = _GET.with_for_update()
_OLDEST_FIRST = sa.select(*_COLUMNS).order_by(_o.created_at, _o.client_id)
_LISTING = _OLDEST_FIRST.where(_o.book == sa.bindparam("book"))
_LISTING_SINCE = _LISTING.where(_o.created_at >= sa.bindparam("since"))
_UNFINISHED = _LISTING.where(_o.state.in_(OPEN))
_QUIET = _LISTING.where(
    _o.state.in_(WORKING),
    _o.updated_at <= sa.bindparam("before"),
    sa.or_(_o.purpose != Purpose.PROTECT, _o.updated_at <= sa.bindparam("stops_before")),
)
_IN_DOUBT = _LISTING.where(
    _o.state.in_(sorted(IN_DOUBT)),
    sa.or_(_o.resolve_after_wall.is_(None), _o.resolve_after_wall <= _WALL),
)
_START = sa.text(
    f"""
    UPDATE orders
       SET state = 'SUBMITTING', fence = :lease_fence, submitting_wall = clock_timestamp(),
           resolve_after_wall = NULL, resolve_tries = 0
     WHERE client_id = :id_ AND state = :before AND book = :book
       AND EXISTS (SELECT FROM leases l
                    WHERE l.book = :book AND l.name = :lease AND l.owner = :owner
                      AND l.fence = :lease_fence AND l.expires_wall > clock_timestamp())
       AND NOT EXISTS (SELECT FROM orders other
                        WHERE other.book = orders.book AND other.symbol = orders.symbol
                          AND other.side = orders.side AND other.client_id <> orders.client_id
                          AND other.state IN ({", ".join(f"'{s}'" for s in sorted(IN_DOUBT))}))
       AND EXISTS (SELECT FROM book_states b
                    WHERE b.book = orders.book AND b.status = ANY (CAST(:statuses AS text[])))
       AND (SELECT count(*) FROM orders sent
             WHERE sent.book = orders.book AND sent.purpose <> 'protect'
               AND sent.submitting_wall > clock_timestamp() - :within_s * interval '1 second')
           < :most
    """
)
_STORE = (
    orders.update()
    .where(_o.client_id == sa.bindparam("id_"))
    .values(
        state=sa.bindparam("state_"),
        updated_at=sa.func.coalesce(sa.bindparam("at_", type_=_o.updated_at.type), _o.updated_at),
        **{name: sa.bindparam(name) for name in STATED},
        accepted_wall=sa.case(
            (
                sa.bindparam("state_").in_(sorted(_ACCEPTED)),
                sa.func.coalesce(_o.accepted_wall, _WALL),
            ),
            else_=_o.accepted_wall,
        ),
        resolve_after_wall=None,
        resolve_tries=0,
    )
)


@dataclass(frozen=True, slots=True)
class Guard:
    """What must hold of the book in the very statement that starts a submission.

    Its status is one of ``statuses``, and it has sent fewer than ``most`` orders in the last
    ``within_s`` seconds by the wall. Resting stops do not count: they open no risk.
    """

    statuses: frozenset[BookStatus]
    within_s: float
    most: int


@locking
def start_submit(
    db: Connection,
    client_id: str,
    lease: Lease,
    guard: Guard,
    before: OrderState = OrderState.NEW,
) -> bool:
    """Move an order from ``before`` to SUBMITTING; False, and nothing changed, where it may not.

    It may while the guard holds, the lease is held and no other order of the book, symbol and side
    is in doubt. Commit before the one request is sent. ``before`` is UNKNOWN for sending an order
    again under its own id. In a race the unique index on orders in doubt fails the second one.
    """
    check_transition(before, OrderState.SUBMITTING)
    started = db.execute(
        _START,
        {
            "id_": client_id,
            "before": before,
            "book": lease.book,
            "lease": lease.name,
            "owner": lease.owner,
            "lease_fence": lease.fence,
            "statuses": list(guard.statuses),
            "within_s": guard.within_s,
            "most": guard.most,
        },
    )
    if started.rowcount != 1:
        return False
    note(db, "orders.started", client_id, lease.fence)
    return True


@change
def move(
    db: Connection, client_id: str, after: OrderState, at: datetime, error: str | None = None
) -> Order:
    """Move an order to a state and return it as it is then; a finished order stays as it is.

    What the broker says of it is for ``store``; ``error`` is why it was moved, where there is a
    reason. Raises InvalidData for a move that is not in the table and for an unknown client id.
    """
    order = get(db, client_id, lock=True)
    if order is None:
        raise InvalidData(f"no order has the client id {client_id}")
    if order.state in FINAL:
        return order
    if after is not order.state:
        check_transition(order.state, after)
    values: dict[str, Any] = {"state": after, "updated_at": at}
    if error is not None:
        values["error"] = error
    if after in _ACCEPTED:
        values["accepted_wall"] = sa.func.coalesce(_o.accepted_wall, _WALL)
    if after not in IN_DOUBT:
        values |= {"resolve_after_wall": None, "resolve_tries": 0}
    row = db.execute(
        orders.update().where(_o.client_id == client_id).values(values).returning(*_COLUMNS)
    )
    return _order(row.one())


@change
def store(db: Connection, order: Order, at: datetime | None) -> Order:
    """Write what became of an order that this transaction has locked and moved as it may.

    ``at`` is when there was news of it, None where there was none.
    """
    values = {name: getattr(order, name) for name in STATED}
    db.execute(_STORE, values | {"id_": order.client_id, "state_": order.state, "at_": at})
    return order


def _all(db: Connection, *conditions: sa.ColumnElement[bool]) -> list[Order]:
    return [_order(row) for row in db.execute(_OLDEST_FIRST.where(*conditions))]


def _order(row: Sequence[Any]) -> Order:
    values = dict(zip(_NAMES, row, strict=True))
    return Order(**values | {name: enum(values[name]) for name, enum in _ENUMS.items()})
