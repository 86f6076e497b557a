"""Which working orders are to be cancelled at the broker, and the verdict that says why.

What works without filling holds its money, its slot or its shares: an exit that counts as being
sold keeps every rule from selling. It is withdrawn in time, what has filled of it is kept (E8), and
the rules are asked again. Stops that rest are the concern of ``exits.protect``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from app.engine.book import Book
from app.engine.orders import WORKING, Order, Purpose, TimeInForce, protects
from app.engine.permissions import BLOCKED_BY, BLOCKS
from app.engine.session import flatten_at, pre_close_at, regular
from app.engine.sizing import RiskContext
from app.engine.verdicts import Measured, Reason, Verdict

#: The gate of every verdict about a withdrawal.
GATE = "withdrawn"
#: A sale at the market that has not filled after so many checks of the exits rests: its limit at
#: the broker was passed, or trading in the symbol is halted.
CHECKS = 4


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """An order that is to be cancelled at the broker, and why."""

    order: Order
    because: Verdict


def withdrawal(
    order: Order, reason: Reason, measured: Measured = None, limit: Measured = None
) -> Withdrawal:
    """Return an order with the verdict that it may not stay."""
    return Withdrawal(order, Verdict(GATE, reason, measured, limit))


def withdrawals(book: Book, context: RiskContext, auctions: bool) -> list[Withdrawal]:
    """Return the working orders that may not stay, resting stops left out.

    That is what the book's status blocks; entries from the pre-close on, for what they still
    bought would be held overnight, and those that work for longer than their cause lives; and
    sales that work for too long, or that the end of the day wants to make anew.
    """
    working = (o for o in context.pending if o.state in WORKING and not protects(o))
    asked = (_blocked(context, o) or _late(book, context, o, auctions) for o in working)
    return [one for one in asked if one is not None]


def by_order(asked: Iterable[Withdrawal]) -> dict[str, Withdrawal]:
    """Return one withdrawal an order, by its client id: the first that was asked for."""
    found: dict[str, Withdrawal] = {}
    for one in asked:
        found.setdefault(one.order.client_id, one)
    return found


def _blocked(context: RiskContext, order: Order) -> Withdrawal | None:
    if order.purpose not in BLOCKS[context.status]:
        return None
    return withdrawal(order, BLOCKED_BY[context.status], context.status, order.purpose)


def _late(book: Book, context: RiskContext, order: Order, auctions: bool) -> Withdrawal | None:
    if order.purpose is Purpose.ENTRY:
        ends = pre_close_at(context.hours, book.session) if context.hours else None
        if ends is None or context.at >= ends:
            return withdrawal(order, Reason.TOO_LATE_IN_SESSION, context.at, ends)
        return _too_long(context, order, book.risk.max_intent_age)
    # Where nothing may be sent, or no market is open, no other sale could take its place.
    if not book.auto or not regular(context.hours, context.at):
        return None
    if order.time_in_force is not TimeInForce.DAY:
        return None  # it waits for its auction
    return _overtaken(book, context, order, auctions) or _too_long(
        context, order, CHECKS * book.schedule.stops
    )


def _overtaken(book: Book, context: RiskContext, order: Order, auctions: bool) -> Withdrawal | None:
    """Withdraw a sale of before the pre-close, or the flattening, that has begun meanwhile (F6)."""
    if context.hours is None:
        return None
    starts = [flatten_at(context.hours, book.session)]
    starts += [pre_close_at(context.hours, book.session)] if auctions else []
    for start in starts:
        if order.created_at < start <= context.at:
            return withdrawal(order, Reason.TOO_LATE_IN_SESSION, context.at, start)
    return None


def _too_long(context: RiskContext, order: Order, limit: timedelta) -> Withdrawal | None:
    worked = context.at - order.created_at
    if worked <= limit:
        return None
    return withdrawal(order, Reason.WORKED_TOO_LONG, worked, limit)
