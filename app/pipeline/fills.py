"""Fills: what the broker's stream told, and a poll for what it did not."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta

from app.engine.book import MOST_BROKER_CALLS
from app.engine.errors import InvalidData, OutcomeUnknown, Rejected, Transient
from app.engine.orders import BrokerOrder, Execution, Order
from app.io.store import orders
from app.io.streams import Message
from app.pipeline import missing
from app.pipeline.messages import FILLS, GROUPS, decode
from app.pipeline.record import record, record_or_refuse
from app.pipeline.services import Services

#: An open order without news for this long, on the market's clock, is asked about.
QUIET = timedelta(seconds=30)
#: A stop rests for hours: the stream and each reconciliation tell of it sooner than this.
RESTING = timedelta(minutes=2)
#: So many orders are asked about in one pass, beside their executions; the others are still quiet
#: in the next.
AT_ONCE = MOST_BROKER_CALLS - 1


def apply(to: Services, messages: Sequence[Message]) -> int:
    """Record the updates that the feed received, each in a transaction; return how many."""
    group = GROUPS[FILLS]
    for message in messages:
        try:
            update = decode(message.data)
            with to.database.begin() as db:
                record(
                    to, db, update.order, [update.execution] if update.execution else [], "stream"
                )
        except InvalidData as error:
            to.streams.fail(message, group, str(error))
            to.log("update_refused", book=to.book.id, message=message.id, why=str(error))
            continue
        to.streams.acknowledge(FILLS, group, message.id)
    return len(messages)


def poll(to: Services) -> int:
    """Ask the broker about open orders that have been quiet; return how many were asked about.

    Executions come from the broker's own ledger, so a lost or late stream message costs time only.
    An order that cannot be read hides no other one; a second one without an answer is the line.
    """
    now = to.clock.now()
    with to.database.begin() as db:
        quiet = orders.quiet(db, to.book.id, now - QUIET, now - RESTING)[:AT_ONCE]
    if not quiet or not to.buckets.take("broker", now, cost=1 + len(quiet)).allowed:
        return 0
    silent = 0
    try:
        executed = executions_by_order(to, quiet)
        for order in quiet:
            silent += not _ask(to, order, executed)
            if silent > 1:
                break
    except (Transient, Rejected, OutcomeUnknown) as error:
        to.log("poll_failed", book=to.book.id, why=str(error))
    return len(quiet)


def _ask(to: Services, order: Order, executed: Mapping[str, list[Execution]]) -> bool:
    """Ask about one order and record what is said; False where nobody answered."""
    try:
        seen = to.broker.order(order.broker_id or "")
    except (Transient, Rejected, OutcomeUnknown) as error:
        to.log("poll_failed", book=to.book.id, order=order.client_id, why=str(error))
        return not isinstance(error, Transient)
    if seen is None:
        missing.suspect(to, order)
    else:
        record_or_refuse(to, seen, executed.get(seen.broker_id, []), "poll")
    return True


def executions_of(to: Services, order: Order, seen: BrokerOrder) -> list[Execution]:
    """Return the executions of what was found of an order; none are asked for where it has none."""
    return executions_by_order(to, [order])[seen.broker_id] if seen.filled_quantity else []


def executions_by_order(to: Services, of: Sequence[Order]) -> defaultdict[str, list[Execution]]:
    """Return the broker's executions since the oldest of the orders was made, by broker id."""
    found: defaultdict[str, list[Execution]] = defaultdict(list)
    # Our clock and the broker's may differ a little: a fill must not fall out between them.
    since = min(order.created_at for order in of) - timedelta(minutes=5)
    for execution in to.broker.executions(since):
        found[execution.broker_order_id].append(execution)
    return found
