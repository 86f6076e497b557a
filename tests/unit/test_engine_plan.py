"""Wishes for all bars at once: recursions by their definitions, and nothing from the future."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lab_builders import bars, seeds, until, walk

from app.engine import series
from app.engine.errors import InvalidData
from app.engine.market import Floats
from app.engine.strategies import PLANNED
from app.engine.strategies.breakout import Breakout
from app.engine.strategies.breakout import plan as breakout
from app.engine.strategies.ema_cross import EmaCross
from app.engine.strategies.ema_cross import plan as ema_cross
from app.engine.strategies.plan import Bars, Each, Plan, Rules, each_symbol
from app.lab.bars import read_folder
from app.lab.compiled import compiled

RECORDED = Path(__file__).parents[2].parent / "shared/data/bars"
prices = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=60).map(np.array)


def each_compiled(function: Callable[..., None], *of: Floats | int) -> Floats:
    return each_symbol(compiled(function), *of)


def plans(of: Bars, each: Each = each_symbol) -> list[Plan]:
    """Return short plans, that small arrays have room for."""
    return [
        ema_cross(of, EmaCross(fast=3, slow=7), each),
        breakout(of, Breakout(trend=9, breakout=5, range=4), each),
    ]


def filled(function: Callable[..., None], *of: Floats | int) -> Floats:
    """Return what a function says of one symbol's bars."""
    return each_symbol(function, *(np.atleast_2d(x) if np.ndim(x) else x for x in of))[0]  # type: ignore[arg-type]


def assert_same(one: Plan, other: Plan) -> None:
    for name in Plan.__slots__:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


@given(prices, st.integers(1, 30))
def test_the_exponential_mean_is_the_weighted_sum_of_its_past(values: Floats, span: int) -> None:
    share = 2 / (span + 1)
    weights = [share * (1 - share) ** age for age in range(values.size)]
    weights[-1] = (1 - share) ** (values.size - 1)  # the seed
    expected = sum(w * v for w, v in zip(weights, values[::-1], strict=True))
    assert filled(series.exponential_mean, values, span)[-1] == pytest.approx(expected)
    assert filled(series.exponential_mean, values, span)[0] == values[0]


@given(prices, st.integers(1, 30))
def test_the_highest_before_is_that_of_the_window_before(values: Floats, span: int) -> None:
    found = filled(series.highest_before, values, span)
    for bar in range(values.size):
        if bar < span:
            assert np.isnan(found[bar])
        else:
            assert found[bar] == values[bar - span : bar].max()


def test_the_true_range_is_smoothed_from_the_mean_of_the_first() -> None:
    high, low, close = np.array([12.0, 13, 20, 14]), np.array([10.0, 11, 18, 9]), np.full(4, 11.0)
    found = filled(series.average_true_range, high, low, close, 2)
    assert np.isnan(found[0])
    first = (2 + 2) / 2
    assert found[1:].tolist() == [first, (first + 9) / 2, ((first + 9) / 2 + 5) / 2]


def test_a_crossing_is_where_zero_is_left_for_the_other_side() -> None:
    values = np.array([1.0, 0, 1, -1, 0, 0, -1, 2])
    assert filled(series.crossings, values).tolist() == [0, 0, 1, -1, 0, 0, -1, 1]


def test_a_missing_bar_is_passed_over() -> None:
    whole, holed = bars([1.0, 2, 4]), bars([1.0, np.nan, 2, 4])
    found = each_symbol(series.exponential_mean, holed.close, 3)[0]
    expected = each_symbol(series.exponential_mean, whole.close, 3)[0]
    np.testing.assert_array_equal(found, [expected[0], np.nan, *expected[1:]])


def test_a_cross_is_where_the_sign_changes() -> None:
    fast_is_the_close = EmaCross(fast=1, slow=3)
    plan = ema_cross(bars([10.0, 11, 12, 9, 8, 12]), fast_is_the_close, each_symbol)
    assert np.flatnonzero(plan.enter).tolist() == [1, 5]
    assert np.flatnonzero(plan.leave).tolist() == [3]


def test_a_breakout_fixes_its_levels_in_cents_at_the_close() -> None:
    of = bars([[10.0] * 6 + [11.004]])
    plan = breakout(of, Breakout(trend=5, breakout=3, range=4), each_symbol)
    (bar,) = np.flatnonzero(plan.enter)
    true_range = 1.004 / 4
    assert bar == 6
    assert plan.stop[0, 6] == round(11.004 - 2 * true_range, 2)
    assert plan.target[0, 6] == round(11.004 + 3 * true_range, 2)
    assert plan.risk[0, 6] == pytest.approx(2 * true_range)


def test_a_close_at_the_highest_high_is_no_breakout() -> None:
    plan = breakout(bars([[10.0] * 8]), Breakout(trend=5, breakout=3, range=4), each_symbol)
    assert not plan.enter.any()


@given(seeds, st.integers(1, 60), st.sampled_from([0.0, 0.2]))
def test_no_wish_depends_on_a_later_bar(seed: int, cut: int, gaps: float) -> None:
    of = walk(seed, 2, 60, gaps)
    for whole, part in zip(plans(of), plans(until(of, cut)), strict=True):
        for name in Plan.__slots__:
            np.testing.assert_array_equal(getattr(whole, name)[:, :cut], getattr(part, name))


@settings(max_examples=40, deadline=None)
@given(seeds, st.sampled_from([0.0, 0.2]))
def test_compiled_and_interpreted_plans_are_the_same(seed: int, gaps: float) -> None:
    of = walk(seed, 2, 120, gaps)
    for one, other in zip(plans(of), plans(of, each_compiled), strict=True):
        assert_same(one, other)


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded bars are not on this machine")
@pytest.mark.parametrize("folder", ["us_minute_2018", "kr_minute", "us_daily"])
def test_compiled_and_interpreted_plans_are_the_same_on_recorded_bars(folder: str) -> None:
    of = read_folder(RECORDED / folder).bars
    of = until(of, 2000)
    for strategy in PLANNED.values():
        plain = strategy.plan(of, strategy.params, each_symbol)
        assert plain.enter.any()
        assert_same(plain, strategy.plan(of, strategy.params, each_compiled))


def test_rules_must_limit_the_quantity_by_numbers_above_0() -> None:
    unknown = float("nan")
    for wrong in ({}, {"lot": 0.0}, {"notional_share": -0.1}, {"lot": 1, "risk_share": unknown}):
        with pytest.raises(InvalidData, match="limit the quantity"):
            Rules(max_positions=1, warm_up=0, **wrong)
    with pytest.raises(InvalidData, match="and the positions"):
        Rules(max_positions=0, warm_up=0, lot=1)
