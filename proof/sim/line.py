"""The line to the broker: what is sent may not arrive, and what is answered may not either."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.adapters.port import Capabilities
from app.engine.errors import OutcomeUnknown, Rejected, Transient
from app.engine.orders import BrokerOrder, Execution, Order
from proof.sim.broker import MemoryBroker
from proof.sim.edges import ANY_TIME, DOWN
from proof.sim.fate import Fate, Fault, Life
from proof.sim.veil import Veil

#: So much more often than anything else these go wrong: there are few of them.
POSTS, CANCELS, LOOKS = 5, 10, 3
BUSY = Transient("too many requests", retry_after_s=3)


@dataclass(frozen=True)
class Far:
    """What is at the line's other end, and how.

    ``arriving`` is called with each order as it reaches the broker, before the broker sees it;
    ``takes_time`` while the broker works on a request.
    """

    broker: MemoryBroker
    veil: Veil
    arriving: Callable[[Order], None]
    takes_time: Callable[[], None]


class Line:
    """A broker as one process reaches it."""

    def __init__(self, far: Far, life: Life, fate: Fate) -> None:
        self._far, self._broker, self._life, self._fate = far, far.broker, life, fate

    @property
    def name(self) -> str:
        return self._broker.name

    @property
    def capabilities(self) -> Capabilities:
        return self._broker.capabilities

    def submit(self, order: Order) -> BrokerOrder:
        name = order.client_id[:6]
        may = (*ANY_TIME, Fault.DOWN, Fault.BUSY, Fault.NEVER, Fault.REFUSED)
        before = self._fate.reach(self._life, "before a POST", *may, weight=POSTS, what=name)
        if before is Fault.NEVER:
            raise OutcomeUnknown("the request got lost")
        if before is Fault.REFUSED:
            raise Rejected("40310000", "the broker's no")
        self._raise(before)
        self._far.arriving(order)
        self._far.takes_time()
        seen = self._broker.submit(order)
        mostly = (*ANY_TIME, Fault.LOST, Fault.LOST, Fault.LOST)
        if self._fate.reach(self._life, "after a POST", *mostly, weight=POSTS, what=name):
            raise OutcomeUnknown("the answer got lost")
        return seen

    def cancel(self, broker_id: str) -> None:
        may = (*ANY_TIME, Fault.DOWN, Fault.NEVER)
        before = self._fate.reach(
            self._life, "before a cancel", *may, weight=CANCELS, what=broker_id
        )
        self._raise(before)
        if before is Fault.NEVER:
            raise OutcomeUnknown("the request got lost")
        self._far.takes_time()
        self._broker.cancel(broker_id)
        after = (*ANY_TIME, Fault.LOST)
        if self._fate.reach(self._life, "after a cancel", *after, weight=CANCELS, what=broker_id):
            raise OutcomeUnknown("the answer got lost")

    def order(self, broker_id: str) -> BrokerOrder | None:
        return self._far.veil.order(self._looking_up("order", broker_id))

    def order_by_client_id(self, client_id: str) -> BrokerOrder | None:
        return self._far.veil.order(self._looking_up("order_by_client_id", client_id))

    def open_orders(self) -> Sequence[BrokerOrder]:
        return self._far.veil.orders(self._looking_up("open_orders"))

    def orders_since(self, since: datetime) -> Sequence[BrokerOrder]:
        return self._far.veil.orders(self._looking_up("orders_since", since))

    def executions(self, since: datetime) -> Sequence[Execution]:
        """Return them as a broker may list them: late ones missing, some twice."""
        known = self._far.veil.fills(self._looking_up("executions", since))
        twice = self._fate.draw("", "in a list of fills", Fault.TWICE, weight=LOOKS)
        return known + known[-1:] if twice else known

    def __getattr__(self, name: str) -> Any:
        """Pass the other questions on. What changes something is written out above."""
        if name not in ("positions", "account", "clock", "fees"):
            raise AttributeError(name)
        return lambda *given: self._looking_up(name, *given)

    def _looking_up(self, name: str, *given: object) -> Any:
        may = (*ANY_TIME, Fault.DOWN, Fault.BUSY)
        self._raise(self._fate.reach(self._life, f"before {name}", *may, weight=LOOKS))
        answer = getattr(self._broker, name)(*given)
        if self._fate.reach(self._life, f"after {name}", *ANY_TIME, Fault.LOST):
            raise DOWN
        return answer

    def _raise(self, fault: Fault | None) -> None:
        if fault is Fault.DOWN:
            raise DOWN
        if fault is Fault.BUSY:
            raise BUSY
