"""Trades from flat to flat, folded from fills and adjustments, and Kelly's share of them."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

import pytest
from builders import AT, MINUTE, D, an_execution
from hypothesis import given
from hypothesis import strategies as st

from app.engine.orders import Execution, Side
from app.engine.portfolio import Adjustment, Position, walked
from app.engine.trades import Trade, gains, kelly, trades

BUY, SELL = Side.BUY, Side.SELL


def fill(minutes: float, side: Side, quantity: int, price: str, symbol: str = "AAPL") -> Execution:
    at = AT + minutes * MINUTE
    return an_execution(
        symbol=symbol, side=side, quantity=D(quantity), price=D(price), at=at, id=f"{symbol}{at}"
    )


def change(minutes: float, quantity: int, average: str = "100") -> Adjustment:
    return Adjustment("AAPL", D(quantity), D(average), AT + minutes * MINUTE)


def test_a_trade_is_a_position_from_flat_to_flat() -> None:
    made = trades(
        [
            fill(0, BUY, 10, "100"),
            fill(1, BUY, 10, "110"),
            fill(2, SELL, 5, "120"),
            fill(3, SELL, 15, "120"),
            fill(4, BUY, 1, "90"),
        ],
        (),
    )
    assert made == [
        Trade("AAPL", AT, AT + 3 * MINUTE, D(105), D(20), D(300), D(2100)),
        Trade("AAPL", AT + 4 * MINUTE, None, D(90), D(1), D(0), D(0)),
    ]


def test_a_sale_of_what_was_not_bought_here_is_no_trade() -> None:
    assert trades([fill(0, SELL, 10, "100"), fill(1, SELL, 5, "100")], ()) == []
    made = trades([fill(0, SELL, 10, "100"), fill(1, BUY, 5, "9")], ())
    assert [t.closed_at for t in made] == [None]


def test_a_trade_gains_a_share_of_what_it_cost() -> None:
    made = [
        fill(0, BUY, 10, "100"),
        fill(1, SELL, 5, "101"),
        fill(2, SELL, 5, "103"),
        fill(3, BUY, 10, "50"),
    ]
    assert gains(made, ()) == (D("0.02"),)


@pytest.mark.parametrize(
    "made",
    [
        [fill(0, SELL, 10, "100")],  # bought before anything is known
        [fill(0, BUY, 5, "100"), fill(1, SELL, 10, "100")],
        [fill(0, BUY, 5, "100"), fill(1, SELL, 5, "100", "MSFT")],
    ],
)
def test_a_trade_whose_cost_is_not_known_has_no_gain(made: list[Execution]) -> None:
    assert gains(made, ()) == ()


def test_what_a_person_sold_ends_the_trade_and_hides_no_loser_after_it() -> None:
    losers = [
        fill(minutes, side, 10, price)
        for n in range(3)
        for minutes, side, price in ((3 * n + 3, BUY, "100"), (3 * n + 4, SELL, "80"))
    ]
    made = trades([fill(0, BUY, 100, "100"), *losers], [change(1, -100)])
    assert [trade.closed_at for trade in made] == [AT + n * MINUTE for n in (1, 4, 7, 10)]
    assert gains([fill(0, BUY, 100, "100"), *losers], [change(1, -100)]) == (D("-0.2"),) * 3


def test_of_what_a_person_sold_in_part_the_books_own_sales_are_the_gain() -> None:
    bought, sold = fill(0, BUY, 100, "100"), fill(2, SELL, 60, "80")
    (trade,) = trades([bought, sold], [change(1, -40)])
    assert (trade.closed_at, trade.realised, trade.cost) == (sold.at, D(-1200), D(6000))
    assert gains([bought, sold], [change(1, -40)]) == (D("-0.2"),)
    assert gains([bought, fill(2, SELL, 60, "80")], [change(3, -40)]) == (D("-0.2"),)


def test_what_was_taken_over_begins_no_trade_and_hides_none_after_it() -> None:
    made = [fill(1, SELL, 10, "90"), fill(2, BUY, 5, "100"), fill(3, SELL, 5, "110")]
    assert gains(made, [change(0, 10)]) == (D("0.1"),)
    assert [trade.bought for trade in trades(made, [change(0, 10)])] == [5]


amounts = st.integers(1, 50)
Moves = Sequence[tuple[Side, int, int]]


@given(st.lists(st.tuples(st.sampled_from([BUY, SELL]), amounts, amounts), max_size=30))
def test_trades_follow_each_other(moves: Moves) -> None:
    made = trades([fill(n, side, q, str(p)) for n, (side, q, p) in enumerate(moves)], ())
    for one, two in pairwise(made):
        assert one.closed_at is not None
        assert one.opened_at < one.closed_at <= two.opened_at
    prices = [D(p) for _, _, p in moves]
    assert all(min(prices) <= trade.entry <= max(prices) for trade in made)


@st.composite
def long_lives(draw: st.DrawFn) -> tuple[list[Execution], list[Adjustment]]:
    """Purchases, sales and people's changes that never take more than is held."""
    held, made, changes = 0, list[Execution](), list[Adjustment]()
    for n in range(draw(st.integers(0, 25))):
        taken = draw(st.integers(1, held)) if held and draw(st.booleans()) else None
        if taken and draw(st.booleans()):
            changes.append(change(n, -taken, "50"))
        elif taken:
            made.append(fill(n, SELL, taken, str(draw(amounts))))
        else:
            made.append(fill(n, BUY, more := draw(amounts), str(draw(amounts))))
        held += -taken if taken else more
    return made, changes


@given(long_lives())
def test_a_trade_is_open_exactly_while_the_book_holds_something(
    life: tuple[list[Execution], list[Adjustment]],
) -> None:
    executed, changes = life
    made, last = trades(executed, changes), {"AAPL": Position("AAPL")}
    for one, after in walked({}, executed, changes):
        last = after
        held = after["AAPL"].quantity > 0
        going = [t for t in made if t.opened_at <= one.at and not _over(t, one.at)]
        assert len(going) == held
    assert sum(t.realised for t in made) == pytest.approx(last["AAPL"].realised)


def _over(trade: Trade, at: object) -> bool:
    return trade.closed_at is not None and trade.closed_at <= at  # type: ignore[operator]


@pytest.mark.parametrize(
    ("of", "share"),
    [
        (["0.02", "0.02", "-0.01", "-0.01"], "0.25"),  # p 1/2, b 2
        (["0.01", "-0.01"], "0"),
        (["0.01", "-0.02"], "-0.5"),
        (["0.01", "0.01"], "1"),
        (["0.01", "0"], "0.5"),
        (["-0.01"], "-1"),
    ],
)
def test_kelly_1956(of: list[str], share: str) -> None:
    assert kelly([Decimal(gain) for gain in of]) == Decimal(share)


@given(st.lists(st.integers(-500, 500).map(lambda n: Decimal(n) / 1000), min_size=1, max_size=40))
def test_kellys_share_is_a_share_and_a_loss_never_raises_it(of: list[Decimal]) -> None:
    share = kelly(of)
    assert -1 <= share <= 1
    assert kelly([*of, Decimal("-0.6")]) <= max(share, Decimal(0))
