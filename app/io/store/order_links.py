"""Order links: which broker orders are which order of ours, in chains of replacements."""

from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from app.engine.links import Chain, Link
from app.engine.orders import Order, OrderState
from app.io.store.schema import order_links
from app.io.store.taping import change, reading

_l = order_links.c
_NAMES = tuple(field.name for field in fields(Link))
# Built once: they stand on the way of every order.
_LOAD = (
    sa.select(*(_l[name] for name in _NAMES))
    .where(_l.client_id == sa.bindparam("id_"))
    .order_by(_l.place)
)
_OWNERS = sa.select(_l.broker_id, _l.client_id).where(
    _l.broker == sa.bindparam("broker_"), _l.broker_id.in_(sa.bindparam("ids", expanding=True))
)
_REPLACED = sa.select(*(_l[name] for name in _NAMES)).where(
    _l.broker == sa.bindparam("broker_"),
    _l.broker_id.in_(sa.bindparam("ids", expanding=True)),
    _l.replaced_by.is_not(None),
)
_SAVE = insert(order_links)
_SAVE = _SAVE.on_conflict_do_update(
    index_elements=[_l.broker, _l.broker_id],
    set_={name: _SAVE.excluded[name] for name in _NAMES if name != "broker_id"},
)


@reading
def load(db: Connection, client_id: str) -> Chain:
    """Return the broker orders that an order of ours is, the first one first."""
    return tuple(_link(row) for row in db.execute(_LOAD, {"id_": client_id}))


def replaced(db: Connection, broker: str, broker_ids: Collection[str]) -> dict[str, Link]:
    """Return those of these broker orders that have a successor, by the broker's ids."""
    if not broker_ids:
        return {}
    rows = db.execute(_REPLACED, {"broker_": broker, "ids": sorted(set(broker_ids))})
    return {row.broker_id: _link(row) for row in rows}


def _link(row: sa.Row[Any]) -> Link:
    return Link(**row._asdict() | {"state": OrderState(row.state)})


@reading
def owners(db: Connection, broker: str, broker_ids: Collection[str]) -> dict[str, str]:
    """Return the client ids of the orders that these broker orders are, by the broker's ids."""
    if not broker_ids:
        return {}
    rows = db.execute(_OWNERS, {"broker_": broker, "ids": sorted(set(broker_ids))})
    return {broker_id: client_id for broker_id, client_id in rows}


@change
def save(db: Connection, order: Order, broker: str, before: Chain, after: Sequence[Link]) -> None:
    """Store what has changed of a chain; the caller has locked the order."""
    known = set(before)
    where = {"broker": broker, "book": order.book, "client_id": order.client_id}
    rows = [
        where | {"place": place} | {name: getattr(link, name) for name in _NAMES}
        for place, link in enumerate(after)
        if link not in known
    ]
    if rows:
        db.execute(_SAVE, rows)
