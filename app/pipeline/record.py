"""Record: fold what the broker says of an order into our order, fills and position, once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy.engine import Connection

from app.engine.errors import InvalidData
from app.engine.exits.stop_loss import stop_price
from app.engine.lifecycle import apply_broker_order
from app.engine.orders import BrokerOrder, Execution, Order, OrderState, Side
from app.engine.portfolio import Position, after_fill
from app.io.store import fills, orders, positions, tape
from app.pipeline import refusals
from app.pipeline.messages import Update, as_json
from app.pipeline.services import Services


def record(
    to: Services,
    db: Connection,
    seen: BrokerOrder,
    executions: Sequence[Execution],
    source: str,
) -> Order | None:
    """Apply the broker's word about one order; return our order, None if it is not ours.

    Executions count once, by their id. The broker's cumulative quantity is the authority: the order
    moves to its new state only when our fills add up to it; until then it stays open, and the next
    poll fetches what is missing. Repeated, late and reordered news therefore change nothing twice.
    """
    now = to.clock.now()
    order = orders.get(db, seen.client_id, lock=True)
    if order is None or order.book != to.book.id:
        return None
    fresh = fills.insert_once(db, to.book.id, to.broker.name, order.client_id, executions, source)
    known = fills.for_order(db, order.client_id) if fresh or order.filled_quantity else []
    after = orders.store(db, apply_broker_order(order, _covered(seen, known)), now)
    if after.state is OrderState.REJECTED is not order.state:
        refusals.note(to, db, after, f"{seen.status}, told by {source}")
    if fresh:
        _fold(to, db, order, fresh, now)
    news = Update(seen, fresh[0] if fresh else None)
    tape.append(db, to.book.id, now, source, "broker_order", as_json(news))
    return after


def record_or_refuse(
    to: Services, seen: BrokerOrder, executions: Sequence[Execution], source: str
) -> bool:
    """Record in a transaction of its own; False, and a line in the log, for what cannot be true.

    One order of which the broker says what no order can do must not hold up the others.
    """
    try:
        with to.database.begin() as db:
            record(to, db, seen, executions, source)
    except InvalidData as error:
        to.log("update_refused", book=to.book.id, order=seen.client_id, why=str(error))
        return False
    return True


def _covered(seen: BrokerOrder, known: Sequence[Execution]) -> BrokerOrder:
    """Return the broker's statement as far as our fills bear it out."""
    filled = sum((fill.quantity for fill in known), Decimal(0))
    cost = sum((fill.quantity * fill.price for fill in known), Decimal(0))
    state = seen.state if filled == seen.filled_quantity else OrderState.SUBMITTED
    average = cost / filled if filled else None
    return replace(seen, state=state, filled_quantity=filled, average_price=average)


def _fold(
    to: Services, db: Connection, order: Order, fresh: Sequence[Execution], now: datetime
) -> None:
    """Fold new executions into the position, and give a new or larger long its stop."""
    held = positions.load(db, to.book.id, lock=True)
    position = held.get(order.symbol, Position(order.symbol))
    for execution in fresh:
        position = after_fill(position, execution)
    if position.quantity > 0 and order.side is Side.BUY:
        position = replace(
            position, stop_price=stop_price(position.average_price, to.book.risk.stop_loss)
        )
    positions.save(db, to.book.id, position, now)
