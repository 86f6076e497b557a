"""Settling a day and judging what it did: money in exact decimals, rates as numbers."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from builders import AT, D
from hypothesis import given
from hypothesis import strategies as st

from app.engine.orders import Execution, Side
from app.engine.performance import Drawdown, Standing, max_drawdown, profit_factor, win_rate
from app.engine.portfolio import Position, cash_after, equity, folded
from app.engine.settlement import Day, cash_then, closed_trades, settle
from app.engine.trades import trades

SYMBOLS = ("AAPL", "MSFT")
CENT = D("0.01")


def fill(n: int, symbol: str, side: Side, quantity: int, price: Decimal) -> Execution:
    at = AT + n * timedelta(minutes=1)
    return Execution(f"e{n}", f"o{n}", symbol, side, D(quantity), price, D(quantity), at)


prices = st.decimals("1", "900", places=2)
fees = st.decimals("-5", "20", places=4)


@st.composite
def long_days(draw: st.DrawFn) -> list[Execution]:
    """Return fills that never sell more than is held, oldest first."""
    held = dict.fromkeys(SYMBOLS, 0)
    made: list[Execution] = []
    for n in range(draw(st.integers(0, 25))):
        symbol = draw(st.sampled_from(SYMBOLS))
        most = held[symbol]
        side = Side.SELL if most and draw(st.booleans()) else Side.BUY
        quantity = draw(st.integers(1, most if side is Side.SELL else 50))
        held[symbol] += quantity if side is Side.BUY else -quantity
        made.append(fill(n, symbol, side, quantity, draw(prices)))
    return made


def cost(held: dict[str, Position]) -> Decimal:
    return sum((p.quantity * p.average_price for p in held.values()), Decimal(0))


def near(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) < D("1e-15")


@given(long_days(), st.integers(0, 25), fees, prices, prices)
def test_a_day_keeps_money_in_balance(
    ever: list[Execution], cut: int, fee: Decimal, aapl: Decimal, msft: Decimal
) -> None:
    """Cash and cost before, plus what was realised, less fees, is cash and cost after."""
    night, executed = ever[:cut], ever[cut:]
    before, last = folded({}, night, ()), {"AAPL": aapl, "MSFT": msft}
    day = Day(D(100_000), before, executed, (), fee, last)
    came_to = settle(day)
    assert came_to.cash_close == cash_after(D(100_000), executed) - fee
    after = dict(came_to.positions)
    assert near(
        D(100_000) + cost(before) + came_to.realised - fee, came_to.cash_close + cost(after)
    )
    assert near(came_to.equity_close, came_to.cash_close + cost(after) + came_to.unrealised)
    assert came_to.equity_close == equity(came_to.cash_close, after.values(), last)


@given(long_days(), st.integers(0, 25), fees)
def test_days_in_a_row_come_to_what_one_long_day_does(
    ever: list[Execution], cut: int, fee: Decimal
) -> None:
    last = {"AAPL": D(100), "MSFT": D(200)}
    first = settle(Day(D(100_000), {}, ever[:cut], (), fee, last))
    second = settle(Day(first.cash_close, folded({}, ever[:cut], ()), ever[cut:], (), fee, last))
    whole = settle(Day(D(100_000), {}, ever, (), 2 * fee, last))
    assert second.cash_close == whole.cash_close
    assert near(first.realised + second.realised, whole.realised)
    assert second.positions == whole.positions
    assert second.unrealised == whole.unrealised


@given(long_days(), st.integers(0, 25), fees)
def test_the_cash_of_a_moment_is_found_from_the_cash_of_now(
    ever: list[Execution], cut: int, charged: Decimal
) -> None:
    then = cash_after(D(100_000), ever[:cut])
    now = cash_after(then, ever[cut:]) - charged
    assert cash_then(now, ever[cut:], charged) == then


def test_without_a_price_nothing_is_unrealised() -> None:
    bought = [fill(0, "AAPL", Side.BUY, 10, D(100))]
    came_to = settle(Day(D(5000), {}, bought, (), D(0), {}))
    assert (came_to.unrealised, came_to.cash_close, came_to.equity_close) == (0, 4000, 5000)


@given(long_days())
def test_trades_gain_what_their_sales_brought_and_all_of_them_what_the_day_realised(
    ever: list[Execution],
) -> None:
    made = trades(ever, ())
    realised = settle(Day(D(0), {}, ever, (), D(0), {})).realised
    assert near(sum((trade.realised for trade in made), Decimal(0)), realised)
    for trade in made:
        own = [
            e
            for e in ever
            if e.symbol == trade.symbol
            and trade.opened_at <= e.at
            and (trade.closed_at is None or e.at <= trade.closed_at)
        ]
        assert trade.bought == sum(e.quantity for e in own if e.side is Side.BUY)
        if trade.closed_at is not None:
            assert near(trade.realised, cash_after(Decimal(0), own))


def test_a_trade_counts_on_the_date_on_which_it_ended() -> None:
    ever = [fill(0, "AAPL", Side.BUY, 10, D(100)), fill(60, "AAPL", Side.SELL, 10, D(101))]
    hour = timedelta(hours=1)
    assert closed_trades(ever, (), AT, AT + hour) == []
    (trade,) = closed_trades(ever, (), AT + hour, AT + 2 * hour)
    assert (trade.realised, trade.bought) == (10, 10)


# -- rates --------------------------------------------------------------------------------------


def decimals(*values: str) -> list[Decimal]:
    return [D(value) for value in values]


@pytest.mark.parametrize(
    ("gains", "rate", "factor"),
    [
        ([], None, None),
        (decimals("10"), 1.0, None),
        (decimals("-10"), 0.0, 0.0),
        (decimals("0"), 0.0, None),
        (decimals("30", "-10", "0", "-5"), 0.25, 2.0),
    ],
)
def test_i4_rates(gains: list[Decimal], rate: float | None, factor: float | None) -> None:
    assert (win_rate(gains), profit_factor(gains)) == (rate, factor)


money = st.decimals("-1000", "1000", places=2)


@given(st.lists(money, min_size=1))
def test_rates_are_shares_and_factors_weigh_wins_against_losses(gains: list[Decimal]) -> None:
    rate, factor = win_rate(gains), profit_factor(gains)
    assert rate is not None
    assert 0 <= rate <= 1
    assert (factor is None) == (min(gains) >= 0)
    if factor is not None and abs(total := sum(gains)) >= CENT:
        assert (factor > 1) == (total > 0)


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        ([], Drawdown(D(0), 0.0)),
        (["100"], Drawdown(D(0), 0.0)),
        (["100", "101", "102"], Drawdown(D(0), 0.0)),
        (["100", "80", "120", "90"], Drawdown(D(30), 0.25)),
        (["100", "75", "80"], Drawdown(D(25), 0.25)),
        (["100", "-20"], Drawdown(D(120), 1.0)),
        (["0", "-5"], Drawdown(D(0), 0.0)),
    ],
)
def test_i4_the_deepest_fall(curve: Sequence[str], expected: Drawdown) -> None:
    assert max_drawdown(alone(map(Decimal, curve))) == expected


def alone(equity: Iterable[Decimal]) -> list[Standing]:
    """A curve into which nothing was paid and from which nothing was taken."""
    return [Standing(value, value) for value in equity]


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        ([("0", "100"), ("0", "50")], Drawdown(D(0), 0.0)),  # half was taken out
        ([("0", "100"), ("0", "50"), ("-5", "45")], Drawdown(D(5), 0.1)),
        ([("0", "100"), ("-10", "990")], Drawdown(D(10), 0.01)),  # 900 were paid in
        ([("0", "100"), ("-10", "90"), ("-10", "990")], Drawdown(D(10), 0.1)),
    ],
)
def test_i4_money_paid_in_or_taken_out_is_neither_gain_nor_fall(
    curve: Sequence[tuple[str, str]], expected: Drawdown
) -> None:
    assert max_drawdown(Standing(D(g), D(e)) for g, e in curve) == expected


@given(st.lists(st.decimals("0.01", "10000", places=2), max_size=30))
def test_no_pair_of_values_fell_deeper(curve: list[Decimal]) -> None:
    falls = [
        float((high - low) / high)
        for n, high in enumerate(curve)
        for low in curve[n:]
        if low < high
    ]
    found = max_drawdown(alone(curve))
    assert found.share == max(falls, default=0.0)
    assert (found.amount > 0) == (found.share > 0)
    if curve:
        assert max_drawdown(alone([*curve, max(curve)])) == found
        assert max_drawdown(alone(v * 3 for v in curve)) == replace(found, amount=found.amount * 3)
