"""Which of a broker's orders an order in doubt may be."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from builders import AT, a_broker_order, an_order
from hypothesis import given
from hypothesis import strategies as st

from app.engine.claims import AFTER, BEFORE, candidates
from app.engine.orders import BrokerOrder, OrderState, OrderType, Side

D = Decimal
MINE = an_order(type=OrderType.STOP_LIMIT, limit_price=D("98.50"), stop_price=D("99.0049"))
TICK = timedelta(microseconds=1)


def theirs(**changes: object) -> BrokerOrder:
    seen = a_broker_order(MINE, OrderState.SUBMITTED, client_id="", limit_price=D("98.50"))
    return replace(seen, **{"stop_price": D("99.00"), **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"state": OrderState.FILLED, "filled_quantity": D(10)},
        {"state": OrderState.REJECTED},
        {"stop_price": D("99.0049")},
        {"limit_price": None, "stop_price": None},
        {"created_at": AT - BEFORE},
        {"created_at": AT + AFTER},
    ],
)
def test_what_it_may_be(changes: dict[str, object]) -> None:
    assert candidates(MINE, AT, [theirs(**changes)]) == [theirs(**changes)]


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "MSFT"},
        {"side": Side.SELL},
        {"quantity": D(9)},
        {"type": "limit"},
        {"limit_price": D("98.51")},
        {"stop_price": D("99.01")},
        {"replaces": "b-0"},
        {"created_at": AT - BEFORE - TICK},
        {"created_at": AT + AFTER + TICK},
    ],
)
def test_what_it_cannot_be(changes: dict[str, object]) -> None:
    assert candidates(MINE, AT, [theirs(**changes)]) == []


@given(
    st.lists(
        st.tuples(st.integers(-200, 800), st.sampled_from([9, 10, 11]), st.sampled_from(["b", "s"]))
    )
)
def test_every_candidate_is_like_it_and_none_is_left_out(
    listed: list[tuple[int, int, str]],
) -> None:
    seen = [
        theirs(
            broker_id=str(n),
            created_at=AT + timedelta(seconds=later),
            quantity=D(size),
            side=Side.BUY if way == "b" else Side.SELL,
        )
        for n, (later, size, way) in enumerate(listed)
    ]
    wanted = [
        str(n)
        for n, (later, size, way) in enumerate(listed)
        if size == 10 and way == "b" and -60 <= later <= 600
    ]
    assert [one.broker_id for one in candidates(MINE, AT, seen)] == wanted
