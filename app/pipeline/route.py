"""Route: signals become evidence for baskets and intents, or a refusal with its numbers."""

from app.engine import baskets
from app.io.store import book_states, intents, orders, positions, quotes, signals, verdicts
from app.pipeline import ledger
from app.pipeline.messages import GROUPS, INTENTS, SIGNALS
from app.pipeline.services import Services


def route(to: Services) -> int:
    """Route every signal that is stored and not routed yet; return how many intents that made.

    The stream only wakes this step: what is routed is read from the store, so that a lost or
    repeated message changes nothing.
    """
    woken = to.streams.read(SIGNALS, GROUPS[SIGNALS])
    now = to.clock.now()
    with to.database.begin() as db:
        row = book_states.lock(db, to.book.id)
        fresh = signals.unrouted(db, to.book.id)
        context = baskets.RouteContext(
            at=now,
            held={s: p.quantity for s, p in positions.held(db, to.book.id).items()},
            pending=orders.open_symbols(db, to.book.id) | intents.undecided_symbols(db, to.book.id),
            prices=ledger.prices(quotes.load(db, to.book.id)),
        )
        routed = baskets.route(to.book, row.engine, fresh, context)
        book_states.save_engine(db, to.book.id, routed.state)
        made = intents.insert_once(db, routed.intents)
        signals.mark_routed(db, [signal.id for signal in fresh], now)
        verdicts.add(db, to.book.id, now, "route", to.settings, routed.judged)
    for intent in made:
        to.streams.publish(INTENTS, {"id": intent.id})
    to.streams.acknowledge(SIGNALS, GROUPS[SIGNALS], *(message.id for message in woken))
    return len(made)
