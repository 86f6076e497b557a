"""Samples of a market become bars of 30 seconds, whatever time lies between them."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

import numpy as np
import pytest
from builders import AT, SECOND, a_book, a_quote
from hypothesis import given
from hypothesis import strategies as st

from app.engine.market import Bar, Panel, Quote, sampled_bars
from app.engine.score import technical

TICK = 30 * SECOND
PRICES = st.floats(0.01, 1e5)


def starts(count: int) -> list[datetime]:
    return [AT - n * TICK for n in range(count, 0, -1)]


def panel(bars: Sequence[Bar]) -> Panel:
    names = ("open", "high", "low", "close", "volume")
    arrays = [np.array([[getattr(bar, name) for bar in bars]]) for name in names]
    return Panel(("AAPL",), AT, TICK, *arrays)


@given(PRICES, PRICES, st.floats(0, 1e9), st.floats(0, 1e9), st.integers(1, 40))
def test_bars_merge_into_what_lies_between_the_samples(
    first: float, last: float, before: float, after: float, count: int
) -> None:
    samples = a_quote(last=first, day_volume=before), a_quote(last=last, day_volume=after)
    bars = sampled_bars(*samples, starts(count))
    assert [bar.at for bar in bars] == starts(count)
    assert (bars[0].open, bars[-1].close) == (first, last)
    assert all(one.close == two.open for one, two in pairwise(bars))
    grown = after - before if after >= before else after
    assert sum(bar.volume for bar in bars) == pytest.approx(grown)
    assert len({bar.volume for bar in bars}) == 1
    edge = 1e-9 * max(first, last)
    assert min(bar.low for bar in bars) >= min(first, last) - edge
    assert max(bar.high for bar in bars) <= max(first, last) + edge


def test_c1_the_score_does_not_depend_on_how_often_a_market_is_sampled() -> None:
    """A market that goes straight from minute to minute, seen every 30 s and every 60 s."""
    rng = np.random.default_rng(7)
    minutes = 100 * np.cumprod(1 + rng.normal(0, 0.001, 21))
    volumes = np.cumsum(rng.integers(500, 5000, 21)).astype(float)
    halfway = np.arange(41) / 2
    often = [
        a_quote(last=float(price), day_volume=float(volume))
        for price, volume in zip(
            np.interp(halfway, range(21), minutes),
            np.interp(halfway, range(21), volumes),
            strict=True,
        )
    ]
    seldom = often[::2]
    scores = [
        technical(panel(_sampled(each)), a_book().signals.weights) for each in (often, seldom)
    ]
    assert scores[0].score == pytest.approx(scores[1].score)
    assert abs(scores[0].score[0]) > 0.01


def _sampled(quotes: Sequence[Quote]) -> list[Bar]:
    count = 40 // (len(quotes) - 1)
    grid = starts(40)
    return [
        bar
        for n, (one, two) in enumerate(pairwise(quotes))
        for bar in sampled_bars(one, two, grid[n * count : (n + 1) * count])
    ]
