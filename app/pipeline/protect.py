"""Protect: stops that rest at the broker follow our positions; exits wait for what they must."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from app.engine import risk as engine
from app.engine.exits import protect
from app.engine.exits.protect import Means, Stop
from app.engine.orders import Intent, Order, OrderState, protects
from app.engine.verdicts import Judged, Reason, Verdict
from app.engine.withdrawals import Withdrawal, by_order, withdrawal, withdrawals
from app.io.store import intents, orders
from app.io.store.taping import Transaction
from app.pipeline import bare, order_verdicts, refusals, risk
from app.pipeline.desk import Desk, risk_context
from app.pipeline.services import Frame

_WITHDRAWN = Verdict("protect", Reason.WITHDRAWN)


@dataclass(frozen=True, slots=True)
class Cleared:
    """The desk, the intents that may be judged now, and the orders that others wait for."""

    desk: Desk
    ready: tuple[Intent, ...]
    cancel: tuple[Withdrawal, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """The stops that were ordered, why, and the orders that are to be cancelled at the broker."""

    made: tuple[Order, ...]
    judged: tuple[Judged, ...]
    cancel: tuple[Withdrawal, ...]


def clear(to: Frame, db: Transaction, desk: Desk, waiting: Sequence[Intent]) -> Cleared:
    """Hold back the exits whose shares a stop still holds, and name what must be cancelled first.

    An exit that would be refused anyway is judged at once: it takes no stop away. The others stay
    undecided in the store, so that a crash between cancel and sale loses nothing.
    """
    ready: list[Intent] = []
    cancel: list[Withdrawal] = []
    for intent in waiting:
        way = _in_the_way(to, db, desk, intent)
        left: list[Order] = []
        if way and _may_go(to, desk, intent, way):
            desk = _drop_unsent(to, db, desk, way)
            left = [order for order in way if order in desk.open]
        if left:
            cancel += [withdrawal(o, Reason.MAKES_WAY, intent.purpose) for o in left]
        else:
            ready.append(intent)
    return Cleared(desk, tuple(ready), tuple(cancel))


def _in_the_way(to: Frame, db: Transaction, desk: Desk, intent: Intent) -> list[Order]:
    """Return what an exit takes away: no stop that may stay, where the broker takes no sale anyway.

    Before the close stops go in any case, and the sale is tried again.
    """
    way = protect.in_the_way(intent, desk.open)
    position = desk.money.positions.get(intent.symbol)
    if position is None or not any(protects(order) for order in way):
        return way
    if protect.must_go(to.book, risk_context(to.book, to.calendar, desk), _means(to)):
        return way
    blocked = refusals.blocked(to, db, desk.row, position)
    return [order for order in way if not (blocked and protects(order))]


def _means(to: Frame) -> Means:
    can = to.broker.capabilities
    return Means(can.stop_orders, can.auction_orders)


def _may_go(to: Frame, desk: Desk, intent: Intent, way: Sequence[Order]) -> bool:
    """Would an exit become an order if nothing stood in its way?"""
    context = risk_context(to.book, to.calendar, desk)
    ids = {order.client_id for order in way}
    without = tuple(order for order in context.pending if order.client_id not in ids)
    return engine.allowed(to.book, intent, replace(context, pending=without))[0]


def _drop_unsent(to: Frame, db: Transaction, desk: Desk, way: Iterable[Order]) -> Desk:
    """Close what was approved and never sent; return the desk without it."""
    gone: set[str] = set()
    for order in way:
        now = orders.get(db, order.client_id, lock=True)
        if now is not None and now.state is OrderState.NEW:
            said = "withdrawn before it was sent"
            orders.move(db, order.client_id, OrderState.CANCELLED, desk.at, error=said)
            order_verdicts.note(to, db, "protect", order, _WITHDRAWN)
            gone.add(order.client_id)
    return replace(desk, open=tuple(o for o in desk.open if o.client_id not in gone))


def keep(to: Frame, db: Transaction, cleared: Cleared, made: Sequence[Order]) -> Kept:
    """Place the stops that are missing and name what must go at the broker, after new exits."""
    desk = cleared.desk
    for order in made:
        desk = desk.with_order(order)
    means = _means(to)
    context = risk_context(to.book, to.calendar, desk)
    plan = protect.protection(to.book, context, means)
    overdue = bare.watch(to, db, desk, protect.bare(to.book, context, means))
    desk = _drop_unsent(to, db, desk, plan.cancel)
    sold = overdue if to.book.exits.stop_failure == "close" else frozenset()
    kept = [stop for stop in plan.place if stop.position.symbol not in sold]
    # They are judged by the next pass, with everything that stands in their way.
    intents.insert_once(
        db, [protect.unprotected_sale(to.book, s, desk.at) for s in plan.place if s not in kept]
    )
    wanted = [intent for stop in kept if (intent := _intent_for(to, db, desk, stop))]
    placed, judged = risk.judge(to, db, desk, intents.insert_once(db, wanted))
    moved = [withdrawal(o, Reason.STOP_OUT_OF_STEP, o.stop_price) for o in plan.cancel]
    late = withdrawals(to.book, context, means.auctions)
    cancel = by_order([*cleared.cancel, *moved, *late])
    return Kept(tuple(placed), tuple(judged), tuple(cancel.values()))


def _intent_for(to: Frame, db: Transaction, desk: Desk, stop: Stop) -> Intent | None:
    """Return the intent to place a stop; None in the pause, which grows, after a refusal."""
    before = refusals.outcomes(to, db, stop.position, stops=True)
    refused = refusals.in_a_row(desk.row, stop.position, before)
    pause = min(len(refused) * to.book.schedule.pipeline, to.book.exits.retry)
    if refused and desk.at - refused[-1].created_at < pause:
        return None
    return protect.stop_intent(to.book, stop, len(before), desk.at)
