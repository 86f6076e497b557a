"""The order state machine: any sequence of the broker's words ends consistent."""

from decimal import Decimal

import pytest
from builders import a_broker_order, an_order
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from app.engine.errors import InvalidData
from app.engine.lifecycle import apply_broker_order
from app.engine.orders import FINAL, TRANSITIONS, BrokerOrder, OrderState, outstanding

S = OrderState


@pytest.mark.parametrize(
    ("before", "had", "word", "filled", "after", "has"),
    [
        (S.SUBMITTING, 0, S.SUBMITTED, 0, S.SUBMITTED, 0),
        (S.SUBMITTING, 0, S.FILLED, 10, S.FILLED, 10),
        (S.SUBMITTING, 0, S.REJECTED, 0, S.REJECTED, 0),
        (S.UNKNOWN, 0, S.PARTIAL, 4, S.PARTIAL, 4),
        (S.UNKNOWN, 0, S.CANCELLED, 4, S.CANCELLED, 4),
        (S.SUBMITTED, 0, S.SUBMITTED, 4, S.PARTIAL, 4),
        (S.SUBMITTED, 0, S.PARTIAL, 10, S.FILLED, 10),
        (S.SUBMITTED, 0, S.FILLED, 4, S.PARTIAL, 4),
        (S.PARTIAL, 4, S.SUBMITTED, 0, S.PARTIAL, 4),
        (S.PARTIAL, 4, S.PARTIAL, 2, S.PARTIAL, 4),
        (S.PARTIAL, 4, S.EXPIRED, 4, S.EXPIRED, 4),
        (S.PARTIAL, 4, S.CANCELLED, 2, S.CANCELLED, 4),
        (S.SUBMITTED, 0, S.CANCELLED, 10, S.FILLED, 10),
        (S.CANCELLED, 4, S.FILLED, 10, S.CANCELLED, 4),
        (S.FILLED, 10, S.CANCELLED, 10, S.FILLED, 10),
    ],
)
def test_merging(before: S, had: int, word: S, filled: int, after: S, has: int) -> None:
    order = an_order(state=before, filled_quantity=Decimal(had))
    merged = apply_broker_order(order, a_broker_order(order, word, filled))
    assert (merged.state, merged.filled_quantity) == (after, has)


def test_the_price_is_of_the_larger_quantity() -> None:
    order = an_order(state=S.SUBMITTED)
    order = apply_broker_order(order, a_broker_order(order, S.PARTIAL, 4, average_price=Decimal(9)))
    late = a_broker_order(order, S.PARTIAL, 2, average_price=Decimal(8))
    assert apply_broker_order(order, late).average_price == 9


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "another"},
        {"symbol": "MSFT"},
        {"side": "sell"},
        {"filled_quantity": Decimal(11)},
        {"quantity": Decimal(10), "filled_quantity": Decimal("10.5")},
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, object]) -> None:
    order = an_order(state=S.SUBMITTED)
    with pytest.raises(InvalidData):
        apply_broker_order(order, a_broker_order(order, S.PARTIAL, 4, **changes))


@pytest.mark.parametrize("word", [S.NEW, S.SUBMITTING])
def test_our_own_states_are_not_a_brokers_words(word: OrderState) -> None:
    order = an_order(state=S.SUBMITTED)
    with pytest.raises(InvalidData, match="not a broker's word"):
        apply_broker_order(order, a_broker_order(order, word))


def test_another_broker_id_is_another_order() -> None:
    order = an_order(state=S.SUBMITTED, broker_id="b-2")
    with pytest.raises(InvalidData, match="b-2"):
        apply_broker_order(order, a_broker_order(order, S.PARTIAL, 4))


def test_an_order_that_was_never_sent_cannot_be_at_the_broker() -> None:
    order = an_order(state=S.NEW)
    with pytest.raises(InvalidData, match="NEW to SUBMITTED"):
        apply_broker_order(order, a_broker_order(order, S.SUBMITTED))


def test_only_final_states_have_no_way_on() -> None:
    assert {state for state, after in TRANSITIONS.items() if not after} == FINAL


class BrokerTalk(RuleBasedStateMachine):
    """A broker fills an order and ends it; its statements arrive late, twice and out of order."""

    @initialize()
    def submit(self) -> None:
        self.order = an_order(state=S.SUBMITTING)
        self.said: list[BrokerOrder] = []
        self.filled = 0
        self.ended: OrderState | None = None
        self.heard_most = 0

    @rule(quantity=st.integers(0, 10))
    def fill(self, quantity: int) -> None:
        if self.ended is None:
            self.filled = min(10, self.filled + quantity)
            self._say(S.PARTIAL if self.filled else S.SUBMITTED)

    @rule(word=st.sampled_from([S.FILLED, S.CANCELLED, S.EXPIRED]))
    def end(self, word: OrderState) -> None:
        if self.ended is None:
            self.filled = 10 if word is S.FILLED else self.filled
            self.ended = S.FILLED if self.filled == 10 else word
            self._say(self.ended)

    @rule(pick=st.integers(0, 99))
    def hear(self, pick: int) -> None:
        if self.said:
            before, seen = self.order, self.said[pick % len(self.said)]
            self.order = apply_broker_order(before, seen)
            if before.state in FINAL:
                assert self.order is before
            else:
                self.heard_most = max(self.heard_most, int(seen.filled_quantity))

    @rule()
    def doubt(self) -> None:
        seen = a_broker_order(self.order, S.UNKNOWN)
        assert apply_broker_order(self.order, seen).filled_quantity == self.order.filled_quantity

    @invariant()
    def quantities_agree(self) -> None:
        order = self.order
        assert order.filled_quantity == self.heard_most <= self.filled
        assert (order.state is S.FILLED) == (order.filled_quantity == order.quantity)
        assert (order.state is S.PARTIAL) <= (order.filled_quantity > 0)
        assert outstanding(order) >= 0

    def teardown(self) -> None:
        if self.ended is not None:
            final = apply_broker_order(self.order, self.said[-1])
            assert (final.state, final.filled_quantity) == (self.ended, self.filled)

    def _say(self, word: OrderState) -> None:
        self.said.append(a_broker_order(self.order, word, self.filled))


TestBrokerTalk = BrokerTalk.TestCase
TestBrokerTalk.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
