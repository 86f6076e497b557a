"""Closed trades: round trips folded from fills, and Kelly's share of them."""

from decimal import Decimal

import pytest
from builders import AT, SECOND, D
from hypothesis import given
from hypothesis import strategies as st

from app.engine.orders import Side
from app.engine.trades import Leg, gains, kelly


def leg(side: Side, quantity: int, price: str, after: int, symbol: str = "AAPL") -> Leg:
    return Leg(symbol, side, D(quantity), quantity * D(price), AT + after * SECOND)


def test_a_round_trip_ends_when_all_is_sold() -> None:
    legs = [
        leg(Side.BUY, 10, "100", 0),
        leg(Side.SELL, 5, "101", 1),
        leg(Side.SELL, 5, "103", 2),
        leg(Side.BUY, 10, "50", 3),
    ]
    assert gains(reversed(legs)) == (D("0.02"),)


@pytest.mark.parametrize(
    "legs",
    [
        [leg(Side.SELL, 10, "100", 0)],  # bought before anything is known
        [leg(Side.BUY, 5, "100", 0), leg(Side.SELL, 10, "100", 1)],
        [leg(Side.BUY, 5, "100", 0), leg(Side.SELL, 5, "100", 1, "MSFT")],
    ],
)
def test_a_trip_whose_cost_is_not_known_is_not_counted(legs: list[Leg]) -> None:
    assert gains(legs) == ()


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
