"""Route: signals become evidence for baskets and intents, or a refusal with its numbers."""

from app.engine import baskets
from app.engine.orders import Intent
from app.engine.verdicts import Judged
from app.io.store import book_states, intents, signals
from app.io.store.taping import Transaction
from app.pipeline.desk import Desk, route_context
from app.pipeline.services import Frame


def route(to: Frame, db: Transaction, desk: Desk) -> tuple[list[Intent], tuple[Judged, ...]]:
    """Route every signal that is stored and not routed yet; return the new intents, and why.

    The stream only wakes this step: what is routed is read from the store, so that a lost or
    repeated message changes nothing.
    """
    routed = baskets.route(to.book, desk.row.engine, desk.signals, route_context(desk))
    if routed.state != desk.row.engine:
        book_states.save_engine(db, to.book.id, routed.state)
    made = intents.insert_once(db, routed.intents)
    signals.mark_routed(db, [signal.id for signal in desk.signals], desk.at)
    return made, routed.judged
