"""Exit rules by their numbers: targets, trailing stops, trends, gaps, and their order."""

import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from builders import (
    AT,
    FULL_DAY,
    MINUTE,
    SECOND,
    D,
    a_book,
    a_position,
    a_quote,
    a_stop,
    an_exit_context,
    an_exit_policy,
    an_order,
    by_symbol,
)
from hypothesis import given
from hypothesis import strategies as st

from app.engine.exits import EXITS, Gap, Sale, due
from app.engine.exits.gap import gap_limit, gap_percent
from app.engine.exits.trailing_stop import follow, trailing_level
from app.engine.orders import OrderState, Purpose, Side
from app.engine.rounding import tick_size

BOOK = a_book()
OVERNIGHT = FULL_DAY.open - timedelta(hours=20)


def at_price(last: float, **context: Any) -> list[Sale]:
    return due(BOOK, an_exit_context(**{"quotes": {"AAPL": a_quote(last=last)}, **context}))


def said(sales: list[Sale]) -> list[tuple[Purpose, Any, Any]]:
    return [(s.intent.purpose, s.because.measured, s.because.limit) for s in sales]


def test_the_order_of_the_rules_is_the_policy() -> None:
    names = [rule.__name__ for rule in EXITS]
    assert names == [
        "flatten",
        "gap",
        "stop_loss",
        "trailing_stop",
        "take_profit",
        "trend_break",
        "end_of_day",
        "retry",
    ]


# -- target, trend ------------------------------------------------------------------------------


@pytest.mark.parametrize(("last", "sold"), [(102.99, False), (103.0, True), (120.0, True)])
def test_f5_a_gain_at_its_target_is_sold(last: float, sold: bool) -> None:
    expected = [(Purpose.TAKE_PROFIT, Decimal(str(last)), D("103.00"))] if sold else []
    assert said(at_price(last)) == expected


@pytest.mark.parametrize(
    ("trend", "sold"),
    [(-0.59, False), (-0.6, True), (-1.0, True), (0.9, False), (math.nan, False), (None, False)],
)
@pytest.mark.parametrize("symbol", ["AAPL", "SQQQ"])
def test_f5_a_trend_against_a_position_ends_it_whatever_it_is_of(
    symbol: str, trend: float | None, sold: bool
) -> None:
    context = an_exit_context(
        positions=by_symbol(a_position(symbol)),
        quotes={symbol: a_quote(symbol)},
        trend={} if trend is None else {symbol: trend},
    )
    assert said(due(BOOK, context)) == ([(Purpose.TREND_BREAK, trend, -0.6)] if sold else [])


@pytest.mark.parametrize(
    "context",
    [
        {"quotes": {}},
        {"quotes": {"AAPL": a_quote(last=110.0, at=AT - 91 * SECOND)}},
        {"at": FULL_DAY.close + SECOND, "hours": None},
        {"orders": (an_order(side=Side.SELL, purpose=Purpose.OPPOSITE, quantity=D(10)),)},
        {"positions": by_symbol(a_position(quantity=-10))},
    ],
)
def test_no_rule_of_prices_acts_without_a_fresh_one_and_shares_to_sell(context: Any) -> None:
    whole = {"trend": {"AAPL": -0.9}, "quotes": {"AAPL": a_quote(last=110.0)}, **context}
    assert due(BOOK, an_exit_context(**whole)) == []


# -- trailing stop ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peak", "level"),
    [
        (None, None),
        ("101.49", None),
        ("101.50", "100.00"),  # 99.98 would be below the entry
        ("102", "100.47"),
        ("110", "108.35"),
    ],
)
def test_f5_a_stop_trails_from_a_gain_on_and_never_below_the_entry(
    peak: str | None, level: str | None
) -> None:
    position = replace(a_position(), peak_price=D(peak) if peak else None)
    assert trailing_level(position, BOOK.exits) == (D(level) if level else None)


def test_f5_what_is_given_back_is_sold_with_its_numbers() -> None:
    held = by_symbol(replace(a_position(), peak_price=D(102)))
    assert at_price(100.48, positions=held) == []
    sold = (Purpose.TRAILING_STOP, D("100.47"), D("100.47"))
    assert said(at_price(100.47, positions=held)) == [sold]


prices = st.decimals("0.05", 5000, places=4)
shares_of_price = st.decimals("0.001", "0.4", places=3)


@given(prices, shares_of_price, shares_of_price, st.lists(prices, min_size=1, max_size=15))
def test_a_trailing_stop_never_falls_never_passes_the_peak_nor_begins_below_the_entry(
    cost: Decimal, below: Decimal, more: Decimal, seen: list[Decimal]
) -> None:
    policy = an_exit_policy(trailing_stop=below, trailing_after=below + more)
    position = replace(a_position(), average_price=cost)
    before: Decimal | None = None
    for price in seen:
        position = follow(position, price, False, AT)
        assert position.peak_price is not None
        assert position.peak_price >= max(cost, price)
        level = trailing_level(position, policy)
        if before is not None:
            assert level is not None
            assert level >= before
        if level is not None:
            assert cost <= level < position.peak_price
            assert level % tick_size(level) == 0
        before = level


def test_since_when_a_price_is_through_is_kept_until_it_is_not() -> None:
    first = follow(a_position(), D(98), True, AT)
    again = follow(first, D(97), True, AT + MINUTE)
    assert (first.through_at, again.through_at) == (AT, AT)
    assert follow(again, D(99), False, AT + 2 * MINUTE).through_at is None
    assert first.peak_price == 100


# -- the stop at the broker ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "through", "state", "sold"),
    [
        (98.5, None, OrderState.SUBMITTED, None),
        (98.5, 0, OrderState.PARTIAL, None),
        (97.0, 60, OrderState.SUBMITTED, None),
        (97.0, 90, OrderState.SUBMITTED, Purpose.STOP_LOSS),
        (98.5, None, OrderState.CANCELLED, Purpose.STOP_LOSS),
        (98.5, None, OrderState.NEW, Purpose.STOP_LOSS),
        (103.0, None, OrderState.SUBMITTED, Purpose.TAKE_PROFIT),
    ],
)
def test_f5_our_stop_is_the_second_line(
    last: float, through: int | None, state: OrderState, sold: Purpose | None
) -> None:
    """Two checks are a minute apart here: an and a half of them is ninety seconds."""
    since = None if through is None else AT - through * SECOND
    held = by_symbol(replace(a_position(), through_at=since))
    sales = at_price(last, positions=held, orders=(a_stop(state),))
    assert [s.intent.purpose for s in sales] == ([sold] if sold else [])
    assert all(s.intent.quantity == 10 for s in sales)


def test_the_end_of_a_stop_is_no_attempt_of_another_exit() -> None:
    (first,) = at_price(103.0, orders=(a_stop(),))
    (second,) = at_price(103.0, orders=(a_stop(OrderState.CANCELLED),))
    assert first.intent.id == second.intent.id


# -- gap ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "before", "sold"),
    [
        ("97.99", "100", True),  # exactly 2 % and the epsilon
        ("97.990001", "100", False),
        ("98", "100", False),
        ("90", "100", True),
        ("110", "100", False),
        ("0", "100", False),
        ("90", "0", False),
    ],
)
@pytest.mark.parametrize("symbol", ["AAPL", "SQQQ"])
def test_f9_a_fall_at_the_open_sells_a_long(
    symbol: str, first: str, before: str, sold: bool
) -> None:
    context = an_exit_context(
        positions=by_symbol(a_position(symbol)),
        quotes={symbol: a_quote(symbol)},
        gaps={symbol: Gap(D(first), D(before))},
    )
    change = (D(first) - D(before)) / D(before) * 100 if D(before) else None
    assert said(due(BOOK, context)) == ([(Purpose.GAP, change, D("-2.01"))] if sold else [])


@pytest.mark.parametrize("threshold", ["0", "-0.01"])
def test_f9_no_threshold_no_rule(threshold: str) -> None:
    book = replace(BOOK, exits=an_exit_policy(gap=D(threshold)))
    context = an_exit_context(gaps={"AAPL": Gap(D(50), D(100))})
    assert due(book, context) == []
    assert gap_limit(book.exits) is None


@given(prices, prices, st.decimals("0.001", "0.5", places=3), st.decimals(0, "0.1", places=4))
def test_f9_only_falls_beyond_the_threshold_fire(
    first: Decimal, before: Decimal, threshold: Decimal, epsilon: Decimal
) -> None:
    limit = gap_limit(an_exit_policy(gap=threshold, gap_epsilon=epsilon))
    change = gap_percent(Gap(first, before))
    assert limit is not None
    assert change is not None
    if change <= limit:
        assert first < before
        assert (first - before) / before * 100 <= limit
    else:
        assert (first - before) / before * 100 > limit - Decimal("0.000001")
