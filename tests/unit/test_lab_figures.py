"""Figures of a run: what they must be, what a well-kept library says, and nothing is ever NaN."""

import math
import warnings
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from result_builders import MINUTE, OPEN, a_result, nanoseconds, no_trades, sessions, some_trades

from app.engine.errors import InvalidData
from app.engine.performance import Standing, max_drawdown
from app.lab import drawdown, ratios
from app.lab.daily import daily, local, monthly, yearly
from app.lab.figures import Day, Searched, figures, returns, traded

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it looks for optional packages when it is imported
    import empyrical

NEW_YORK = ZoneInfo("America/New_York")

amounts = st.floats(-5_000, 50_000, allow_nan=False).map(lambda x: round(x, 2))
curves = st.lists(amounts, min_size=1, max_size=40).map(np.array)
gentle = st.lists(st.floats(-0.2, 0.2), min_size=3, max_size=60).map(np.array)
varied = gentle.filter(lambda found: np.std(found) > 1e-6)


def by_minute(curve: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return nanoseconds(OPEN) + np.arange(len(curve), dtype=np.int64) * MINUTE


def numbers(of: object) -> Iterator[float]:
    if is_dataclass(of):
        for each in fields(of):
            yield from numbers(getattr(of, each.name))
    elif isinstance(of, float):
        yield of


def near(one: float | None, other: float) -> bool:
    return one is not None and math.isclose(one, other, rel_tol=1e-8, abs_tol=1e-11)


@settings(max_examples=50)
@given(varied)
def test_ratios_are_those_of_empyrical(found: np.ndarray[Any, Any]) -> None:
    grown = np.cumprod(1 + found)
    assert near(ratios.sharpe(found), empyrical.sharpe_ratio(found))
    assert near(ratios.volatility(found), empyrical.annual_volatility(found))
    assert near(ratios.cagr(float(grown[-1]), len(found)), empyrical.annual_return(found))
    fallen = drawdown.deepest(by_minute(grown), grown, 1.0)
    assert near(-fallen.share if fallen else 0.0, empyrical.max_drawdown(found))
    if (found < -1e-6).any():
        assert near(ratios.sortino(found), empyrical.sortino_ratio(found))


@settings(max_examples=50)
@given(varied)
def test_calmar_is_that_of_empyrical(found: np.ndarray[Any, Any]) -> None:
    grown = np.cumprod(1 + found)
    fallen = drawdown.deepest(by_minute(grown), grown, 1.0)
    if fallen is None or fallen.share < 1e-9:
        return
    growth = ratios.cagr(float(grown[-1]), len(found))
    assert near(ratios.calmar(growth, fallen.share), empyrical.calmar_ratio(found))


@settings(max_examples=60)
@given(curves, st.floats(1, 20_000))
def test_the_deepest_fall_is_the_engines(curve: np.ndarray[Any, Any], capital: float) -> None:
    start = Decimal(capital)
    points = [Standing(Decimal(0), start)]
    points += [Standing(Decimal(float(e)) - start, Decimal(float(e))) for e in curve]
    expected = max_drawdown(points)
    found = drawdown.deepest(by_minute(curve), curve, capital)
    if found is None:
        assert expected.share == 0
    else:
        assert near(found.share, expected.share)
        assert found.peak_at <= found.bottom_at


@settings(max_examples=60)
@given(st.integers(1, 4), st.integers(1, 6), st.data())
def test_no_curve_makes_a_figure_that_is_no_number(
    days: int, bars: int, data: st.DataObject
) -> None:
    at = sessions(days, bars)
    equity = np.array(data.draw(st.lists(amounts, min_size=len(at), max_size=len(at))))
    trades = some_trades(data.draw(st.integers(0, 5)), at, ("AAPL",), seed=1)
    found = figures(a_result(at=at, equity=equity, exposure=equity / 2, trades=trades))
    assert all(math.isfinite(number) for number in numbers(found))


def test_the_deflated_ratio_is_the_papers_example() -> None:
    """Bailey and López de Prado (2014): SR 2.5 a year, 1,250 days, skew -3, kurtosis 10."""
    variance = 0.5 / 250
    luck = ratios.expected_max_sharpe(100, variance)
    assert luck == pytest.approx(0.1132, abs=5e-5)
    found = ratios.probability_above(2.5 / math.sqrt(250), luck, 1250, -3, 10)
    assert found == pytest.approx(0.9004, abs=5e-5)
    fewer = ratios.expected_max_sharpe(46, variance)
    assert fewer is not None
    assert ratios.probability_above(2.5 / math.sqrt(250), fewer, 1250, -3, 10) == pytest.approx(
        0.9505, abs=5e-5
    )


@settings(max_examples=50)
@given(varied, st.integers(1, 500), st.integers(1, 500))
def test_more_trials_never_make_a_ratio_more_credible(
    found: np.ndarray[Any, Any], one: int, other: int
) -> None:
    few, many = sorted((one, other))
    less, more = (ratios.deflated_sharpe(found, n, 0.01) for n in (many, few))
    if less is not None and more is not None:
        assert 0 <= less <= more <= 1


def test_moments_of_a_shape_that_is_known() -> None:
    found = np.array([0.0, 0.0, 0.0, 1.0])
    assert ratios.skew(found) == pytest.approx(1.1547005)
    assert ratios.kurtosis(found) == pytest.approx(7 / 3)


@pytest.mark.parametrize(("trials", "variance"), [(0, 1.0), (5, -1.0), (5, math.nan)])
def test_luck_without_a_variance_has_no_answer(trials: int, variance: float) -> None:
    assert ratios.expected_max_sharpe(trials, variance) is None


def test_luck_grows_with_trials_however_many() -> None:
    few, many, most = (ratios.expected_max_sharpe(10**n, 1.0) for n in (1, 6, 30))
    assert few is not None
    assert many is not None
    assert most is not None
    assert 1 < few < many < most < 15


def test_one_trial_has_no_luck_to_be_deflated_by() -> None:
    assert ratios.expected_max_sharpe(1, 9.0) == 0


def test_a_day_is_the_exchanges_and_not_utcs() -> None:
    """20:30 in New York is past midnight in UTC, and the next session another date."""
    at = np.array([nanoseconds(datetime(2024, 3, 5, 1, 30, tzinfo=UTC)), nanoseconds(OPEN)])
    days = daily(np.sort(at), np.array([90.0, 99.0]), 100.0, NEW_YORK)
    assert [str(day) for day in days.dates] == ["2024-03-04"]
    assert days.returns == pytest.approx([-0.01])


@settings(max_examples=50)
@given(st.integers(946_684_800, 1_893_456_000))
def test_the_wall_clock_is_that_of_the_zone(second: int) -> None:
    at = datetime.fromtimestamp(second, UTC)
    shown = local(np.array([nanoseconds(at)]), NEW_YORK)[0]
    assert shown == np.datetime64(at.astimezone(NEW_YORK).replace(tzinfo=None))


def test_what_is_lost_is_lost() -> None:
    at = sessions(4, 1)
    days = daily(at, np.array([50.0, -10.0, 20.0, 40.0]), 100.0, NEW_YORK)
    assert days.returns.tolist() == [-0.5, -1.0, 0.0, 0.0]


def test_months_and_years_compound() -> None:
    at = sessions(30, 1)
    curve = 100 * 1.01 ** np.arange(1, 31)
    months = monthly(daily(at, curve, 100.0, NEW_YORK))
    assert months == {
        (2024, 3): pytest.approx(1.01**20 - 1),
        (2024, 4): pytest.approx(1.01**10 - 1),
    }
    assert yearly(months) == {2024: pytest.approx(1.01**30 - 1)}


@pytest.mark.parametrize("equity", [[1.0, math.nan], [math.inf, 1.0]])
def test_a_curve_that_is_no_number_is_refused(equity: list[float]) -> None:
    with pytest.raises(InvalidData, match="1 bars"):
        daily(by_minute(np.array(equity)), np.array(equity), 1.0, NEW_YORK)


@pytest.mark.parametrize(
    "other", [{"capital": math.inf}, {"capital": math.nan}, {"exposure": np.full(15, math.nan)}]
)
def test_money_that_is_no_number_is_refused(other: dict[str, Any]) -> None:
    with pytest.raises(InvalidData, match="is no number"):
        figures(a_result(**other))


def test_bars_out_of_order_are_refused() -> None:
    curve = np.array([1.0, 2.0])
    with pytest.raises(InvalidData, match="order of time"):
        daily(by_minute(curve)[::-1], curve, 1.0, NEW_YORK)


def test_a_fall_has_its_dates() -> None:
    curve = np.array([100.0, 120.0, 90.0, 110.0, 120.0, 119.0])
    found = drawdown.deepest(by_minute(curve), curve, 100.0)
    assert found is not None
    assert (found.amount, found.share) == (30.0, 0.25)
    minutes = [found.peak_at, found.bottom_at, found.recovered_at]
    assert minutes == [OPEN + n * timedelta(minutes=1) for n in (1, 2, 4)]


def test_a_fall_that_goes_on_has_not_recovered() -> None:
    curve = np.array([90.0, 80.0, 99.0])
    found = drawdown.deepest(by_minute(curve), curve, 100.0)
    assert found is not None
    assert (found.peak_at, found.recovered_at) == (OPEN, None)


@pytest.mark.parametrize(
    ("curve", "minutes"),
    [
        ([], 0),
        ([100.0, 101.0, 102.0], 0),
        ([100.0, 99.0, 98.0, 100.0, 99.0], 3),
        ([99.0, 98.0, 97.0], 2),
        ([101.0, 100.0, 101.0, 100.0, 100.0, 100.0], 3),
    ],
)
def test_the_longest_time_under_water(curve: list[float], minutes: int) -> None:
    equity = np.array(curve, dtype=float)
    found = drawdown.longest_under_water(by_minute(equity), equity, 100.0)
    assert found == timedelta(minutes=minutes)


def test_a_run_without_a_bar_or_a_trade_has_no_answers() -> None:
    found = figures(
        a_result(at=by_minute(np.array([])), equity=np.array([]), exposure=np.array([]))
    )
    assert (found.days, found.equity, found.total_return) == (0, 10_000, 0)
    unanswered = (found.cagr, found.sharpe, found.drawdown, found.best_day, found.exposure)
    assert unanswered == (None,) * 5
    assert found.traded == traded(np.array([]), 0.0)
    assert found.traded.win_rate is None


def test_an_equity_that_never_moves_has_no_ratio() -> None:
    found = figures(a_result())
    assert (found.days, found.volatility, found.cagr) == (3, 0, 0)
    assert (found.sharpe, found.sortino, found.calmar, found.deflated_sharpe) == (None,) * 4


def test_trades_count_after_fees() -> None:
    found = traded(np.array([10.0, -5.0, 0.0, 20.0]), fees=4.0)
    assert (found.count, found.gained, found.win_rate) == (4, 25, 0.5)
    assert (found.profit_factor, found.expectancy) == (6, 6.25)
    assert (found.average_win, found.average_loss) == (15, -5)


def test_a_gain_that_is_no_number_is_refused() -> None:
    with pytest.raises(InvalidData, match="1 trades"):
        traded(np.array([1.0, math.nan]), fees=0.0)


def test_exposure_turnover_and_days() -> None:
    at = sessions(2, 2)
    equity = np.array([100.0, 100.0, 100.0, 110.0])
    held = np.array([0.0, 50.0, 0.0, 55.0])
    trades = some_trades(1, at, ("AAPL",), seed=3)
    found = figures(
        a_result(at=at, equity=equity, exposure=held, capital=100.0, trades=trades),
        Searched(trials=10, variance=1 / 252),
    )
    assert (found.in_market, found.exposure) == (0.5, 0.25)
    both = float((trades.entry_price + trades.exit_price)[0] * trades.quantity[0])
    assert found.turnover == pytest.approx(both / 2 / 102.5 * 126)
    assert found.best_day == Day(date(2024, 3, 5), pytest.approx(0.1))
    assert found.worst_day == Day(date(2024, 3, 4), 0)
    assert found.expected_max_sharpe == pytest.approx(1.5746, abs=1e-3)


def test_what_a_trade_returned_is_of_what_it_cost() -> None:
    trades = some_trades(4, sessions(2, 40), ("AAPL",), seed=3)
    cost = trades.entry_price * trades.quantity
    assert returns(trades) == pytest.approx(trades.gained / cost)
    assert returns(no_trades()).shape == (0,)
