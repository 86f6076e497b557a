"""The numbers of requirements B1 and B3 to B7 in the shipped book, each at its edge."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import AT, MINUTE, SECOND, a_quote, an_event

from app.config.errors import ConfigError
from app.config.loading import load
from app.engine import filings
from app.engine.events import EventKind
from app.engine.market import Bar, halves
from app.engine.mixer import Evidence, mix
from app.engine.model import asking
from app.engine.score import Scores
from app.io.buckets import Fill, spend
from app.io.feeds.faults import OLDEST_MINUTE, bar_fault, minute_fault, quote_fault
from app.io.feeds.news_alphavantage import TOPICS, _by_ticker
from app.io.feeds.port import Watched
from app.io.store.schema import bars_30s
from app.jobs.sources import EDGAR_PAUSE_S, edgar_pause_s
from app.pipeline.history import SPAN
from app.pipeline.quotes import RESERVE_WINDOW_S

NO_FILE = Path("no such file")
SETTINGS = load({}, NO_FILE)
BOOK = SETTINGS.book("us_baskets")
CALLS = {name: BOOK.rate_limits[f"quotes.{name}"] for name in ("tier_a", "tier_b", "reserve")}

# At their edges besides here: test_engine_spikes.py, test_engine_quality.py, test_engine_gates.py.
NUMBERS = [
    ("B1 bars", SPAN, 30 * SECOND),
    ("B1 table", bars_30s.name, "bars_30s"),
    ("B3 calls a minute", sum(limit.capacity for limit in CALLS.values()), 10),
    ("B3 first seconds of a minute", RESERVE_WINDOW_S, 10),
    ("B4 the Federal Reserve first", tuple(TOPICS), ("fed", "earnings", "market")),
    ("B4 relevance", BOOK.events.min_relevance, 0.5),
    ("B5 forms", filings.FORMS, ("8-K", "10-Q", "10-K", "4")),
    ("B5 at most 10 a second", 1 / EDGAR_PAUSE_S <= 10, True),
    ("B5 nobody asks without a name", SETTINGS.sources.edgar_agent, None),
    ("B6 kind", EventKind.VOL_SPIKE, "vol_spike"),
    ("B6 factor", BOOK.events.spike_factor, 4),
    ("B7 quote's age", BOOK.signals.max_data_age, 90 * SECOND),
    ("B7 move of a bar", BOOK.signals.max_bar_move, 0.25),
]


@pytest.mark.parametrize(("requirement", "found", "expected"), NUMBERS)
def test_the_shipped_book_says(requirement: str, found: object, expected: object) -> None:
    assert found == expected, requirement


def a_bar(at: datetime = AT, **changes: Any) -> Bar:
    return replace(Bar("AAPL", at, 100.0, 102.0, 99.0, 101.0, 1000.0), **changes)


# -- B1 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("opened", "closed"), [(100.0, 101.0), (101.0, 100.0), (100.0, 100.0)])
def test_b1_a_minute_is_two_bars_of_30_s(opened: float, closed: float) -> None:
    minute = a_bar(open=opened, close=closed)
    first, second = halves(minute)
    assert (first.at, second.at) == (AT, AT + SPAN)
    assert (first.open, first.close, second.close) == (opened, second.open, closed)
    assert (max(first.high, second.high), min(first.low, second.low)) == (102.0, 99.0)
    assert first.volume + second.volume == minute.volume
    assert bar_fault(first) is bar_fault(second) is None


# -- B3 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "calls"), [("tier_a", 6), ("tier_b", 3), ("reserve", 1)])
def test_b3_so_many_calls_a_minute_and_no_more(name: str, calls: int) -> None:
    """All at once and one more; then one again, when its share of the minute has passed."""
    fill, said = Fill(CALLS[name].capacity, 0.0), []
    for now in (*[0.0] * (calls + 1), 60 / calls - 0.01, 60 / calls):
        fill, grant = spend(fill, CALLS[name], now, 1, reserve=False)
        said.append(grant.allowed)
    assert said == [*[True] * calls, False, False, True]


# -- B4 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("relevance", "counts"), [(0.49999, 0), (0.5, 1), (0.50001, 1)])
def test_b4_half_relevant_is_relevant(relevance: float, counts: int) -> None:
    watched = Watched(BOOK.universe.symbols, BOOK.events.min_relevance)
    said = {"ticker": "AAPL", "relevance_score": relevance, "ticker_sentiment_score": 0.5}
    assert len(_by_ticker(an_event(None), [said], watched, [])) == counts
    news = (an_event("AAPL", relevance=relevance),)
    assert len(asking(BOOK, {"AAPL": 0.5}, news, AT).questions) == counts
    own = Scores(("AAPL",), np.array([0.2]), {"trend": np.array([0.2])})
    assert bool(mix(BOOK, own, Evidence(AT, news)).score[0] != 0.2) == counts


# -- B5 -----------------------------------------------------------------------------------------

HERE = {
    "ALPACA_TRADING_URL": "http://127.0.0.1:7001",
    "ALPACA_DATA_URL": "http://127.0.0.1:7001",
    "ALPACA_STREAM_URL": "ws://127.0.0.1:7001/stream",
    "MARKET_SPEED": "150",
}


@pytest.mark.parametrize(
    ("environ", "pause_s"),
    [
        ({}, 0.2),
        (HERE, 0.2),  # the SEC's clock runs as ever, whatever market is simulated
        (HERE | {"EDGAR_URL": "http://127.0.0.1:7001"}, 0.2 / 150),
    ],
)
def test_b5_between_two_requests_to_the_sec(environ: dict[str, str], pause_s: float) -> None:
    assert edgar_pause_s(load(environ, NO_FILE)) == pytest.approx(pause_s)


def test_b5_no_setting_asks_more_often() -> None:
    most = load({"FILINGS_CALLS": "300"}, NO_FILE).book("us_baskets").rate_limits["filings"]
    assert most.capacity / most.per.total_seconds() == 5
    with pytest.raises(ConfigError, match="FILINGS_CALLS"):
        load({"FILINGS_CALLS": "301"}, NO_FILE)


# -- B7 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "sound"),
    [
        ({"bid": 0.01, "last": 0.01}, True),
        ({"bid": 0.0}, False),
        ({"bid": -0.01}, False),
        ({"last": 0.0}, False),
        ({"last": -0.01}, False),
        ({"bid": 99.99, "ask": 100.0}, True),
        ({"bid": 100.0, "ask": 100.0}, True),
        ({"bid": 100.01, "ask": 100.0}, False),
    ],
)
def test_b7_a_quote_without_a_price_or_crossed(changes: dict[str, float], sound: bool) -> None:
    assert (quote_fault(a_quote(**changes)) is None) == sound


FLAT = dict.fromkeys(("open", "high", "low", "close"), 100.0)


@pytest.mark.parametrize(
    ("changes", "sound"),
    [
        ({"low": 0.01}, True),
        ({"low": 0.0}, False),
        ({"low": -0.01}, False),
        (FLAT | {"high": 100.01}, True),
        (FLAT, True),
        (FLAT | {"high": 99.99}, False),
    ],
)
def test_b7_a_bar_without_a_price_or_with_its_high_below_its_low(
    changes: dict[str, float], sound: bool
) -> None:
    assert (bar_fault(a_bar(**changes)) is None) == sound


@pytest.mark.parametrize(
    ("after", "opened", "said"),
    [
        (MINUTE, 100.0, None),
        (timedelta(0), 100.0, "a second bar"),
        (-MINUTE, 100.0, "out of order"),
        (MINUTE, 126.25, None),  # 25 % above the close of 101
        (MINUTE, 126.26, "a split or a bad print"),
        (MINUTE, 75.75, None),
        (MINUTE, 75.74, "a split or a bad print"),
    ],
)
def test_b7_a_minute_beside_the_one_before_it(
    after: timedelta, opened: float, said: str | None
) -> None:
    bar, now = a_bar(AT + after, open=opened), AT + 2 * MINUTE
    fault = minute_fault(bar, a_bar(), now, BOOK.signals.max_bar_move)
    assert (fault is None) if said is None else (said in str(fault))


@pytest.mark.parametrize(
    ("age", "sound"),
    [
        (-SECOND, False),
        (timedelta(0), True),
        (OLDEST_MINUTE, True),
        (OLDEST_MINUTE + SECOND, False),
    ],
)
def test_b7_a_minute_of_the_future_or_long_ago(age: timedelta, sound: bool) -> None:
    fault = minute_fault(a_bar(), None, AT + age, BOOK.signals.max_bar_move)
    assert (fault is None) == sound
