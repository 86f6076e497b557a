"""Verdicts about an order, kept under the intent that it was made from."""

from app.engine.orders import Order
from app.engine.verdicts import Verdict
from app.io.store import verdicts
from app.io.store.taping import Transaction
from app.pipeline.services import Frame


def note(to: Frame, db: Transaction, step: str, order: Order, said: Verdict) -> None:
    """Write down, as of now, what a step has to say of an order."""
    judged = [(order.symbol, subject(order), said)]
    verdicts.add(db, to.book.id, to.clock.now(), to.settings, {step: judged})


def subject(order: Order) -> str:
    """Return the subject of an order's verdicts."""
    return f"intent:{order.intent_id}"
