"""Risk: limits, size and reservation of each intent in one transaction under the book's lock."""

from dataclasses import replace

from app.engine import risk
from app.engine.orders import Purpose
from app.engine.session import Phase, phase_at
from app.io.store import book_states, intents, orders, verdicts
from app.pipeline import ledger
from app.pipeline.messages import APPROVED, GROUPS, INTENTS
from app.pipeline.services import Services


def judge(to: Services) -> int:
    """Decide every undecided intent; return how many orders that made.

    The lock on the book's row makes limits hold for any number of workers: each intent sees the
    reservations of all before it, and its own commits with its order.
    """
    woken = to.streams.read(INTENTS, GROUPS[INTENTS])
    now = to.clock.now()
    hours = to.calendar.session_for(now)
    made = []
    with to.database.begin() as db:
        waiting = intents.undecided(db, to.book.id)
        if waiting:
            row = book_states.lock(db, to.book.id)
            money = ledger.read(db, to.book.id)
            context = risk.RiskContext(
                at=now,
                hours=hours,
                phase=phase_at(hours, now, to.book.session) if money.equity_open else Phase.OFFLINE,
                status=row.status,
                reconciled=row.reconciled_at is not None,
                equity=money.equity,
                cash=money.cash,
                # Cash only: what a margin account might lend is not ours to trade with.
                buying_power=money.cash,
                day_start_equity=money.equity_open,
                positions=money.positions,
                quotes=money.quotes,
                pending=tuple(orders.unfinished(db, to.book.id)),
            )
            # Exits first: they free what entries may use, and never wait for them. Otherwise in
            # the order in which they were made, which is the router's: strongest first.
            for intent in sorted(waiting, key=lambda i: (i.purpose is Purpose.ENTRY, i.at)):
                ruling = risk.judge(to.book, intent, context)
                verdicts.add(db, to.book.id, now, "risk", to.settings, ruling.judged)
                if ruling.order is not None:
                    orders.insert(db, ruling.order, to.broker.name)
                    made.append(ruling.order)
                    context = replace(context, pending=(*context.pending, ruling.order))
            intents.mark_decided(db, [intent.id for intent in waiting], now)
    for order in made:
        to.streams.publish(APPROVED, {"client_id": order.client_id})
    to.streams.acknowledge(INTENTS, GROUPS[INTENTS], *(message.id for message in woken))
    return len(made)
