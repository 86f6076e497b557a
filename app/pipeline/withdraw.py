"""Withdraw: working orders that the book may not have any more are cancelled at the broker."""

from app.engine.errors import OutcomeUnknown, Rejected, Transient
from app.engine.orders import Order, OrderState, Purpose
from app.engine.risk import BLOCKS
from app.engine.session import pre_close_at
from app.pipeline.desk import Desk
from app.pipeline.services import Services

WORKING = frozenset({OrderState.SUBMITTED, OrderState.PARTIAL})


def withdraw(to: Services, desk: Desk) -> int:
    """Ask for the cancel of each working order that may not stay; return how many were asked.

    That is what the book's status blocks, and entries from the pre-close on: what they still
    bought would be held overnight. A cancel is a request: the order may fill first, its fills
    count, and the next pass asks again while it still works.
    """
    return sum(_cancel(to, order) for order in desk.open if _must_go(to, desk, order))


def _must_go(to: Services, desk: Desk, order: Order) -> bool:
    if order.state not in WORKING or order.broker_id is None:
        return False
    hours = to.calendar.session_for(desk.at)
    late = desk.at >= pre_close_at(hours, to.book.session)
    return order.purpose in BLOCKS[desk.row.status] or (order.purpose is Purpose.ENTRY and late)


def _cancel(to: Services, order: Order) -> bool:
    if not to.buckets.take("broker", to.clock.now(), reserve=True).allowed:
        return False
    try:
        to.broker.cancel(order.broker_id or "")
    except (Rejected, Transient, OutcomeUnknown) as error:
        to.log("cancel_failed", book=to.book.id, order=order.client_id, why=str(error))
        return False
    return True
