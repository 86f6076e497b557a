"""What an article is about, in the words of real headlines, and when it is the same one."""

import csv
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import builders
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine import classify, filings
from app.engine.events import EventKind

RECORDED = Path(__file__).parents[2].parent / "shared" / "data" / "news" / "headlines_2026-03.csv"
RELEVANT = {"earnings": 0.99, "technology": 1.0, "financial_markets": 0.58}


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Fed holds rates steady, Powell says inflation is elevated", "rate_decision"),
        ("Federal Reserve Cuts Interest Rates By 25 Basis Points", "rate_decision"),
        ("FOMC statement: full text", "rate_decision"),
        ("Fed's Waller says rate cuts may come soon", "fed_speech"),
        ("Powell warns of tariffs in testimony", "fed_speech"),
        ("Fed minutes show officials split", "fed_speech"),
        ("Will the Fed cut rates in June?", "market_news"),
        ("Traders bet Fed will hold rates steady", "market_news"),
        ("What if Warsh is not confirmed as Fed Chair by May 15?", "market_news"),
        ("Investors Fed Up With Fees, Survey Says", "market_news"),
        ("He fed the ducks, neighbour says", "market_news"),
        ("ECB holds rates steady", "market_news"),
        ("Nvidia beats estimates on data centre demand", "tech_earnings"),
        ("Apple Q1 Revenue Rises", "tech_earnings"),
        ("Tesla recalls 100,000 cars", "market_news"),
        ("", "market_news"),
    ],
)
def test_a_title_names_its_kind(title: str, kind: str) -> None:
    assert classify.kind_of(title, None, 0.5) == kind


@pytest.mark.parametrize(
    ("topics", "kind"),
    [
        (RELEVANT, EventKind.TECH_EARNINGS),
        (RELEVANT | {"earnings": 0.49}, EventKind.MARKET_NEWS),
        ({"earnings": 1.0}, EventKind.MARKET_NEWS),
        ({}, EventKind.MARKET_NEWS),
    ],
)
def test_topics_say_it_where_the_source_knows_them(
    topics: dict[str, float], kind: EventKind
) -> None:
    assert classify.kind_of("Earnings beat estimates", topics, 0.5) is kind


def test_topics_are_spelt_as_they_are_asked_for() -> None:
    assert classify.topic_key("Economy - Monetary") == "economy_monetary"
    assert classify.topic_key("Retail & Wholesale") == "retail_wholesale"


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded headlines are not here")
def test_recorded_headlines_are_sorted_plausibly() -> None:
    with RECORDED.open() as file:
        titles = [row["title"] for row in csv.DictReader(file)]
    kinds = [classify.kind_of(title, None, 0.5) for title in titles]
    told = {
        k: [t for t, found in zip(titles, kinds, strict=True) if found is k] for k in set(kinds)
    }
    # Between two seasons of earnings, and after the meeting of the 18th.
    assert len(told[EventKind.TECH_EARNINGS]) == 3
    assert set(told) == {EventKind.TECH_EARNINGS, EventKind.MARKET_NEWS}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://www.a.com/x/y", "http://a.com/x/y/?utm=1#top"),
        ("https://A.com/X/y", "https://a.com/x/Y"),
    ],
)
def test_an_address_is_the_same_whatever_tracks_its_reader(one: str, other: str) -> None:
    assert classify.article_key(one, "a", builders.AT) == classify.article_key(
        other, "b", builders.AT + timedelta(days=1)
    )


@pytest.mark.parametrize("url", ["", "https://", "https://a.com/", "http://[bad", "no address"])
def test_without_an_address_the_title_and_its_minute_are_the_key(url: str) -> None:
    def key(title: str, seconds: int) -> str:
        return classify.article_key(url, title, builders.AT + timedelta(seconds=seconds))

    assert key("Apple: up 3 %", 0) == key("APPLE up 3%", 59)
    assert key("Apple up", 0) != key("Apple up", 60)
    assert key("Apple up", 0) != key("Apple down", 0)


def test_the_same_article_on_two_sites_counts_once_a_symbol() -> None:
    first = builders.an_event(id="a:AAPL", title="Apple – Up 3%")
    again = replace(first, id="b:AAPL", title="apple up 3 %", source="alpaca")
    other = replace(again, id="b:MSFT", symbol="MSFT")
    later = replace(first, id="c:AAPL", at=first.at + timedelta(minutes=2))
    assert classify.unrepeated([first, again, other, later], []) == [first, other, later]
    assert classify.unrepeated([again, later], [first]) == [later]


def test_b4_a_repeat_adds_the_tone_that_the_first_did_not_say() -> None:
    told = builders.an_event(id="a:AAPL", title="Apple up 3%", tone=None)
    by_id = replace(told, title="Another title", tone=0.4)
    by_title = replace(told, id="b:AAPL", title="APPLE UP 3 %", tone=-0.2)
    assert classify.added_tones([by_id], [told]) == {"a:AAPL": 0.4}
    assert classify.added_tones([by_title, by_id], [told]) == {"a:AAPL": -0.2}
    assert classify.added_tones([told, replace(by_id, id="c:AAPL")], [told]) == {}
    assert classify.added_tones([by_title], [replace(told, tone=0.1)]) == {}


def test_filings_with_one_title_are_not_one_filing() -> None:
    one = builders.an_event(id="edgar-1:AAPL", kind=EventKind.EDGAR, title="4 - Apple Inc.")
    two = replace(one, id="edgar-2:AAPL")
    assert classify.unrepeated([one, two, one], []) == [one, two]


@settings(max_examples=50)
@given(ahead=st.integers(-100_000, 100_000))
def test_nothing_is_stored_that_happened_after_it_was_seen(ahead: int) -> None:
    event = builders.an_event(at=builders.AT + timedelta(seconds=ahead))
    kept = classify.dated(event, builders.AT)
    assert (kept is None) == (ahead > classify.FUTURE.total_seconds())
    if kept is not None:
        assert kept.at <= kept.first_seen_at == builders.AT


@settings(max_examples=50)
@given(text=st.text(), limit=st.integers(1, 50))
def test_any_text_becomes_one_line_that_can_be_stored(text: str, limit: int) -> None:
    shown = classify.cleaned(text, limit)
    assert len(shown) <= limit
    assert shown.isprintable()
    assert classify.cleaned(shown, limit) == shown
    shown.encode()


def test_an_article_about_many_is_about_none() -> None:
    relevance = [classify.shared_relevance(n) for n in (0, 1, 4, 5)]
    assert relevance[:3] == [1.0, 1.0, 0.5]
    assert relevance[3] < 0.5


def test_the_worst_item_of_a_filing_is_its_tone() -> None:
    assert filings.tone("8-K", ["9.01", "2.05", "1.03"]) == -0.9
    assert filings.tone("8-K", ["2.02", "9.01"]) is None
    assert filings.tone("8-K", []) is None
    assert filings.tone("10-K", ["1.03"]) is None
