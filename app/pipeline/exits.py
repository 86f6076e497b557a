"""Exits: positions that must go become intents, which the risk step treats like any other."""

from collections.abc import Collection

from sqlalchemy.engine import Connection

from app.engine import exits
from app.engine.orders import Order
from app.engine.portfolio import Position
from app.io.store import intents, orders
from app.pipeline import ledger
from app.pipeline.messages import INTENTS
from app.pipeline.services import Services


def check(to: Services) -> str:
    """Ask every exit rule about every position; publish what they want."""
    now = to.clock.now()
    with to.database.begin() as db:
        money = ledger.read(db, to.book.id)
        context = exits.ExitContext(
            at=now,
            hours=to.calendar.session_for(now),
            positions=money.positions,
            quotes=money.quotes,
            orders=tuple(_orders(db, to.book.id, money.positions.values())),
            auctions=to.broker.capabilities.auction_orders,
        )
        made = intents.insert_once(db, exits.due(to.book, context))
    for intent in made:
        to.streams.publish(INTENTS, {"id": intent.id})
    if made:
        to.nudge("pipeline_e2e")
    return f"{len(made)} exits"


def _orders(db: Connection, book: str, held: Collection[Position]) -> list[Order]:
    """Return the orders since the oldest position was opened, finished ones included."""
    if not held:
        return []
    opened = [position.opened_at for position in held if position.opened_at]
    return orders.listing(db, book, min(opened) if len(opened) == len(held) else None)
