"""What is drawn of a long run keeps how far it went, and numbers are spelt for people."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from result_builders import sessions, some_candles

from app.lab import formats, thinning

series = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=80).map(np.array)


@settings(max_examples=60)
@given(series, st.integers(1, 20))
def test_thinning_keeps_the_ends_and_how_far_it_went(values: Any, most: int) -> None:
    within = thinning.buckets(len(values), most)
    places = thinning.extremes(values, within)
    assert len(within.starts) <= most
    assert (np.diff(places) > 0).all()
    assert {0, len(values) - 1} <= set(places.tolist()) or within.size == 1
    assert (values[places].min(), values[places].max()) == (values.min(), values.max())
    assert len(thinning.means(values, within)) == len(within.starts)


@settings(max_examples=60)
@given(series, st.integers(5, 40))
def test_a_cloud_keeps_what_is_farthest_out(values: Any, most: int) -> None:
    places = thinning.cloud((values,), most)
    assert len(places) <= most
    assert np.abs(values[places]).max() == np.abs(values).max()


def test_merged_candles_go_as_far_as_what_they_are_made_of() -> None:
    whole = some_candles(sessions(1, 50), seed=3)
    merged = thinning.candles(whole, thinning.buckets(50, 8))
    assert len(merged.at) == 8
    assert (merged.open[0], merged.close[-1]) == (whole.open[0], whole.close[-1])
    assert (merged.high.max(), merged.low.min()) == (whole.high.max(), whole.low.min())
    assert merged.high[0] == whole.high[:7].max()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (formats.money(None), "–"),
        (formats.money(-1234.5), "−1,234.50"),
        (formats.gain(-0.001), "0.00"),
        (formats.gain(3.0), "+3.00"),
        (formats.percent(-0.12345), "−12.35%"),
        (formats.percent(1e9), "1.0e+11%"),
        (formats.ratio(2), "2.00"),
        (formats.price(0.1234), "0.1234"),
        (formats.quantity(10.0), "10"),
        (formats.quantity(1234.56), "1,234.56"),
        (formats.span(timedelta(days=62, hours=1)), "62 d 1 h"),
        (formats.span(timedelta(days=3)), "3 d"),
        (formats.span(timedelta(hours=5)), "5 h"),
        (formats.span(timedelta(minutes=65)), "1 h 5 min"),
        (formats.span(timedelta(minutes=7)), "7 min"),
        (formats.span(timedelta(0)), "0 s"),
        (
            formats.moment(datetime(2024, 7, 1, 13, 30, tzinfo=UTC), ZoneInfo("America/New_York")),
            "2024-07-01 09:30",
        ),
    ],
)
def test_numbers_are_spelt_for_people(text: str, expected: str) -> None:
    assert text == expected


def test_bars_of_a_day_are_named_by_their_dates_and_of_seconds_by_theirs() -> None:
    zone = ZoneInfo("America/New_York")
    daily = sessions(2, 1)
    assert formats.ticks(daily, zone).tolist() == ["2024-03-04", "2024-03-05"]
    seconds = daily[:1] + np.array([0, 5_000_000_000])
    assert formats.ticks(seconds, zone)[1] == "2024-03-04 09:30:05"
