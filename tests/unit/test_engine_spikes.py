"""A spike is loud beside what is usual, and nothing else is one."""

from dataclasses import replace

import builders
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine import spikes
from app.engine.events import EventKind
from app.engine.market import Panel

POLICY = builders.an_event_policy()
COUNT = POLICY.spike_bars


def a_panel(before: list[float], newest: float, opened: float = 100, closed: float = 101) -> Panel:
    shape = (1, len(before) + 1)
    price = np.full(shape, 100.0)
    opens, closes = price.copy(), price.copy()
    opens[0, -1], closes[0, -1] = opened, closed
    volume = np.array([[*before, newest]])
    high, low = np.maximum(opens, closes), np.minimum(opens, closes)
    return Panel(("AAPL",), builders.AT, 30 * builders.SECOND, opens, high, low, closes, volume)


def found(panel: Panel) -> int:
    return len(spikes.find(panel, POLICY, builders.AT))


@pytest.mark.parametrize(
    ("before", "newest", "is_one"),
    [
        pytest.param([1000.0] * COUNT, 4000.0, True, id="exactly the factor"),
        pytest.param([1000.0] * COUNT, 3999.0, False, id="just below it"),
        pytest.param([100.0] * COUNT, 999.0, False, id="below the least volume"),
        pytest.param([100.0] * COUNT, 1000.0, True, id="exactly the least volume"),
        pytest.param([0.0] * COUNT, 9000.0, False, id="after silence nothing is usual"),
        pytest.param([0.0] * 11 + [1000.0] * 9, 9000.0, False, id="too little traded before"),
        pytest.param([0.0, 1000.0] * 10, 2000.0, True, id="empty bars count as 0"),
        pytest.param([1000.0] * 19, 9000.0, False, id="too few bars"),
        pytest.param([9e9] + [1000.0] * COUNT, 4000.0, True, id="older bars say nothing"),
        pytest.param([np.nan] + [1000.0] * 19, 9000.0, False, id="NaN before"),
        pytest.param([1000.0] * COUNT, np.nan, False, id="NaN"),
        pytest.param([1000.0] * COUNT, np.inf, False, id="infinite"),
    ],
)
def test_what_is_a_spike(before: list[float], newest: float, is_one: bool) -> None:
    assert found(a_panel(before, newest)) == is_one


@pytest.mark.parametrize(("closed", "tone"), [(101.0, 1.0), (99.0, -1.0), (100.0, None)])
def test_the_tone_is_the_bars_direction(closed: float, tone: float | None) -> None:
    panel = a_panel([1000.0] * COUNT, 5000.0, closed=closed)
    [event] = spikes.find(panel, POLICY, builders.AT)
    assert (event.kind, event.symbol, event.tone) == (EventKind.VOL_SPIKE, "AAPL", tone)
    assert event.id == "spike-20260320T145930Z:AAPL"
    assert "5.0 times" in event.title


def test_looking_again_finds_the_same() -> None:
    panel = a_panel([1000.0] * COUNT, 5000.0)
    [one] = spikes.find(panel, POLICY, builders.AT)
    [two] = spikes.find(panel, POLICY, builders.AT + builders.MINUTE)
    assert replace(two, first_seen_at=one.first_seen_at) == one


VOLUMES = st.one_of(st.just(0.0), st.just(float("nan")), st.floats(0, 1e7))


@settings(max_examples=60)
@given(rows=st.lists(st.lists(VOLUMES, min_size=21, max_size=21), min_size=1, max_size=5))
def test_together_and_alone_give_the_same(rows: list[list[float]]) -> None:
    volume = np.array(rows)
    symbols = tuple(f"S{n}" for n in range(len(rows)))
    panel = replace(builders.a_panel(symbols, bars=21), volume=volume)
    together = [event.symbol for event in spikes.find(panel, POLICY, builders.AT)]
    alone = [
        symbol
        for symbol, row in zip(symbols, rows, strict=True)
        if not np.isnan(row).any()
        and row[-1] >= max(POLICY.spike_min_volume, POLICY.spike_factor * np.mean(row[:-1]))
        and np.mean(row[:-1]) > 0
        and 2 * sum(v > 0 for v in row[:-1]) >= COUNT
    ]
    assert together == alone
