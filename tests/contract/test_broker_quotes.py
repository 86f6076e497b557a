"""What the quote source makes of market data that is late, broken or not there."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from broker_stubs import (
    Behaviour,
    answer,
    free,
    free_port,
    garbage,
    half_a_body,
    hang_up,
    reset,
    silence,
    stub,
)

from app.engine.errors import InvalidData, Rejected, Transient
from app.io.feeds import FEEDS
from app.io.feeds.port import QuoteSource, Source, Throttled
from app.jobs import root

NOON = datetime(2026, 3, 20, 16, tzinfo=UTC)
HTML = "<html><body>the-secret</body></html>"
STAMP = "2026-03-20T15:59:59.123456789Z"


def alpaca(url: str, **overrides: Any) -> QuoteSource:
    times = {"connect_timeout_s": 1.0, "read_timeout_s": 0.4} | overrides
    return FEEDS["alpaca"](Source(url, "the-key", "the-secret", **times), "iex")


def a_snapshot(bid: object = 99.99, ask: object = 100.01) -> dict[str, Any]:
    return {
        "latestTrade": {"t": STAMP, "p": 100.0},
        "latestQuote": {"t": STAMP, "bp": bid, "ap": ask},
        "dailyBar": {"t": "2026-03-20T04:00:00Z", "v": 5_000},
    }


def a_bar(minute: int, high: float = 101.0) -> dict[str, Any]:
    at = (NOON + timedelta(minutes=minute)).isoformat()
    return {"t": at, "o": 100.0, "h": high, "l": 99.0, "c": 100.0, "v": 10}


def test_one_request_brings_every_quote_and_names_the_bad_ones() -> None:
    said = {
        "AAPL": a_snapshot(),
        "MSFT": a_snapshot(bid=0),
        "NVDA": a_snapshot(bid=101),
        "TSLA": None,
        "META": a_snapshot(ask="100"),
        "UNASKED": a_snapshot(),
    }
    with stub(answer(200, said)) as server:
        quotes = alpaca(server.url).latest(["AAPL", "MSFT", "NVDA", "TSLA", "META", "GONE"], free)
        assert quotes.good.keys() == {"AAPL"}
        assert [entry.symbol for entry in quotes.bad] == ["MSFT", "NVDA", "TSLA", "META", "GONE"]
        assert "bid is 0.0" in quotes.bad[0].reason
        assert '"bp": 0' in quotes.bad[0].payload
        assert quotes.bad[-1].reason == "unknown to the market data"
        (path,) = server.paths()
        assert path.startswith("/v2/stocks/snapshots?symbols=AAPL%2CMSFT%2C")
        assert "feed=iex" in path


@pytest.mark.parametrize("plan", ["iex", "sip"])
def test_b1_quotes_history_and_stream_are_of_the_plan_in_the_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, plan: str
) -> None:
    monkeypatch.chdir(tmp_path)
    page = {"bars": {}, "next_page_token": None}
    with stub(answer(200, {}), answer(200, page)) as server:
        told = {"ALPACA_FEED": plan, "ALPACA_DATA_URL": server.url}
        for name, value in {**told, "ALPACA_API_KEY": "k", "ALPACA_SECRET_KEY": "s"}.items():
            monkeypatch.setenv(name, value)
        root.settings.cache_clear()
        try:
            source = root.quotes(root.settings().book("us_baskets"))
            assert root.settings().alpaca.data_stream_url.endswith(f"/{plan}")
        finally:
            root.settings.cache_clear()
        source.latest(["AAPL"], free)
        source.minute_bars(["AAPL"], NOON, NOON + timedelta(hours=1), free)
        assert [f"feed={plan}" in path for path in server.paths()] == [True, True]


def test_a_value_that_is_not_a_number_spoils_only_its_symbol() -> None:
    spoilt = '{"AAPL": %s, "MSFT": {"latestTrade": {"t": "%s", "p": NaN}, "latestQuote": {}}}'
    with stub(answer(200, spoilt % (json.dumps(a_snapshot()), STAMP))) as server:
        quotes = alpaca(server.url).latest(["AAPL", "MSFT"], free)
    assert quotes.good.keys() == {"AAPL"}
    assert [entry.symbol for entry in quotes.bad] == ["MSFT"]


def test_nothing_is_asked_about_no_symbol() -> None:
    with stub(answer(200, {})) as server:
        source = alpaca(server.url)
        assert source.latest([], free).good == {}
        assert source.minute_bars([], NOON, NOON + timedelta(hours=1), free).good == ()
        assert source.minute_bars(["AAPL"], NOON, NOON, free).good == ()
        assert server.requests == []


@pytest.mark.parametrize(
    "fault",
    [
        reset,
        hang_up,
        half_a_body,
        garbage,
        silence,
        answer(200, HTML),
        answer(200, []),
        answer(200, "[" * 200_000),
        answer(302, "", Location="http://127.0.0.1:1/"),
        answer(403, HTML),
        answer(502, HTML),
    ],
    ids=lambda fault: fault.__name__,
)
def test_a_fault_is_asked_again_at_most_three_times(fault: Behaviour) -> None:
    with stub(fault) as server:
        with pytest.raises(Transient) as failed:
            alpaca(server.url).latest(["AAPL"], free)
        assert "the-secret" not in f"{failed.value} {failed.value.__cause__}"
        assert 1 <= len(server.requests) <= 4


def test_a_fault_that_passes_is_got_over() -> None:
    with stub(reset, answer(502, HTML), answer(200, {"AAPL": a_snapshot()})) as server:
        assert alpaca(server.url, read_timeout_s=5.0).latest(["AAPL"], free).good.keys() == {"AAPL"}


@pytest.mark.parametrize(
    ("headers", "pause_s"),
    [
        ({"Retry-After": "30"}, 30.0),
        ({"Date": "Fri, 20 Mar 2026 16:00:15 GMT", "X-RateLimit-Reset": "1774022460"}, 45.0),
        ({"Retry-After": "86400"}, 60.0),
        ({}, 60.0),
    ],
    ids=str,
)
def test_b3_a_limit_that_says_no_is_left_alone(headers: dict[str, str], pause_s: float) -> None:
    with stub(answer(429, {"message": "too many requests."}, **headers)) as server:
        with pytest.raises(Transient) as failed:
            alpaca(server.url, read_timeout_s=5.0).latest(["AAPL"], free)
        assert failed.value.retry_after_s == pause_s
        assert len(server.requests) == 1


def test_b3_every_request_asks_our_own_limit_first() -> None:
    """Pages and repeats too: what the limit refuses is not sent, and ends the call."""
    asked: list[int] = []

    def take() -> None:
        asked.append(len(server.requests))
        if len(asked) == 4:
            raise Throttled("no token is left", 7)

    first = {"bars": {"AAPL": [a_bar(0)]}, "next_page_token": "two"}
    with stub(reset, answer(200, first), answer(502, HTML)) as server:
        source = alpaca(server.url, read_timeout_s=5.0)
        with pytest.raises(Throttled):
            source.minute_bars(["AAPL"], NOON, NOON + timedelta(hours=1), take)
        assert asked == [0, 1, 2, 3]
        assert len(server.requests) == 3


def test_a_refusal_is_not_asked_again() -> None:
    words = "subscription does not permit querying recent SIP data"
    with stub(answer(403, {"message": words})) as server:
        with pytest.raises(Rejected, match=words):
            alpaca(server.url).latest(["AAPL"], free)
        assert len(server.requests) == 1


def test_a_source_that_does_not_listen_may_come_back() -> None:
    with pytest.raises(Transient):
        alpaca(f"http://127.0.0.1:{free_port()}").latest(["AAPL"], free)


def test_bars_come_page_by_page_in_order_and_without_the_bad_ones() -> None:
    first = {"bars": {"MSFT": [a_bar(0), a_bar(1)]}, "next_page_token": "two"}
    second = {
        "bars": {"MSFT": [a_bar(1), a_bar(2, high=1.0)], "AAPL": [a_bar(0)], "X": None},
        "next_page_token": None,
    }
    with stub(answer(200, first), answer(200, second)) as server:
        bars = alpaca(server.url).minute_bars(
            ["MSFT", "AAPL"], NOON, NOON + timedelta(hours=1), free
        )
        assert [(bar.symbol, bar.at.minute) for bar in bars.good] == [
            ("AAPL", 0),
            ("MSFT", 0),
            ("MSFT", 1),
        ]
        assert [entry.reason.split(" ")[0] for entry in bars.bad] == ["a", "open"]
        one, two = server.paths()
        assert "page_token" not in one
        assert "page_token=two" in two
        assert "start=2026-03-20T16%3A00%3A00Z&end=2026-03-20T16%3A59%3A59.999999Z" in one


def test_pages_without_an_end_are_given_up() -> None:
    page = {"bars": {"AAPL": [a_bar(0)]}, "next_page_token": "again"}
    with stub(answer(200, page)) as server:
        with pytest.raises(Transient, match="without an end"):
            alpaca(server.url).minute_bars(["AAPL"], NOON, NOON + timedelta(hours=1), free)
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    "page",
    [{"bars": [1]}, {"bars": {"AAPL": 5}}, {"bars": {"AAPL": []}, "next_page_token": 7}],
    ids=str,
)
def test_a_page_of_another_shape_is_refused(page: dict[str, Any]) -> None:
    with stub(answer(200, page)) as server, pytest.raises(Transient, match="cannot be read"):
        alpaca(server.url).minute_bars(["AAPL"], NOON, NOON + timedelta(hours=1), free)


def test_a_url_that_cannot_work_is_refused_at_once() -> None:
    with pytest.raises(InvalidData, match="data URL"):
        alpaca("127.0.0.1:80")
