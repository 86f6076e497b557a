"""What is behind a chain of decisions: the orders that came of it, and what the model said."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.io.store.schema import intents, model_calls, orders

#: How long before a verdict the call may be whose answer it used.
_CALLED_WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OrderSeen:
    """An order of a chain, with the signals that its intent names."""

    client_id: str
    intent_id: str
    symbol: str
    side: str
    purpose: str
    quantity: Decimal
    filled_quantity: Decimal
    average_price: Decimal | None
    state: str
    error: str | None
    created_at: datetime
    basket: str | None
    signals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallSeen:
    """A call to the model; no cost until its answer was accounted for."""

    event_id: str
    symbol: str
    at: datetime
    prompt_version: str
    model: str
    outcome: str | None
    answer: Mapping[str, Any] | None
    cost_usd: Decimal | None


def orders_of(db: Connection, book: str, intent_ids: Iterable[str]) -> list[OrderSeen]:
    """Return the orders that intents became, oldest first."""
    own = [orders.c[name] for name in list(OrderSeen.__dataclass_fields__)[:-2]]
    query = (
        sa.select(*own, intents.c.basket, intents.c.signals)
        .outerjoin_from(orders, intents, intents.c.id == orders.c.intent_id)
        .where(orders.c.book == book, orders.c.intent_id.in_(sorted(intent_ids)))
        .order_by(orders.c.created_at, orders.c.client_id)
    )
    rows = [row._asdict() for row in db.execute(query)]
    return [OrderSeen(**row | {"signals": tuple(row["signals"] or ())}) for row in rows]


def calls_of(
    db: Connection, book: str, asked: Iterable[tuple[str, str]], at: datetime
) -> list[CallSeen]:
    """Return the newest call at or before ``at`` for each (event, symbol), oldest first.

    An answer that is used again was paid for by an earlier call.
    """
    c = model_calls.c
    model = sa.func.coalesce(c.answered_model, c.asked_model)
    query = (
        sa.select(
            c.event_id,
            c.symbol,
            c.at,
            c.prompt_version,
            model,
            c.outcome,
            c.answer,
            c.cost_usd,
        )
        .where(
            c.book == book,
            c.at.between(at - _CALLED_WITHIN, at),
            sa.tuple_(c.event_id, c.symbol).in_(sorted(set(asked))),
        )
        .order_by(c.at, c.id)
    )
    newest = {(row.event_id, row.symbol): CallSeen(*row) for row in db.execute(query)}
    return list(newest.values())
