"""How measured numbers and limits are written into the ledger."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.verdicts import Measured
from app.io.store.packing import spell


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (0.12, "0.12"),
        (0.1 + 0.2, "0.3"),
        (np.float64(-0.118234), "-0.118234"),
        (7, "7"),
        (Decimal("2667.00"), "2667"),
        (timedelta(seconds=179.5), "179.5s"),
        (datetime(2026, 3, 20, 14, 30, tzinfo=UTC), "2026-03-20T14:30:00+00:00"),
        ("halted", "halted"),
        (float("nan"), "nan"),
    ],
)
def test_each_kind_has_one_spelling(value: Measured, text: str | None) -> None:
    assert spell(value) == text


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_two_numbers_that_differ_in_eleven_digits_read_differently(a: float, b: float) -> None:
    if abs(a - b) > 1e-11:
        assert spell(a) != spell(b)
