"""The order state machine: what a single word of the broker makes of an order."""

from decimal import Decimal

import pytest
from builders import a_broker_order, an_order

from app.engine.errors import InvalidData
from app.engine.lifecycle import apply_broker_order
from app.engine.orders import FINAL, TRANSITIONS, OrderState

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
    merged = apply_broker_order(order, a_broker_order(order, word, filled)).order
    assert (merged.state, merged.filled_quantity) == (after, has)


def test_the_price_is_of_the_larger_quantity() -> None:
    order = an_order(state=S.SUBMITTED)
    said = a_broker_order(order, S.PARTIAL, 4, average_price=Decimal(9))
    now = apply_broker_order(order, said)
    late = a_broker_order(order, S.PARTIAL, 2, average_price=Decimal(8))
    assert apply_broker_order(now.order, late, now.chain).order.average_price == 9


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
