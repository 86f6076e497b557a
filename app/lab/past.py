"""A book in the past: the steps over memory, and an exchange that fills what they order."""

from collections.abc import Iterable
from typing import Any, Protocol

from app.adapters.port import BrokerClock
from app.engine.orders import OPEN, Order, OrderState
from app.engine.strategies import Decision, SignalInputs
from app.engine.strategies.port import Asking
from app.engine.verdicts import Reason
from app.io.memory.memory import Memory
from app.lab.exchange import Word
from app.lab.frames import Frame
from app.pipeline import cycle, execute, exits, parked, record, signals
from app.pipeline.broker_clock import session_at
from app.pipeline.model import Asked

#: The lease under which orders of the past are sent: nobody else is there.
FENCE = 1


class Fills(Protocol):
    """Where orders of the past go; it says what a broker would, and takes every order."""

    def submit(self, order: Order, clock: BrokerClock) -> list[Word]:
        """Take an order; return what is said of it at once."""

    def cancel(self, client_id: str) -> list[Word]:
        """End an order; nothing is said of one that has ended."""

    def look(self, clock: BrokerClock) -> list[Word]:
        """Let what is known of the market act on what rests."""


class Past:
    """One book's day. Whoever plays it tells the prices, and when each step is to be taken."""

    def __init__(self, memory: Memory, exchange: Fills) -> None:
        self.memory, self.exchange = memory, exchange

    def signals(
        self, frame: Frame, inputs: SignalInputs, said: tuple[Any, Asking, Asked]
    ) -> Decision:
        """Judge a slot; ``said`` as in ``pipeline.signals.decide``."""
        fresh, decision = signals.decide(frame, self.memory, inputs, said)
        if fresh:
            self.cycle(frame)
        return decision

    def exits(self, frame: Frame) -> None:
        """Ask the exit rules, and pass on what they want."""
        _, wanted = exits.decide(frame, self.memory)
        if wanted:
            self.cycle(frame)

    def cycle(self, frame: Frame) -> None:
        """Route, judge, send and withdraw, until what filled in it asks for nothing more."""
        self.prices_moved(frame)
        while True:
            decided = cycle.decide(frame, self.memory)
            waiting = [o for o in self.memory.state.orders.values() if o.state is OrderState.NEW]
            said = [word for order in waiting for word in self._send(frame, order)]
            for withdrawal in decided.cancel:
                said += self.exchange.cancel(withdrawal.order.client_id)
            if not self.hear(frame, said):
                return

    def prices_moved(self, frame: Frame) -> bool:
        """Let the exchange look at the prices; return whether anything came of it."""
        return self.hear(frame, self.exchange.look(clock_of(frame)))

    def _send(self, frame: Frame, order: Order) -> list[Word]:
        outdated = execute.outdated(frame, order)
        if outdated:
            moved = (order.client_id, OrderState.CANCELLED, frame.clock.now())
            self.memory.call("orders.move", moved, {})
            if outdated[0] is Reason.SESSION_CLOSED:
                parked.keep(frame, self.memory, order.symbol, order.purpose, order.intent_id)
            return []
        self.memory.call("orders.started", (order.client_id, FENCE), {})
        return self.exchange.submit(order, clock_of(frame))

    def hear(self, frame: Frame, said: Iterable[Word]) -> bool:
        """Record what the exchange says; return whether an order has ended or filled."""
        ended = False
        for word in said:
            record.record(frame, self.memory, word.order, word.executions, "past")
            ended = ended or word.order.state not in OPEN
        return ended


def clock_of(frame: Frame) -> BrokerClock:
    """Return what a broker would say of the session at a frame's moment."""
    return session_at(frame.calendar, frame.clock.now())
