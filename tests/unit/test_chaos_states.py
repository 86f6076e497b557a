"""Orders' states on both sides: what agrees, what differs, and orders that were replaced there."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.engine.orders import FINAL, Order, OrderState, OrderType, Purpose, Side, TimeInForce
from proof.chaos.states import differing_states

S = OrderState


def ours(state: OrderState, client_id: str = "a") -> Order:
    return Order(
        client_id=client_id,
        book="us_baskets",
        intent_id=f"intent {client_id}",
        symbol="NVDA",
        side=Side.BUY,
        purpose=Purpose.ENTRY,
        quantity=Decimal(2),
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        created_at=datetime(2026, 3, 20, 14, tzinfo=UTC),
        state=state,
    )


def theirs(status: str, client_id: str = "a", **more: Any) -> dict[str, Any]:
    told = {"id": f"id of {client_id}", "client_order_id": client_id, "status": status}
    return {**told, "filled_qty": "0", "replaced_by": None, **more}


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (S.SUBMITTED, theirs("new")),
        (S.SUBMITTED, theirs("accepted")),
        (S.PARTIAL, theirs("partially_filled", filled_qty="1")),
        (S.FILLED, theirs("filled", filled_qty="2")),
        (S.CANCELLED, theirs("canceled")),
        (S.CANCELLED, theirs("canceled", filled_qty="1")),
        (S.EXPIRED, theirs("expired")),
        (S.REJECTED, theirs("rejected")),
    ],
)
def test_each_state_agrees_with_its_own_and_with_no_other(
    state: OrderState, told: dict[str, Any]
) -> None:
    assert differing_states([ours(state)], [told]) == []
    for other in set(OrderState) - {state}:
        assert differing_states([ours(other)], [told]) == [
            f"a: {other} here, {told['status']} there"
        ]


@pytest.mark.parametrize("state", [S.CANCELLED, S.REJECTED])
def test_what_works_there_and_was_given_up_here_differs(state: OrderState) -> None:
    assert differing_states([ours(state)], [theirs("new")]) == [f"a: {state} here, new there"]


def test_what_was_never_taken_was_given_up_here() -> None:
    for state in OrderState:
        found = differing_states([ours(state)], [])
        agrees = state in (S.CANCELLED, S.REJECTED)
        assert found == ([] if agrees else [f"a: {state} here, never taken there"])


def test_an_order_that_was_replaced_is_what_its_last_successor_is() -> None:
    taken = [
        theirs("replaced", replaced_by="second", filled_qty="1"),
        theirs("replaced", "x", id="second", replaced_by="third"),
        theirs("new", "y", id="third"),
    ]
    assert differing_states([ours(S.PARTIAL)], taken) == []
    assert differing_states([ours(S.FILLED)], taken) == ["a: FILLED here, new there"]
    taken[-1] |= {"status": "filled", "filled_qty": "1"}
    assert differing_states([ours(S.FILLED)], taken) == []
    assert differing_states([ours(S.PARTIAL)], taken) == ["a: PARTIAL here, filled there"]


def test_a_chain_that_ends_in_nothing_or_in_itself_differs() -> None:
    for after in ("nobody", "id of a"):
        taken = [theirs("replaced", replaced_by=after)]
        assert len(differing_states([ours(S.SUBMITTED)], taken)) == 1


def test_an_order_that_was_taken_twice_has_to_be_what_both_are() -> None:
    taken = [theirs("filled", filled_qty="2"), theirs("canceled", id="again")]
    for state in FINAL:
        assert len(differing_states([ours(state)], taken)) == 1


def test_an_unknown_word_is_no_state_of_ours() -> None:
    for state in OrderState:
        assert differing_states([ours(state)], [theirs("held up by aliens")])
