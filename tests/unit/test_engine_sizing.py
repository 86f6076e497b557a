"""Sizes: F3's numbers, what is in use, and no size that passes a limit."""

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from builders import (
    D,
    a_book,
    a_pending_entry,
    a_position,
    a_quote,
    a_risk_context,
    a_risk_policy,
    an_intent,
    an_order,
    by_symbol,
)
from hypothesis import given
from hypothesis import strategies as st

from app.engine import sizing
from app.engine.orders import Order, OrderState, OrderType, Purpose, Side
from app.engine.portfolio import Position
from app.engine.risk import judge
from app.engine.rounding import decimal, to_tick

BOOK = a_book()


def entry(policy: dict[str, Any] | None = None, **context: Any) -> Order:
    """Return the order that the risk manager makes of a buy of AAPL at 100."""
    book = a_book(risk=a_risk_policy(**(policy or {})))
    order = judge(book, an_intent(), a_risk_context(**context)).order
    assert order is not None
    return order


def test_f3_ten_thousand_dollars_buy_at_most_2667_of_one_stock() -> None:
    assert sizing.position_limit(BOOK.risk, D(10000)) == D("2666.666666")
    order = entry()
    assert order.quantity == 26  # 2,626 at the sizing price of 101
    assert order.reserved_notional == D("2626")
    assert order.reserved_risk == D("39.39")


@pytest.mark.parametrize(
    ("policy", "equity", "quantity"),
    [
        ({}, "100000", 264),  # the exposure of one slot: 26,666 / 101
        ({"max_exposure": D(1), "min_slots": 1}, "100000", 330),  # 500 / (1.5 % of 101)
        ({"max_exposure": D(1), "min_slots": 1, "risk_per_trade": D("0.002")}, "100000", 132),
        ({"stop_loss": D("0.03")}, "100000", 165),
    ],
)
def test_f3_size_is_risk_over_stop_distance(
    policy: dict[str, Any], equity: str, quantity: int
) -> None:
    assert entry(policy, equity=equity).quantity == quantity


@pytest.mark.parametrize(
    ("context", "quantity"),
    [
        ({"cash": D(1000)}, 9),
        ({"buying_power": D(500)}, 4),
        ({"pending": (a_pending_entry(notional=7000),)}, 9),
        ({"positions": by_symbol(a_position("MSFT", 70))}, 9),
        ({"pending": (a_pending_entry(reserved_risk=D(190)),)}, 6),
        ({"positions": by_symbol(a_position("SQQQ", 62))}, 13),  # 20,000 - 3 x 6,200
        ({"gains": (D("0.03"), D("-0.0285")) * 15}, 26),  # a quarter of 2.5 % is no cap
        ({"gains": (D("0.01"), D("-0.0099")) * 15}, 8),  # a quarter of 0.5 % of 10,000
    ],
)
def test_what_is_in_use_shrinks_a_size(context: dict[str, Any], quantity: int) -> None:
    assert entry(**context).quantity == quantity


def test_a_filled_part_of_an_entry_no_longer_reserves() -> None:
    half = a_pending_entry(filled_quantity=D(5), state=OrderState.PARTIAL)
    use = sizing.exposure_in_use(BOOK.risk, a_risk_context(pending=(half,)))
    assert use.used == 1000


def test_only_entries_reserve() -> None:
    sale = an_order(purpose=Purpose.FLATTEN, side=Side.SELL, state=OrderState.SUBMITTED)
    pending = (a_pending_entry(), sale)
    assert sizing.entering(a_risk_context(pending=pending)) == (pending[0],)


@pytest.mark.parametrize(
    ("quote", "price"),
    [
        ({}, D("101")),
        ({"ask": 102.0}, D("103.02")),
        ({"ask": 0.0}, D("101")),
        ({"ask": math.nan}, D("101")),
        ({"ask": 100.03}, D("101.03")),
        ({"ask": 0.0, "last": 0.5151}, D("0.5202")),
        ({"ask": 0.0, "last": 0.00005}, None),
        ({"last": 0.0}, None),
        ({"last": math.nan}, None),
        ({"last": math.inf}, None),
    ],
)
def test_sizes_are_computed_at_a_worse_price_on_the_price_step(
    quote: dict[str, float], price: Decimal | None
) -> None:
    assert sizing.sizing_price(replace(a_quote(), **quote)) == price


# -- properties ---------------------------------------------------------------------------------

SHARES_OF_EQUITY = st.integers(1, 120).map(lambda percent: Decimal(percent) / 100)
HELD = st.lists(
    st.tuples(st.sampled_from("ABCDE"), st.integers(0, 30), st.decimals(1, 300, places=2)),
    max_size=3,
    unique_by=lambda p: p[0],
)


@given(
    st.integers(5_000, 500_000).map(Decimal),
    st.tuples(SHARES_OF_EQUITY, SHARES_OF_EQUITY, SHARES_OF_EQUITY),
    st.floats(0.01, 1_000),
    HELD,
)
def test_no_size_ever_passes_a_limit(
    equity: Decimal,
    shares: tuple[Decimal, Decimal, Decimal],
    last: float,
    held: list[tuple[str, int, Decimal]],
) -> None:
    cash, power, waiting = (share * equity for share in shares)
    context = a_risk_context(
        equity=str(equity),
        cash=cash,
        buying_power=power,
        quotes={"AAPL": a_quote(last=last)},
        positions={s: Position(s, D(q), p) for s, q, p in held},
        pending=(
            replace(a_pending_entry(), reserved_notional=waiting / 4, reserved_risk=waiting / 50),
        ),
    )
    order = judge(BOOK, an_intent(), context).order
    if order is None:
        return
    policy, with_it = BOOK.risk, replace(context, pending=(*context.pending, order))
    paid = order.quantity * decimal(last)
    assert order.quantity == order.quantity.to_integral_value() >= 1
    assert order.reserved_risk <= policy.risk_per_trade * equity
    assert paid <= order.reserved_notional <= policy.max_exposure * equity / policy.min_slots
    assert order.type is OrderType.LIMIT
    assert order.limit_price is not None
    assert order.limit_price * order.quantity == order.reserved_notional
    assert to_tick(order.limit_price) == order.limit_price
    for use in (sizing.risk_in_use, sizing.exposure_in_use):
        assert use(policy, with_it).used <= use(policy, with_it).limit
    assert sizing.money_in_use(with_it).used <= min(cash, power)
