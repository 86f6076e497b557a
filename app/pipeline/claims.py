"""Claims: where a broker takes no client ids, an order in doubt is matched or frozen."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy.engine import Connection

from app.engine import claims
from app.engine.book import BookStatus
from app.engine.errors import OutcomeUnknown, Rejected, Transient
from app.engine.orders import BrokerOrder, Execution, Order, OrderState
from app.engine.verdicts import Reason, Verdict
from app.io.store import book_states, doubts, order_links, orders, recovery
from app.io.store.recovery import Difference
from app.pipeline import order_verdicts
from app.pipeline.execute import WITHOUT_ID
from app.pipeline.fills import executions_of
from app.pipeline.record import record_or_refuse
from app.pipeline.services import Services

FROZEN = "frozen: a person has to look"


def settle(to: Services, order: Order) -> bool:
    """Adopt the only order at the broker that this one can be, once every delay is over.

    Never sooner: somebody else's order of the same size may be listed before ours is. Where there
    is none, or more than one, the order is frozen, and looked for again after the last delay.
    """
    with to.database.begin() as db:
        tries = doubts.resolve_tries(db, order.client_id)
        sent = doubts.sent_at(db, order.client_id) or order.created_at
        if tries < len(to.resolve_delays_s):
            doubts.postpone(db, order.client_id, to.resolve_delays_s[tries])
            return False
    if not to.buckets.take("broker", to.clock.now(), cost=2, reserve=True).allowed:
        return False
    try:
        found = _candidates(to, order, to.broker.orders_since(sent - claims.BEFORE))
        # It has been unprotected for all the delays: its fills do not wait for the next poll.
        executed = executions_of(to, order, found[0]) if len(found) == 1 else []
    except (Transient, OutcomeUnknown, Rejected) as error:
        ask_later(to, order, str(error))
        return False
    if len(found) == 1 and adopt(to, order, found[0], executed, "resolve"):
        return True
    names = [seen.broker_id for seen in found]
    freeze(to, order, names, f"may be any of {', '.join(names)}" if names else "may be lost")
    return False


def adopt_late(
    to: Services, theirs: Sequence[BrokerOrder], executed: Mapping[str, Sequence[Execution]]
) -> None:
    """Adopt what has turned up of orders that were frozen, where nothing else can be meant."""
    if to.broker.capabilities.client_ids:
        return
    with to.database.begin() as db:
        doubtful = [o for o in orders.unfinished(db, to.book.id) if o.state is OrderState.UNKNOWN]
        waited = len(to.resolve_delays_s)
        frozen = [o for o in doubtful if doubts.resolve_tries(db, o.client_id) > waited]
    for order in frozen:
        found = _candidates(to, order, theirs)
        if len(found) == 1:
            adopt(to, order, found[0], executed.get(found[0].broker_id, ()), "reconcile")


def adopt(
    to: Services, order: Order, seen: BrokerOrder, executed: Sequence[Execution], source: str
) -> bool:
    """Take an order at the broker for ours, and write that down; False where it cannot be it."""
    if not record_or_refuse(to, seen, executed, source, of=order.client_id):
        return False
    with to.database.begin() as db:
        note(to, db, order, f"{seen.broker_id} {seen.status}", "adopted")
    return True


def freeze(
    to: Services, order: Order, found: Sequence[str], what: str, *, asked: bool = True
) -> None:
    """Leave an order in doubt, which keeps its symbol and side to itself; call a person.

    Entries stop with every look until somebody has settled it; it is told of once. ``found`` are
    the ids of what it can be, and ``what`` says of it why nobody knows. ``asked`` counts this as
    one of the times that the broker did not have it.
    """
    why = f"order {order.client_id} ({order.side} {order.quantity} {order.symbol}) {what}"
    theirs = ", ".join(found) or ("not found" if asked else "no answer")
    with to.database.begin() as db:
        row = book_states.lock(db, to.book.id)
        active = row.status is BookStatus.ACTIVE
        if active:
            reducing, now = BookStatus.REDUCING, to.clock.now()
            book_states.set_status(db, to.book.id, reducing, why, "resolver", now)
        doubts.postpone(db, order.client_id, to.resolve_delays_s[-1], asked)
        news = not recovery.known(db, to.book.id, _difference(to, order, theirs, FROZEN))
        if news:
            note(to, db, order, theirs, FROZEN)
            lost = Verdict("resolve", Reason.ORDER_LOST, len(found), 1)
            order_verdicts.note(to, db, "execute", order, lost)
    if news or active:
        to.log("order_lost", book=to.book.id, order=order.client_id, why=why)


def ask_later(to: Services, order: Order, why: str) -> None:
    """Note that the broker did not answer: none of the times that it did not have the order.

    Where no answer has come for as long as an order may be without a broker's id, a person is
    called (E6): it may be the look-up that will never work.
    """
    to.log("look_up_failed", client_id=order.client_id, why=why)
    with to.database.begin() as db:
        since = doubts.since(db, order.client_id) or order.created_at
        if to.clock.now() - since <= WITHOUT_ID:
            doubts.postpone(db, order.client_id, to.resolve_delays_s[0], asked=False)
            return
    freeze(to, order, [], f"could not be looked up for {WITHOUT_ID}: {why}", asked=False)


def note(to: Services, db: Connection, order: Order, theirs: str, action: str) -> None:
    """Write down what was found of an order in doubt, and what was done about it."""
    recovery.add(db, to.book.id, _difference(to, order, theirs, action))


def _difference(to: Services, order: Order, theirs: str, action: str) -> Difference:
    return Difference(to.clock.now(), "order", order.client_id, order.state, theirs, action)


def _candidates(to: Services, order: Order, theirs: Iterable[BrokerOrder]) -> list[BrokerOrder]:
    """Return what it may be of what no order of ours is and nobody had noted before it was sent."""
    with to.database.begin() as db:
        sent = doubts.sent_at(db, order.client_id) or order.created_at
        found = claims.candidates(order, sent, theirs)
        ids = [seen.broker_id for seen in found]
        taken = order_links.owners(db, to.broker.name, ids).keys()
        foreign = recovery.noted_before(db, to.book.id, "order", ids, sent)
    return [seen for seen in found if seen.broker_id not in taken | foreign]
