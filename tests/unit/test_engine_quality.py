"""Bad data across bars: what is named, and that sound markets are left alone."""

from dataclasses import replace

import numpy as np
import pytest
from builders import AT, SECOND, a_panel
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.market import Panel
from app.engine.quality import GAP_BARS, flaws

SPAN = 30 * SECOND
MOST = 0.25


def changed(bar: int, *, scale: float = 1.0, until: int | None = None, **parts: float) -> Panel:
    """AAPL's prices scaled from a bar on, or single parts of that bar set."""
    panel = a_panel(("AAPL", "MSFT"))
    arrays = {n: getattr(panel, n).copy() for n in ("open", "high", "low", "close", "volume")}
    for name in ("open", "high", "low", "close"):
        arrays[name][0, bar:until] *= scale
    for name, value in parts.items():
        arrays[name][0, bar] = value
    return replace(panel, **arrays)


def what(panel: Panel) -> str:
    found = flaws(panel, MOST)
    assert set(found) <= {"AAPL"}
    return found["AAPL"].what if found else ""


@pytest.mark.parametrize(
    ("panel", "said"),
    [
        (changed(20, scale=1 / 4), "a split of 4:1"),
        (changed(20, scale=10), "a split of 1:10"),
        (changed(20, scale=2 / 3), "a split of 3:2"),
        (changed(20, scale=1.4), "a bad print"),
        (changed(20, scale=0.5, until=21), "a bad print"),
        (changed(20, high=200.0), "a bad print"),
        (changed(20, low=10.0), "a bad print"),
        (changed(20, close=0.0), "close 0"),
        (changed(20, close=-1.0), "close -1"),
        (changed(20, low=float("nan")), "low nan"),
        (changed(20, high=float("inf")), "high inf"),
        (changed(20, volume=-5.0), "volume -5"),
        (changed(0, low=1.0), "a bad print"),
    ],
)
def test_b7_what_is_wrong_is_named(panel: Panel, said: str) -> None:
    assert said in what(panel)


def test_a_flaw_says_when() -> None:
    assert flaws(changed(39, scale=0.5), MOST)["AAPL"].at == AT - SPAN
    assert flaws(changed(20, close=-1.0), MOST)["AAPL"].at == AT - 20 * SPAN


def test_a_move_of_the_limit_passes_and_more_does_not() -> None:
    flat = a_panel(("AAPL",))
    hundred = np.full_like(flat.close, 100.0)
    for top, flawed in ((125.0, False), (125.1, True), (75.0, False), (74.9, True)):
        close = hundred.copy()
        close[0, 30:] = top
        panel = replace(flat, open=close, high=close, low=close, close=close)
        assert bool(flaws(panel, MOST)) == flawed, top


@pytest.mark.parametrize(("still", "flawed"), [(GAP_BARS, True), (GAP_BARS - 1, False)])
def test_a_gap_is_silence_between_two_trades(still: int, flawed: bool) -> None:
    panel = a_panel(("AAPL",))
    arrays = {n: getattr(panel, n).copy() for n in ("open", "high", "low", "close", "volume")}
    for name in ("open", "high", "low", "close"):
        arrays[name][0, 10 : 10 + still] = arrays["close"][0, 9]
    arrays["volume"][0, 10 : 10 + still] = 0
    found = flaws(replace(panel, **arrays), MOST)
    assert bool(found) == flawed
    if flawed:
        assert found["AAPL"].what == f"a gap of {still * 30} s before it"


def test_before_its_first_bar_nothing_is_wrong() -> None:
    panel = a_panel(("AAPL",))
    parts = {n: getattr(panel, n).copy() for n in ("open", "high", "low", "close", "volume")}
    for part in parts.values():
        part[0, :25] = np.nan
    assert flaws(replace(panel, **parts), MOST) == {}


def test_a_panel_without_bars_has_no_flaw() -> None:
    empty = np.empty((2, 0))
    panel = replace(a_panel(), open=empty, high=empty, low=empty, close=empty, volume=empty)
    assert flaws(panel, MOST) == {}


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_an_ordinary_market_has_no_flaws(seed: int) -> None:
    assert flaws(a_panel(seed=seed), MOST) == {}


@given(
    st.sampled_from(["open", "high", "low", "close"]),
    st.integers(0, 39),
    st.sampled_from([0.0, -1.0, float("nan"), float("inf"), float("-inf")]),
)
def test_no_price_that_is_none_goes_by(name: str, bar: int, price: float) -> None:
    if bar == 0 and name == "close" and np.isnan(price):
        return  # what comes before the first close is no bar
    assert what(changed(bar, **{name: price}))
