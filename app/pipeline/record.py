"""Record: fold what the broker says of an order into our order, fills and position, once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from app.engine.errors import InvalidData
from app.engine.exits.stop_loss import stop_price
from app.engine.lifecycle import apply_broker_order
from app.engine.links import Chain
from app.engine.orders import BrokerOrder, Execution, Order, OrderState, Side
from app.engine.portfolio import after_fill
from app.io.store import accounts, fills, order_links, orders, positions
from app.io.store.taping import Transaction
from app.pipeline import refusals
from app.pipeline.services import Frame, Services


def record(
    to: Frame,
    db: Transaction,
    seen: BrokerOrder,
    executions: Sequence[Execution],
    source: str,
    *,
    of: str | None = None,
) -> Order | None:
    """Apply the broker's word about one order; return our order, None if it is not ours.

    ``of`` is the client id of the order that the word is known to be about, where it does not say
    that itself. Executions count once, by their id. The broker's cumulative quantity is the
    authority: the order moves to its new state only when our fills add up to it; until then it
    stays open, and the next poll fetches what is missing. Repeated, late and reordered news
    therefore change nothing twice.
    """
    now = to.clock.now()
    order = find(to, db, seen, of)
    if order is None:
        return None
    fresh = fills.insert_once(db, to.book.id, to.broker.name, order.client_id, executions, source)
    known = fills.for_order(db, order.client_id) if fresh or order.filled_quantity else []
    chain = order_links.load(db, order.client_id)
    stated = _covered(seen, [fill for fill in known if fill.broker_order_id == seen.broker_id])
    heard = apply_broker_order(order, stated, chain, claimed=of is not None)
    # The first of a chain is free: ``find`` has asked whose it is, or what it replaces.
    _check_free(to, db, order, heard.chain[len(chain) or 1 :])
    order_links.save(db, order, to.broker.name, chain, heard.chain)
    after = orders.store(db, heard.order, now if _is_news(order, heard.order, seen) else None)
    if after.state is OrderState.REJECTED is not order.state:
        refusals.note(to, db, after, f"{seen.status}, told by {source}")
    if len(heard.chain) > max(len(chain), 1):
        _tell_replaced(to, order, heard.chain)
    if fresh:
        _fold(to, db, order, fresh, now)
    return after


def find(to: Frame, db: Transaction, seen: BrokerOrder, of: str | None = None) -> Order | None:
    """Return, locked, the order of this book that a statement is about; None if it is not ours.

    That is the order to which its broker id was linked, or the one that it replaced; else the one
    whose client id it carries. Raises InvalidData where ``of`` names another one than the link.
    """
    ids = [seen.broker_id, *([seen.replaces] if seen.replaces else [])]
    owners = order_links.owners(db, to.broker.name, ids)
    owner = owners.get(seen.broker_id) or owners.get(seen.replaces or "")
    if owner and of not in (None, owner):
        raise InvalidData(f"the broker's {seen.broker_id} is our order {owner} already, not {of}")
    client_id = owner or of or seen.client_id
    order = orders.get(db, client_id, lock=True) if client_id else None
    return order if order is not None and order.book == to.book.id else None


def record_or_refuse(
    to: Services,
    seen: BrokerOrder,
    executions: Sequence[Execution],
    source: str,
    *,
    of: str | None = None,
) -> bool:
    """Record in a transaction; say so, and return False, where the broker's word cannot be true.

    One order of which the broker says what no order can do must not hold up the others.
    """
    try:
        with to.database.begin() as db:
            record(to, db, seen, executions, source, of=of)
    except InvalidData as error:
        named = of or seen.client_id or seen.broker_id
        to.log("update_refused", book=to.book.id, order=named, why=str(error))
        return False
    return True


def _check_free(to: Frame, db: Transaction, order: Order, named: Chain) -> None:
    """Raise InvalidData where a broker order that joins the chain is another order of ours."""
    owners = order_links.owners(db, to.broker.name, [link.broker_id for link in named])
    for broker_id, owner in owners.items():
        raise InvalidData(
            f"order {order.client_id}: the broker's {broker_id} is our order {owner} already"
        )


def _is_news(before: Order, after: Order, seen: BrokerOrder) -> bool:
    """Was this said of the order as it is now? Of a predecessor the same is said for ever."""
    return after != before or seen.broker_id == after.broker_id


def _tell_replaced(to: Frame, order: Order, chain: Chain) -> None:
    """Announce that somebody put another order in the place of ours."""
    last = chain[-1]
    named = {"order": order.client_id, "symbol": order.symbol, "by": last.broker_id}
    size = None if last.quantity is None else str(last.quantity)
    to.log("order_replaced", book=to.book.id, **named, quantity=size, was=str(order.quantity))


def _covered(seen: BrokerOrder, known: Sequence[Execution]) -> BrokerOrder:
    """Return the broker's statement as far as our fills bear it out."""
    filled = sum((fill.quantity for fill in known), Decimal(0))
    cost = sum((fill.quantity * fill.price for fill in known), Decimal(0))
    state = seen.state if filled == seen.filled_quantity else OrderState.SUBMITTED
    average = cost / filled if filled else None
    return replace(seen, state=state, filled_quantity=filled, average_price=average)


def _fold(
    to: Frame, db: Transaction, order: Order, fresh: Sequence[Execution], now: datetime
) -> None:
    """Fold new executions into the position, and give a new or larger long its stop."""
    positions.begin(db, to.book.id, order.symbol, now)
    position = positions.load(db, to.book.id, lock=True)[order.symbol]
    differs = position.at_broker is not None
    read = accounts.latest(db, to.book.id, "check") if differs else None
    for execution in fresh:
        position = after_fill(position, execution, read.at if read else None)
    if position.quantity > 0 and order.side is Side.BUY:
        position = replace(
            position, stop_price=stop_price(position.average_price, to.book.risk.stop_loss)
        )
    positions.save(db, to.book.id, position, now)
