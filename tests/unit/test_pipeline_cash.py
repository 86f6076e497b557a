"""Cash that is short: what explains it, and what is said of it."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pipeline.cash import Cash

NOON = datetime(2026, 3, 20, 16, tzinfo=UTC)
AMOUNT = st.decimals(-100_000, 100_000, places=2)


def cash(theirs: str, others: str = "0", filling: str = "0") -> Cash:
    return Cash(NOON, Decimal(1000), Decimal(theirs), Decimal(others), Decimal(filling))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (cash("1000"), None),
        (cash("999.99"), None),
        (cash("999.98"), "entries stopped: -0.02, 0.02 of it unexplained"),
        (cash("1000.02"), "+0.02: not ours (dividends, deposits), trading goes on"),
        (cash("300", others="-700"), "-700.00: trades that are not ours"),
        (cash("200", others="-700"), "entries stopped: -800.00, 100.00 of it unexplained"),
        (cash("200", others="700"), "entries stopped: -800.00, 800.00 of it unexplained"),
        (cash("1000", others="700"), None),
        (cash("900", filling="100"), "-100.00: an order that is filling may explain it"),
        (cash("899", filling="100"), "entries stopped: -101.00, 101.00 of it unexplained"),
    ],
)
def test_what_is_said(found: Cash, said: str | None) -> None:
    assert found.action == said
    assert found.unexplained == (said or "").startswith("entries stopped")


@given(AMOUNT, AMOUNT, st.decimals(0, 100_000, places=2))
def test_only_a_shortage_stops_and_all_of_it_is_kept_from_the_limits(
    away: Decimal, others: Decimal, filling: Decimal
) -> None:
    found = Cash(NOON, Decimal(0), away, others, filling)
    assert found.ours - found.short == min(found.ours, found.theirs)
    assert found.lost <= found.short
    assert not found.unexplained or away < -found.rounding
    assert found.unexplained or found.short <= max(-others, Decimal(0)) + filling + found.rounding
