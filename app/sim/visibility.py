"""Orders that were taken but cannot be found for a moment: the fault of eventual consistency."""

import time
from collections.abc import Callable

from app.sim.faults import Door, Faults, Kind
from app.sim.orders import Order
from app.sim.refusals import not_found


class Visibility:
    """Which orders may be seen; hidden ones appear after a rule's wall seconds."""

    def __init__(self, faults: Faults, wall: Callable[[], float] = time.monotonic) -> None:
        self._faults = faults
        self._wall = wall
        self._hidden: dict[str, float] = {}

    def hide(self, order_id: str) -> None:
        """Hide a new order if the fault is drawn."""
        if rule := self._faults.draw(Kind.EVENTUAL_VISIBILITY, Door.TRADING):
            self._hidden[order_id] = self._wall() + rule.seconds

    def shows(self, order_id: str) -> bool:
        """May the order be seen now?"""
        until = self._hidden.get(order_id)
        if until is None:
            return True
        if self._wall() < until:
            return False
        del self._hidden[order_id]
        return True

    def check(self, order: Order) -> Order:
        """Return the order if it may be seen. Raises Refused."""
        if not self.shows(order.id):
            raise not_found(f"order not found for {order.id}")
        return order
