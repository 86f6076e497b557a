"""No share is ever on sale twice, whatever fills, ends, is refused or goes silent in between."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from builders import (
    AT,
    D,
    a_book,
    a_position,
    a_risk_context,
    an_exit_policy,
    an_intent,
    by_symbol,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.exits.protect import Means, in_the_way, protection, stop_intent
from app.engine.orders import FINAL, Execution, Order, OrderState, Purpose, Side, outstanding
from app.engine.portfolio import Position, after_fill
from app.engine.risk import judge
from app.engine.sizing import RiskContext

BOOK = replace(a_book(), exits=an_exit_policy(broker_stops=True))
MEANS = Means(stop_orders=True, auctions=True)


@dataclass
class Model:
    """One symbol, our orders of it, and a broker that fills, cancels, refuses and goes silent."""

    position: Position = field(default_factory=lambda: replace(a_position(), stop_price=D("98.5")))
    orders: list[Order] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    count: int = 0

    def context(self) -> RiskContext:
        pending = tuple(o for o in self.orders if o.state not in FINAL)
        held = by_symbol(self.position) if self.position.quantity else {}
        return a_risk_context(positions=held, pending=pending)

    def set(self, old: Order, **changes: Any) -> None:
        self.orders[self.orders.index(old)] = replace(old, **changes)

    def open(self, *states: OrderState) -> list[Order]:
        return [o for o in self.orders if o.state in (states or set(OrderState) - FINAL)]

    def take(self, intent: Any, to: OrderState) -> None:
        order = judge(BOOK, intent, self.context()).order
        if order is not None:
            self.count += 1
            self.orders.append(replace(order, client_id=str(self.count), state=to))

    # What may happen, each by a number.

    def exit(self, n: int) -> None:
        """A rule wants shares: they are sold if nothing stands in the way, else it is cancelled."""
        shares = D(1 + n % 12)
        wants = an_intent(side=Side.SELL, purpose=Purpose.OPPOSITE, quantity=shares)
        way = in_the_way(wants, self.context().pending)
        self.asked |= {o.client_id for o in way}
        if not way:
            self.take(wants, OrderState.SUBMITTED)

    def protect(self, n: int) -> None:
        """A pass: what is out of step is asked to be cancelled, what is missing is placed."""
        found = protection(BOOK, self.context(), MEANS)
        self.asked |= {o.client_id for o in found.cancel}
        came = (OrderState.SUBMITTED, OrderState.UNKNOWN, OrderState.NEW, OrderState.REJECTED)
        for stop in found.place:
            self.take(stop_intent(BOOK, stop, self.count, AT), came[n % 4])

    def fill(self, n: int) -> None:
        """The broker trades a part of anything that it may have, asked to be cancelled or not."""
        if working := self.open(OrderState.SUBMITTED, OrderState.PARTIAL, OrderState.UNKNOWN):
            order = working[n % len(working)]
            shares = min(D(1 + n % 5), outstanding(order))
            filled = order.filled_quantity + shares
            done = filled == order.quantity
            state = OrderState.FILLED if done else OrderState.PARTIAL
            self.set(order, filled_quantity=filled, state=state)
            fill = Execution(str(n), "b", "AAPL", order.side, shares, D(99), filled, AT)
            opened = self.position.opened_at
            self.position = after_fill(self.position, fill)
            if self.position.quantity:
                self.position = replace(self.position, opened_at=opened, stop_price=D("98.5"))

    def cancelled(self, n: int) -> None:
        asked = [o for o in self.open() if o.client_id in self.asked]
        if asked:
            self.set(asked[n % len(asked)], state=OrderState.CANCELLED)

    def ended(self, n: int) -> None:
        """The broker ends an order by itself, or an answer about one is lost."""
        to = (OrderState.REJECTED, OrderState.EXPIRED, OrderState.UNKNOWN)[n % 3]
        if working := self.open(OrderState.SUBMITTED):
            self.set(working[n % len(working)], state=to)

    def trail(self, n: int) -> None:
        self.position = replace(self.position, peak_price=D(102 + n % 10))


HAPPENINGS: tuple[Callable[[Model, int], None], ...] = (
    Model.exit,
    Model.protect,
    Model.fill,
    Model.cancelled,
    Model.ended,
    Model.trail,
)


@settings(max_examples=80)
@given(st.lists(st.tuples(st.sampled_from(HAPPENINGS), st.integers(0, 59)), max_size=40))
def test_no_share_is_ever_on_sale_twice_and_no_two_stops_rest(
    happened: list[tuple[Callable[[Model, int], None], int]],
) -> None:
    model = Model()
    for happens, n in happened:
        happens(model, n)
        selling = sum((outstanding(o) for o in model.orders if o.side is Side.SELL), D(0))
        assert 0 <= selling <= model.position.quantity
        assert len([o for o in model.open() if o.purpose is Purpose.PROTECT]) <= 1


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(HAPPENINGS), st.integers(0, 59)), max_size=25))
def test_once_it_is_quiet_every_share_that_nobody_sells_has_its_stop(
    happened: list[tuple[Callable[[Model, int], None], int]],
) -> None:
    model = Model()
    for happens, n in happened:
        happens(model, n)
    # The broker is heard again: what was unsure works, cancels are carried out, stops are taken.
    for order in model.open():
        model.set(order, state=OrderState.SUBMITTED)
    for _ in range(3):
        model.protect(0)
        for _ in range(len(model.asked)):
            model.cancelled(0)
    model.protect(0)
    covered = sum((outstanding(o) for o in model.orders if o.side is Side.SELL), D(0))
    assert covered == model.position.quantity or _at_its_stop(model)


def _at_its_stop(model: Model) -> bool:
    """Its trailing stop is above the price of the builders' quote: a sale is due instead."""
    return model.position.peak_price is not None
