"""Exits: positions that must go become intents; the risk step makes orders of them like any other."""

from app.engine.exits import EXITS, ExitContext
from app.io.store import intents, orders
from app.pipeline import ledger
from app.pipeline.messages import INTENTS
from app.pipeline.services import Services


def check(to: Services) -> str:
    """Ask every exit rule about every position; publish what they want."""
    now = to.clock.now()
    with to.database.begin() as db:
        money = ledger.read(db, to.book.id)
        context = ExitContext(
            at=now,
            hours=to.calendar.session_for(now),
            positions=money.positions,
            prices=money.prices,
            pending=tuple(orders.unfinished(db, to.book.id)),
            attempts=orders.exit_attempts(db, to.book.id),
        )
        wanted = [intent for rule in EXITS for intent in rule(to.book, context)]
        made = intents.insert_once(db, wanted)
    for intent in made:
        to.streams.publish(INTENTS, {"id": intent.id})
    if made:
        to.nudge("pipeline_e2e")
    return f"{len(made)} exits"
