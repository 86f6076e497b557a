"""Laying bars on a grid agrees with doing it one slot at a time."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.io.store.bars import on_grid

COUNT = 6
PRICES = st.integers(1, 9).map(float)
ROWS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(-1, COUNT - 1), PRICES, PRICES, PRICES, PRICES, PRICES)
)


def _slow(rows: list[tuple[float, ...]], symbol: int) -> list[list[float]]:
    carried, grid = math.nan, []
    for slot in range(-1, COUNT):
        here = [row for row in rows if row[:2] == (symbol, slot)]
        if here:
            carried = here[-1][5]
            high, low = max(r[3] for r in here), min(r[4] for r in here)
            grid.append([here[0][2], high, low, carried, sum(r[6] for r in here)])
        else:
            grid.append([carried] * 4 + [math.nan if math.isnan(carried) else 0.0])
    return grid[1:]


@given(ROWS)
def test_the_panel_is_what_one_slot_at_a_time_gives(rows: list[tuple[float, ...]]) -> None:
    array = np.array(rows, dtype=np.float64).reshape(-1, 7)
    filled = np.stack(on_grid(array, 3, COUNT), axis=-1)
    expected = np.array([_slow(rows, symbol) for symbol in range(3)])
    np.testing.assert_array_equal(filled, expected)
