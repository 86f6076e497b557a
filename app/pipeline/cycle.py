"""The cycle behind ``pipeline_e2e``: everything that waits in a book is moved one step on."""

from dataclasses import dataclass

from app.engine.orders import Intent, Order, OrderState
from app.engine.withdrawals import Withdrawal, by_order
from app.io.locks import Lease
from app.io.store import verdicts
from app.io.store.taping import Transaction
from app.pipeline import (
    commands,
    day_loss,
    desk,
    execute,
    fills,
    parked,
    protect,
    resolve,
    risk,
    route,
    settle,
    switch,
    withdraw,
)
from app.pipeline.messages import APPROVED, FILLS, GROUPS, INTENTS
from app.pipeline.ownership import owning
from app.pipeline.services import Frame, Services
from app.pipeline.turns import deciding

#: This step's name on the tape.
STEP = "cycle"


def run(to: Services) -> str:
    """Move fills, signals, intents and orders on; return what was done in one line."""
    return owning(to, lambda lease: _once(to, lease))


def _once(to: Services, lease: Lease) -> str:
    """Make one pass. What is new goes first; looking up what is in doubt takes time and waits.

    Streams wake, the store decides: each step reads what waits from PostgreSQL. Messages are read
    before that, so that each stands for something the reading saw, and a message is
    acknowledged when everything that it could have stood for is committed.
    """
    asked = commands.kinds_waiting(to)
    if asked & switch.KINDS.keys():
        switch.turn(to)
    woken = to.streams.read_many(GROUPS)
    updates = fills.apply(to, [message for message in woken if message.stream == FILLS])
    with deciding(to, STEP) as (then, db):
        decided = decide(then, db)
        wanted = switch.cancels(to, db, decided.desk.open) if switch.CANCEL in asked else []
    now, intents, made = decided.desk, decided.intents, decided.orders
    to.streams.publish_many(
        [(INTENTS, {"id": intent.id}) for intent in intents]
        + [(APPROVED, {"client_id": order.client_id}) for order in made]
    )
    sent = execute.submit(to, lease, [*_left_over(now), *made])
    ours = to.streams.read_many({stream: GROUPS[stream] for stream in (INTENTS, APPROVED)})
    done = [message for message in (*woken, *ours) if message.stream != FILLS]
    to.streams.acknowledge_many([(m.stream, GROUPS[m.stream], m.id) for m in done])
    unwanted = by_order([*wanted, *decided.cancel])
    withdrawn = withdraw.withdraw(to, lease, tuple(unwanted.values()))
    settled = settle.carry_out(to) if settle.KIND in asked else 0
    settled += resolve.resolve(to, lease)
    polled = fills.poll(to)
    return (
        f"updates {updates}, intents {len(intents)}, approved {len(made)}, sent {sent},"
        f" withdrawn {withdrawn}, resolved {settled}, polled {polled}"
    )


@dataclass(frozen=True, slots=True)
class Decided:
    """The desk as it was read, new intents and orders, and what the broker is to cancel."""

    desk: desk.Desk
    intents: tuple[Intent, ...]
    orders: tuple[Order, ...]
    cancel: tuple[Withdrawal, ...]


def decide(to: Frame, db: Transaction) -> Decided:
    """Route what waits and judge it, and keep the stops at the broker in step.

    All in the caller's transaction, and alone in the book: its row stays locked until the end.
    """
    now = day_loss.watch(to, db, desk.read(to, db))
    intents, routed = route.route(to, db, now)
    way = protect.clear(to, db, now, [*now.intents, *intents])
    made, ruled = risk.judge(to, db, way.desk, way.ready)
    parked.keep_refused(to, db, way.ready, ruled)
    stops = protect.keep(to, db, way, made)
    said = {"route": routed, "risk": ruled, "protect": stops.judged}
    verdicts.add(db, to.book.id, now.at, to.settings, said)
    return Decided(now, tuple(intents), (*made, *stops.made), stops.cancel)


def _left_over(now: desk.Desk) -> list[Order]:
    """Return the orders that an earlier pass approved and could not send."""
    return [order for order in now.open if order.state is OrderState.NEW]
