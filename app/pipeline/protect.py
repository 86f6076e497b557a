"""Protect: stops that rest at the broker follow our positions; exits wait for what they must."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.engine import Connection

from app.engine import risk as engine
from app.engine.book import BookStatus
from app.engine.exits import protect
from app.engine.exits.protect import Means, Stop
from app.engine.orders import FINAL, Intent, Order, OrderState
from app.engine.verdicts import Judged, Reason, Verdict
from app.engine.withdrawals import Withdrawal, by_order, withdrawal, withdrawals
from app.io.store import book_states, intents, orders, recovery
from app.io.store.recovery import Difference
from app.pipeline import risk
from app.pipeline.desk import Desk, risk_context
from app.pipeline.services import Services


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


def clear(to: Services, db: Connection, desk: Desk, waiting: Sequence[Intent]) -> Cleared:
    """Hold back the exits whose shares a stop still holds, and name what must be cancelled first.

    An exit that would be refused anyway is judged at once: it takes no stop away. The others stay
    undecided in the store, so that a crash between cancel and sale loses nothing.
    """
    ready: list[Intent] = []
    cancel: list[Withdrawal] = []
    for intent in waiting:
        way = protect.in_the_way(intent, desk.open)
        desk = _drop_unsent(to, db, desk, way) if way and _may_go(to, desk, intent, way) else desk
        left = protect.in_the_way(intent, desk.open)
        if left and _may_go(to, desk, intent, left):
            cancel += [withdrawal(o, Reason.MAKES_WAY, intent.purpose) for o in left]
        else:
            ready.append(intent)
    return Cleared(desk, tuple(ready), tuple(cancel))


def _may_go(to: Services, desk: Desk, intent: Intent, way: Sequence[Order]) -> bool:
    """Would an exit become an order if nothing stood in its way?"""
    context = risk_context(to.book, to.calendar, desk)
    ids = {order.client_id for order in way}
    without = tuple(order for order in context.pending if order.client_id not in ids)
    return engine.allowed(to.book, intent, replace(context, pending=without))[0]


def _drop_unsent(to: Services, db: Connection, desk: Desk, way: Iterable[Order]) -> Desk:
    """Close what was approved and never sent; return the desk without it."""
    gone: set[str] = set()
    for order in way:
        now = orders.get(db, order.client_id, lock=True)
        if now is not None and now.state is OrderState.NEW:
            said = "withdrawn before it was sent"
            orders.move(db, order.client_id, OrderState.CANCELLED, desk.at, error=said)
            gone.add(order.client_id)
    return replace(desk, open=tuple(o for o in desk.open if o.client_id not in gone))


def keep(to: Services, db: Connection, cleared: Cleared, made: Sequence[Order]) -> Kept:
    """Place the stops that are missing and name what must go at the broker, after new exits."""
    desk = cleared.desk
    for order in made:
        desk = desk.with_order(order)
    can = to.broker.capabilities
    means = Means(can.stop_orders, can.auction_orders)
    context = risk_context(to.book, to.calendar, desk)
    plan = protect.protection(to.book, context, means)
    for stop in protect.unguarded(to.book, context, means):
        _tell_unguarded(to, db, desk, stop)
    desk = _drop_unsent(to, db, desk, plan.cancel)
    judged: list[Judged] = []
    wanted = [intent for stop in plan.place if (intent := _intent_for(to, db, desk, stop, judged))]
    placed, ruled = risk.judge(to, db, desk, intents.insert_once(db, wanted))
    moved = [withdrawal(o, Reason.STOP_OUT_OF_STEP, o.stop_price) for o in plan.cancel]
    overdue = withdrawals(to.book, context, can.auction_orders)
    cancel = by_order([*cleared.cancel, *moved, *overdue])
    return Kept(tuple(placed), (*judged, *ruled), tuple(cancel.values()))


def _intent_for(
    to: Services, db: Connection, desk: Desk, stop: Stop, judged: list[Judged]
) -> Intent | None:
    """Return the intent to place a stop; None between two tries, and when it is an emergency."""
    position, row = stop.position, desk.row
    since = position.opened_at - protect.SKEW if position.opened_at else None
    known = orders.stops(db, to.book.id, position.symbol, since)
    ended = [order for order in known if order.state in FINAL]
    trusted = protect.trusted_since(position, row.status, row.set_at)
    refused = protect.refusals(ended, trusted)
    if len(refused) >= to.book.exits.stop_tries:
        _emergency(to, db, desk, (stop, refused), judged)
        return None
    if refused and desk.at - refused[-1].created_at < to.book.schedule.pipeline:
        return None
    return protect.stop_intent(to.book, stop, len(ended), desk.at)


def _emergency(
    to: Services,
    db: Connection,
    desk: Desk,
    failed: tuple[Stop, list[Order]],
    judged: list[Judged],
) -> None:
    """End entries, announce it once, and sell what has no stop where the settings say so (F5)."""
    stop, refused = failed
    symbol, last = stop.position.symbol, refused[-1]
    if to.book.exits.stop_failure == "close":
        intents.insert_once(db, [protect.unprotected_sale(to.book, stop, desk.at)])
    why = f"no stop for {stop.quantity} {symbol} at {stop.price}: refused {len(refused)} times"
    difference = Difference(desk.at, "stop", last.client_id, why, None, "watched here")
    if recovery.known(db, to.book.id, difference):
        return
    recovery.add(db, to.book.id, difference)
    limit = to.book.exits.stop_tries
    said = Verdict("stop", Reason.STOP_NOT_PLACED, len(refused), limit)
    judged.append((symbol, f"intent:{last.intent_id}", said))
    if desk.row.status is BookStatus.ACTIVE:
        book_states.set_status(db, to.book.id, BookStatus.REDUCING, why, "stop", desk.at)
    to.log("stop_not_placed", book=to.book.id, symbol=symbol, why=why)


def _tell_unguarded(to: Services, db: Connection, desk: Desk, stop: Stop) -> None:
    """Announce once what a halted book holds without a stop: only a person can place one."""
    symbol, held = stop.position.symbol, f"{stop.quantity} without a stop"
    action = f"held: halted since {desk.row.set_at.isoformat()}"
    difference = Difference(desk.at, "stop", symbol, held, None, action)
    if not recovery.known(db, to.book.id, difference):
        recovery.add(db, to.book.id, difference)
        level = str(stop.price)
        to.log("held_without_stop", book=to.book.id, symbol=symbol, why=held, stop=level)
