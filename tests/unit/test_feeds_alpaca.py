"""Snapshots and bars from Alpaca: what is sound passes as it is, what is not names its fault."""

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.errors import InvalidData
from app.engine.market import Bar, Quote
from app.io.feeds import alpaca_json
from app.io.feeds.faults import bar_fault, quote_fault
from app.io.feeds.port import Source

AT = datetime(2026, 3, 20, 14, 30, 5, tzinfo=UTC)
SOUND = Quote("AAPL", AT, bid=99.99, ask=100.01, last=100.0, day_volume=5_000.0)
SOUND_BAR = Bar("AAPL", AT, open=10.0, high=12.0, low=9.0, close=11.0, volume=100.0)
ANY_FLOAT = st.floats()
NO_PRICE = st.one_of(st.just(math.nan), st.just(math.inf), st.floats(max_value=0))


def a_snapshot(**parts: Any) -> dict[str, Any]:
    return {
        "latestTrade": {"t": "2026-03-20T14:30:05.123456789Z", "p": 100.0},
        "latestQuote": {"t": "2026-03-20T14:30:05.2Z", "bp": 99.99, "ap": 100.01},
        "minuteBar": None,
        "dailyBar": {"t": "2026-03-20T04:00:00Z", "v": 5_000},
        "prevDailyBar": None,
    } | parts


def test_sound_data_has_no_fault() -> None:
    assert quote_fault(SOUND) is None
    assert quote_fault(replace(SOUND, bid=100.0, ask=100.0)) is None
    assert bar_fault(SOUND_BAR) is None


@given(field=st.sampled_from(["bid", "ask", "last"]), value=NO_PRICE)
def test_a_quote_without_a_price_is_at_fault(field: str, value: float) -> None:
    assert quote_fault(replace(SOUND, **{field: value})) is not None


@given(bid=ANY_FLOAT, ask=ANY_FLOAT, last=ANY_FLOAT, volume=ANY_FLOAT)
def test_a_quote_without_fault_is_ordered_and_finite(
    bid: float, ask: float, last: float, volume: float
) -> None:
    quote = Quote("AAPL", AT, bid=bid, ask=ask, last=last, day_volume=volume)
    if quote_fault(quote) is None:
        assert 0 < bid <= ask < math.inf
        assert 0 < last < math.inf
        assert 0 <= volume < math.inf


@given(st.tuples(ANY_FLOAT, ANY_FLOAT, ANY_FLOAT, ANY_FLOAT, ANY_FLOAT))
def test_a_bar_without_fault_holds_its_prices(values: tuple[float, ...]) -> None:
    opened, high, low, close, volume = values
    bar = Bar("AAPL", AT, opened, high, low, close, volume)
    if bar_fault(bar) is None:
        assert 0 < low <= opened <= high < math.inf
        assert low <= close <= high
        assert 0 <= volume < math.inf


@given(st.floats(0.01, 1e6), st.floats(0, 1e6), st.floats(0, 1), st.floats(0, 1))
def test_a_bar_within_its_range_is_sound(
    low: float, span: float, first: float, last: float
) -> None:
    high = low + span
    opened, close = min(low + first * span, high), min(low + last * span, high)
    assert bar_fault(Bar("AAPL", AT, opened, high, low, close, 0.0)) is None


def test_a_snapshot_becomes_a_quote_at_its_last_trade() -> None:
    quote = alpaca_json.quote("AAPL", a_snapshot())
    assert quote == replace(SOUND, at=datetime(2026, 3, 20, 14, 30, 5, 123456, UTC))


@pytest.mark.parametrize(
    ("daily", "volume"),
    [
        (None, 0.0),
        ({"t": "2026-03-20T04:00:00Z", "v": 7}, 7.0),
        ({"t": "2026-03-19T04:00:00Z", "v": 7}, 0.0),
    ],
    ids=["none", "today", "yesterday"],
)
def test_the_volume_is_that_of_the_trades_day(daily: Any, volume: float) -> None:
    assert alpaca_json.quote("AAPL", a_snapshot(dailyBar=daily)).day_volume == volume


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"latestTrade": None}, "latestTrade is missing"),
        ({"latestQuote": None}, "latestQuote is missing"),
        ({"latestQuote": {"bp": 0, "ap": 100.0}}, "bid is 0.0"),
        ({"latestQuote": {"bp": 100.0, "ap": 0}}, "ask is 0.0"),
        ({"latestQuote": {"bp": 101.0, "ap": 100.0}}, "above ask"),
        ({"latestQuote": {"bp": "99", "ap": 100.0}}, "bp is '99'"),
        ({"latestTrade": {"t": "2026-03-20T14:30:05Z", "p": math.nan}}, "last is nan"),
        ({"latestTrade": {"t": "2026-03-20T14:30:05Z", "p": 10**400}}, "p is"),
        ({"latestTrade": {"t": "half past two", "p": 100}}, "t is 'half past two'"),
        ({"dailyBar": {"t": "2026-03-20T04:00:00Z", "v": -1}}, "volume is -1"),
        ({"dailyBar": []}, "dailyBar is list"),
    ],
    ids=str,
)
def test_an_unusable_snapshot_names_its_fault(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidData, match=said):
        alpaca_json.quote("AAPL", a_snapshot(**wrong))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(part=st.sampled_from(sorted(a_snapshot())), value=_JSON)
def test_anything_is_a_sound_quote_or_refused(part: str, value: object) -> None:
    try:
        quote = alpaca_json.quote("AAPL", a_snapshot(**{part: value}))
    except InvalidData as why:
        entry = alpaca_json.bad_entry("AAPL", why, value)
        assert entry.reason
        assert len(entry.payload) <= 500
        return
    assert quote_fault(quote) is None


def test_a_source_does_not_show_its_secrets() -> None:
    shown = repr(Source("http://h", "the-key", "the-secret"))
    assert "the-key" not in shown
    assert "the-secret" not in shown
