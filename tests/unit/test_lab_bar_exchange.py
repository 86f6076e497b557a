"""The exchange of bars: gaps at the open, stops first, nothing in the bar of the order."""

from datetime import timedelta
from decimal import Decimal

import pytest
from builders import AT, FULL_DAY, an_order
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.port import BrokerClock
from app.engine.orders import OrderState, OrderType, Side, TimeInForce
from app.lab.bar_exchange import BarExchange, Range
from app.lab.exchange import Word

D = Decimal
CLOCK = BrokerClock(AT, True, FULL_DAY.open + timedelta(days=1), FULL_DAY.close)
PRICES = st.decimals(D("5"), D("500"), places=2)


def bar(low: str, open_: str, close: str, high: str) -> dict[str, Range]:
    return {"AAPL": Range(D(open_), D(high), D(low), D(close))}


def fills(said: list[Word]) -> list[Decimal]:
    return [execution.price for word in said for execution in word.executions]


def resting(exchange: BarExchange, **order: object) -> None:
    (word,) = exchange.submit(an_order(**order), CLOCK)
    assert word.order.state is OrderState.SUBMITTED
    assert word.executions == ()


def test_nothing_fills_in_the_bar_in_which_it_was_ordered() -> None:
    exchange = BarExchange(0)
    resting(exchange, type=OrderType.MARKET)
    assert exchange.look(CLOCK) == []
    assert fills(exchange.at_open(bar("99", "100", "101", "102"), CLOCK)) == [D(100)]
    assert exchange.at_open(bar("99", "100", "101", "102"), CLOCK) == []


@pytest.mark.parametrize(
    ("side", "price", "paid"), [(Side.BUY, "100", "100.02"), (Side.SELL, "100", "99.98")]
)
def test_crossing_costs_whoever_crosses(side: Side, price: str, paid: str) -> None:
    exchange = BarExchange(1.5)
    resting(exchange, type=OrderType.MARKET, side=side)
    assert fills(exchange.at_open(bar(price, price, price, price), CLOCK)) == [D(paid)]


def test_a_gap_through_a_stop_fills_at_the_open() -> None:
    exchange = BarExchange(0)
    resting(exchange, type=OrderType.STOP, side=Side.SELL, stop_price=D(95))
    assert exchange.at_open(bar("96", "97", "98", "99"), CLOCK) == []
    assert exchange.within(bar("96", "97", "98", "99"), CLOCK) == []
    assert fills(exchange.at_open(bar("90", "92", "96", "97"), CLOCK)) == [D(92)]


def test_a_stop_that_the_bar_reaches_fills_at_its_level_before_any_limit() -> None:
    exchange = BarExchange(0)
    resting(exchange, type=OrderType.LIMIT, side=Side.SELL, limit_price=D(105), client_id="target")
    resting(exchange, type=OrderType.STOP, side=Side.SELL, stop_price=D(95), client_id="stop")
    said = exchange.within(bar("94", "100", "100", "106"), CLOCK)
    assert [(word.order.client_id, *fills([word])) for word in said] == [
        ("stop", D(95)),
        ("target", D(105)),
    ]


def test_a_limit_that_the_open_does_not_satisfy_waits_for_its_price() -> None:
    exchange = BarExchange(2)
    resting(exchange, type=OrderType.LIMIT, side=Side.BUY, limit_price=D(100))
    assert exchange.at_open(bar("100", "101", "101", "102"), CLOCK) == []
    assert exchange.within(bar("100", "101", "101", "102"), CLOCK) == []
    assert fills(exchange.within(bar("99.99", "101", "101", "102"), CLOCK)) == [D(100)]


def test_the_closing_auction_is_at_the_close_and_a_day_order_ends_there() -> None:
    exchange = BarExchange(0)
    cls = {"time_in_force": TimeInForce.CLS, "side": Side.SELL, "client_id": "auction"}
    resting(exchange, type=OrderType.MARKET, **cls)
    resting(exchange, type=OrderType.LIMIT, limit_price=D(1), client_id="day")
    gtc = {"time_in_force": TimeInForce.GTC, "client_id": "stop", "side": Side.SELL}
    resting(exchange, type=OrderType.STOP, stop_price=D(1), **gtc)
    assert exchange.at_open(bar("99", "100", "101", "102"), CLOCK) == []
    said = exchange.at_close(bar("99", "100", "101", "102"), CLOCK)
    states = {word.order.client_id: word.order.state for word in said}
    assert states == {"auction": OrderState.FILLED, "day": OrderState.EXPIRED}
    assert fills(said) == [D(101)]
    assert exchange.symbols() == {"AAPL"}


def test_what_is_too_late_for_its_auction_is_refused() -> None:
    late = BrokerClock(FULL_DAY.close - timedelta(minutes=5), True, CLOCK.next_open, FULL_DAY.close)
    (word,) = BarExchange(0).submit(an_order(time_in_force=TimeInForce.CLS), late)
    assert word.order.state is OrderState.REJECTED


@given(PRICES, PRICES, PRICES, st.floats(0, 50))
def test_no_fill_is_better_than_the_bar_or_past_its_limit(
    one: Decimal, two: Decimal, limit: Decimal, worse: float
) -> None:
    low, high = sorted((one, two))
    bars = {"AAPL": Range(one, high, low, two)}
    for side in Side:
        exchange = BarExchange(worse)
        resting(exchange, type=OrderType.LIMIT, side=side, limit_price=limit)
        said = [*exchange.at_open(bars, CLOCK), *exchange.within(bars, CLOCK)]
        for price in fills(said):
            assert price <= limit if side is Side.BUY else price >= limit
            assert price >= low if side is Side.BUY else price <= high
            assert said[-1].order.filled_quantity == said[-1].order.quantity
