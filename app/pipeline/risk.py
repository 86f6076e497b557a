"""Risk: limits, size and reservation of each intent, in the transaction that makes the order."""

from collections.abc import Sequence

from app.engine import risk
from app.engine.orders import Intent, Order, Purpose
from app.engine.verdicts import Judged
from app.io.store import intents, orders
from app.io.store.taping import Transaction
from app.pipeline.desk import Desk, risk_context
from app.pipeline.services import Frame


def judge(
    to: Frame, db: Transaction, desk: Desk, waiting: Sequence[Intent]
) -> tuple[list[Order], list[Judged]]:
    """Decide every waiting intent; return the orders that this made, and why.

    The lock on the book's row makes limits hold for any number of workers: each intent sees the
    reservations of all before it, and its own commits with its order.
    """
    made: list[Order] = []
    judged: list[Judged] = []
    context = risk_context(to.book, to.calendar, desk)
    # Exits first: they free what entries may use, and never wait for them. Otherwise in the order
    # in which they were made, which is the router's: strongest first.
    for intent in sorted(waiting, key=lambda i: (i.purpose is Purpose.ENTRY, i.at)):
        ruling = risk.judge(to.book, intent, context)
        judged += ruling.judged
        if ruling.order is not None:
            orders.insert(db, ruling.order, to.broker.name)
            made.append(ruling.order)
            desk = desk.with_order(ruling.order)
            context = risk_context(to.book, to.calendar, desk)
    intents.mark_decided(db, [intent.id for intent in waiting], desk.at)
    return made, judged
