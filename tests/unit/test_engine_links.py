"""Chains of replaced orders: any sequence of the broker's words ends where the broker does."""

from dataclasses import replace
from decimal import Decimal

import pytest
from builders import a_broker_order, an_order
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.engine.errors import InvalidData
from app.engine.lifecycle import Heard, apply_broker_order
from app.engine.links import Chain
from app.engine.orders import (
    FINAL,
    TRANSITIONS,
    BrokerOrder,
    Order,
    OrderState,
    OrderType,
    outstanding,
)

S, D = OrderState, Decimal


def hear(order: Order, *said: BrokerOrder, chain: Chain = ()) -> Heard:
    now = Heard(order, chain)
    for each in said:
        now = apply_broker_order(now.order, each, now.chain)
    return now


def first(
    order: Order, word: OrderState = S.SUBMITTED, filled: int = 0, **changes: object
) -> BrokerOrder:
    return a_broker_order(order, word, filled, **changes)


def second(
    order: Order, word: OrderState = S.SUBMITTED, filled: int = 0, **changes: object
) -> BrokerOrder:
    named = {"broker_id": "b-2", "client_id": "somebody's", "replaces": "b-1", "quantity": D(3)}
    return a_broker_order(order, word, filled, **{**named, **changes})


ORDER = an_order(state=S.SUBMITTED)
REPLACED = first(ORDER, S.CANCELLED, 4, replaced_by="b-2")


def test_a_replaced_order_stays_open_under_its_successor() -> None:
    now = hear(ORDER, REPLACED).order
    assert (now.state, now.broker_id) == (S.PARTIAL, "b-2")
    assert (now.filled_quantity, now.quantity) == (4, 10), "the new quantity is not stated yet"
    now = hear(ORDER, REPLACED, second(ORDER)).order
    assert (now.state, now.broker_id, now.quantity, outstanding(now)) == (S.PARTIAL, "b-2", 7, 3)


@pytest.mark.parametrize("successor_first", [True, False])
def test_fills_of_the_whole_chain_count(successor_first: bool) -> None:
    said = [REPLACED, second(ORDER, S.FILLED, 3, average_price=D(107))]
    now = hear(ORDER, first(ORDER), *(reversed(said) if successor_first else said)).order
    assert (now.state, now.filled_quantity, now.quantity) == (S.FILLED, 7, 7)
    assert now.average_price == D(103)


def test_it_has_not_ended_while_its_predecessor_may_still_fill() -> None:
    now = hear(ORDER, first(ORDER), second(ORDER, S.FILLED, 3)).order
    assert (now.state, now.broker_id, now.filled_quantity) == (S.PARTIAL, "b-1", 3)


def test_a_cancelled_successor_ends_the_order_with_all_its_fills() -> None:
    now = hear(ORDER, REPLACED, second(ORDER, S.CANCELLED, 1)).order
    assert (now.state, now.filled_quantity) == (S.CANCELLED, 5)
    assert hear(ORDER, REPLACED, second(ORDER, S.REJECTED)).order.state is S.CANCELLED


def test_what_is_reserved_follows_the_size_and_the_price() -> None:
    limited = an_order(
        state=S.SUBMITTED,
        type=OrderType.LIMIT,
        limit_price=D(100),
        reserved_notional=D(1000),
        reserved_risk=D(15),
    )
    gone = first(limited, S.CANCELLED, replaced_by="b-2")
    now = hear(limited, gone, second(limited, quantity=D(20), limit_price=D(110))).order
    assert (now.quantity, now.limit_price) == (20, 110)
    assert (now.reserved_notional, now.reserved_risk) == (2200, 33)


def test_the_prices_of_an_order_that_nobody_replaced_are_ours() -> None:
    mine = replace(ORDER, stop_price=D("98.505"))
    assert hear(mine, first(mine, stop_price=D("98.50"))).order.stop_price == D("98.505")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (second(ORDER, broker_id="b-9"), "was replaced by b-2, and now by b-9"),
        (second(ORDER, broker_id="b-9", replaces=None), "is b-1, b-2 at the broker, not b-9"),
        (second(ORDER, broker_id="b-9", replaces="b-7"), "is b-1, b-2 at the broker, not b-9"),
        (second(ORDER, replaced_by="b-1"), "b-2 cannot be replaced by b-1"),
        (second(ORDER, replaced_by="b-2"), "b-2 cannot be replaced by b-2"),
        (second(ORDER, replaces="b-7"), "b-2 replaces b-1, not b-7"),
        (
            second(ORDER, symbol="MSFT"),
            "to buy AAPL, and what the broker has as b-2 is to buy MSFT",
        ),
        (first(ORDER, replaced_by="b-9"), "was replaced by b-2, and now by b-9"),
        (second(ORDER, S.PARTIAL, 4), "4 filled of 3 ordered"),
    ],
)
def test_forks_cycles_and_strangers_are_refused(said: BrokerOrder, why: str) -> None:
    now = hear(ORDER, REPLACED)
    with pytest.raises(InvalidData, match=why):
        apply_broker_order(now.order, said, now.chain)


def test_a_successor_under_our_own_id_brings_its_predecessor_along() -> None:
    sending = an_order(state=S.UNKNOWN)
    said = second(sending, client_id=sending.client_id)
    now = hear(sending, said).order
    assert (now.state, now.broker_id) == (S.SUBMITTED, "b-1"), "its fills are asked for first"
    now = hear(sending, said, first(sending, S.CANCELLED, 4, replaced_by="b-2")).order
    assert (now.broker_id, now.filled_quantity, now.quantity) == ("b-2", 4, 7)


def test_a_statement_that_carries_no_client_id_has_to_be_claimed() -> None:
    sending = an_order(state=S.UNKNOWN)
    nameless = first(sending, client_id="")
    with pytest.raises(InvalidData, match="b-1 is not our order"):
        apply_broker_order(sending, nameless)
    now = apply_broker_order(sending, nameless, claimed=True)
    assert now.order.broker_id == "b-1"
    again = replace(nameless, filled_quantity=D(10), state=S.FILLED)
    assert apply_broker_order(now.order, again, now.chain).order.state is S.FILLED


def test_more_than_was_ordered_may_have_filled_before_the_newest_size_is_known() -> None:
    gone = first(ORDER, S.CANCELLED, 7, replaced_by="b-2")
    larger = second(ORDER, S.CANCELLED, 4, quantity=D(5), replaced_by="b-3")
    now = hear(ORDER, gone, larger).order
    assert (now.state, now.filled_quantity, now.quantity) == (S.PARTIAL, 11, 11)


class BrokerTalk(RuleBasedStateMachine):
    """A broker fills an order, lets somebody replace it, and ends it.

    Its statements arrive late, twice and out of order; between any two of them, our order may be
    in doubt again.
    """

    @initialize()
    def submit(self) -> None:
        self.order, self.chain = an_order(state=S.SUBMITTING), Chain()
        self.said: list[BrokerOrder] = []
        self.now = first(self.order)
        self.before = D(0)
        self.ended = False
        self._say()

    @precondition(lambda self: not self.ended)
    @rule(quantity=st.integers(0, 10))
    def fill(self, quantity: int) -> None:
        filled = min(self.now.quantity, self.now.filled_quantity + quantity)
        word = S.PARTIAL if filled else S.SUBMITTED
        self.ended = filled == self.now.quantity
        self._say(
            state=S.FILLED if self.ended else word, filled_quantity=filled, average_price=D(9)
        )

    @precondition(lambda self: not self.ended)
    @rule(word=st.sampled_from([S.CANCELLED, S.EXPIRED, S.REJECTED]))
    def end(self, word: OrderState) -> None:
        self.ended = True
        self._say(state=word)

    @precondition(lambda self: not self.ended)
    @rule(size=st.integers(1, 12), announced=st.booleans())
    def replace_it(self, size: int, announced: bool) -> None:
        """``announced``: the successor names its predecessor, as not every broker does."""
        old, name = self.now.broker_id, f"b-{len({s.broker_id for s in self.said}) + 1}"
        self._say(state=S.CANCELLED, replaced_by=name)
        self.before += self.now.filled_quantity
        self.now = a_broker_order(
            self.order,
            S.SUBMITTED,
            broker_id=name,
            client_id=f"by-hand-{name}",
            quantity=D(size),
            replaces=old if announced else None,
        )
        self._say()

    @rule(pick=st.integers(0, 99))
    def hear(self, pick: int) -> None:
        self._hear(self.said[pick % len(self.said)])

    @rule()
    def doubt(self) -> None:
        if self.order.state not in FINAL | {S.UNKNOWN}:
            assert S.UNKNOWN in TRANSITIONS[self.order.state]
            self.order = replace(self.order, state=S.UNKNOWN)

    @invariant()
    def quantities_agree(self) -> None:
        order = self.order
        assert 0 <= order.filled_quantity <= order.quantity
        assert order.filled_quantity <= self.before + self.now.filled_quantity
        assert (order.state is S.FILLED) <= (order.filled_quantity == order.quantity)
        assert (order.state is S.PARTIAL) <= (order.filled_quantity > 0)
        assert outstanding(order) >= 0

    def teardown(self) -> None:
        """Once everything was heard, our order is what the broker's last word says."""
        finished = self.order.state in FINAL
        for each in self.said:
            self._hear(each)
        truth = self.before + self.now.filled_quantity
        assert self.order.filled_quantity == truth
        assert self.order.quantity == self.before + self.now.quantity
        assert self.order.broker_id == self.now.broker_id
        assert (self.order.state in FINAL) == self.ended
        assert not finished or self.ended, "what was final too early would have lost its successor"
        if self.ended:
            refused = self.now.state is S.REJECTED and truth > 0
            assert self.order.state is (S.CANCELLED if refused else self.now.state)

    def _hear(self, seen: BrokerOrder) -> None:
        """A statement about a broker order that no other one has named yet is not ours so far."""
        before = self.order
        known = {link.broker_id for link in self.chain}
        if known and seen.broker_id not in known and seen.replaces not in known:
            return
        if not known and seen.broker_id != "b-1":
            return
        if not known or seen.broker_id in known or seen.replaces == self.chain[-1].broker_id:
            now = apply_broker_order(before, seen, self.chain)
            self.order, self.chain = now.order, now.chain
        assert self.order.filled_quantity >= before.filled_quantity
        assert before.state not in FINAL or self.order is before
        assert len({link.broker_id for link in self.chain}) == len(self.chain)

    def _say(self, **changes: object) -> None:
        self.now = replace(self.now, **changes)  # type: ignore[arg-type]
        self.said.append(self.now)


TestBrokerTalk = BrokerTalk.TestCase
TestBrokerTalk.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
