"""Quotes by tier and token, and signals with events, the model, caps and bad data, step by step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pipeline_market import MINUTE, NOON, SECOND, D, Market
from pipeline_world import World, world_of

from app.config.loading import load
from app.engine.book import RateLimit
from app.engine.events import Event, EventKind
from app.engine.ids import slot_of
from app.engine.market import Quote
from app.io.buckets import Buckets
from app.io.feeds.port import Bars, Quotes
from app.io.store import bars, events, orders
from app.io.store import quotes as quote_rows
from app.pipeline import history, quotes, signals
from app.pipeline.services import Services

TICK = 30 * SECOND
SHIPPED = load({}, Path("no such file")).book("us_baskets").rate_limits


@dataclass
class Listener:
    """The market, and what it was asked for."""

    market: Market
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def latest(self, symbols: Sequence[str]) -> Quotes:
        self.asked.append(tuple(symbols))
        return self.market.latest(symbols)

    def minute_bars(self, symbols: Sequence[str], start: datetime, end: datetime) -> Bars:
        return self.market.minute_bars(symbols, start, end)


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path) as made:
        made.market.drift = {"AAPL": 0.0008, "MSFT": -0.0008}
        assert made.open() == "TRADING"
        yield made


@pytest.fixture
def listener(world: World) -> Listener:
    return Listener(world.market)


@pytest.fixture
def limited(world: World, listener: Listener, redis_url: str) -> Iterator[Services]:
    """A worker with the shipped rate limits."""
    book = replace(world.book, rate_limits=SHIPPED)
    buckets = Buckets(redis_url, "limited", SHIPPED)
    yield replace(world.to, book=book, buckets=buckets, quotes=listener)
    buckets.close()


def update(to: Services, at: datetime) -> str:
    return quotes.update(to, slot_of(at, TICK))


def generate(to: Services) -> dict[str, str]:
    """Run a slot of now and return the last reason of each symbol."""
    slot = slot_of(to.clock.now(), TICK)
    signals.generate(to, slot)
    at = datetime.fromtimestamp(slot * 30, to.clock.now().tzinfo)
    with to.database.begin() as db:
        full = db.exec_driver_sql(
            "SELECT symbol, reason FROM verdicts WHERE step = 'signals' AND at = %s ORDER BY id",
            (at,),
        )
        return {symbol: reason for symbol, reason in full}


def quarantined(to: Services) -> list[tuple[str, str]]:
    with to.database.begin() as db:
        rows = db.exec_driver_sql("SELECT symbol, reason FROM quarantine ORDER BY id")
        return [(symbol, reason) for symbol, reason in rows]


def happens(world: World, symbol: str | None, **changes: Any) -> Event:
    now = world.market.at
    usual = Event(f"e:{symbol}", EventKind.MARKET_NEWS, symbol, now, now, "test", "News", tone=0.2)
    event = replace(usual, **changes)
    with world.to.database.begin() as db:
        events.insert_once(db, world.book.id, [event])
    return event


def empty(to: Services, *names: str) -> None:
    for name in names:
        while to.buckets.take(name, to.clock.now()).allowed:
            pass


def granted(to: Services) -> dict[str, int]:
    return {level.name: level.granted for level in to.buckets.levels() if level.granted}


# -- tiers and tokens ---------------------------------------------------------------------------


def test_b3_one_call_serves_what_is_due_and_tier_a_pays_first(
    limited: Services, listener: Listener
) -> None:
    tiers = limited.book.universe
    update(limited, NOON)
    assert listener.asked == [(*tiers.tier_a, *tiers.tier_b)]
    assert granted(limited) == {"quotes.tier_a": 1}
    limited.clock.at = NOON + TICK  # type: ignore[attr-defined]
    update(limited, NOON + TICK)
    assert listener.asked[1:] == [tiers.tier_a]


def test_b3_tier_b_pays_for_both_where_tier_a_has_no_token(
    limited: Services, listener: Listener
) -> None:
    empty(limited, "quotes.tier_a")
    said = update(limited, NOON)
    assert "tier_a refused by the rate limit for 10 s" in said
    assert len(listener.asked[0]) == 8
    assert "quotes.reserve" not in granted(limited)


@pytest.mark.parametrize(
    ("second", "capacity", "expected"),
    [(0, 1, True), (9, 1, True), (10, 1, False), (59, 1, False), (5, 0, False)],
)
def test_b3_the_reserve_is_for_tier_a_in_the_first_ten_seconds(
    world: World, limited: Services, listener: Listener, second: int, capacity: int, expected: bool
) -> None:
    limits = {**SHIPPED, "quotes.reserve": RateLimit(capacity, MINUTE, 0)}
    to = replace(limited, book=replace(limited.book, rate_limits=limits))
    world.market.at = NOON + second * SECOND
    empty(to, "quotes.tier_a", "quotes.tier_b")
    said = update(to, NOON)
    assert listener.asked == ([to.book.universe.tier_a] if expected else [])
    assert ("tier_a on the reserve" in said) == expected
    assert "tier_b refused by the rate limit" in said
    assert world.logged.count("quote_reserve_used") == expected
    assert granted(to).get("quotes.reserve", 0) == expected


def test_b3_what_woke_is_paid_by_tier_b(
    world: World, limited: Services, listener: Listener
) -> None:
    happens(world, "AMD")
    limited = replace(
        limited,
        book=replace(
            limited.book,
            universe=replace(limited.book.universe, tier_a_interval=MINUTE),
        ),
    )
    world.market.at = NOON + TICK
    update(limited, NOON + TICK)
    assert listener.asked == [("AMD",)]
    assert granted(limited)["quotes.tier_b"] == 1
    world.market.at = NOON + 16 * MINUTE + TICK
    assert update(limited, world.market.at) == "nothing is due"


def test_b2_the_bench_wakes_with_its_history_and_is_judged(world: World) -> None:
    world.market.prices["AMD"] = (D("99.99"), D("100.01"))
    world.market.drift["AMD"] = 0.0008
    world.market.at += 15 * SECOND
    happens(world, "AMD")
    world.market.at += 15 * SECOND
    assert "AMD had a gap: 30 bars" in update(world.to, world.market.at)
    found = generate(world.to)
    assert found["AMD"] == "passed"
    assert "NFLX" not in found


def test_b7_no_bar_spans_a_gap(world: World) -> None:
    """Seven minutes without a quote: their bars come from history, not from two samples."""
    update(world.to, NOON)
    world.market.at += 7 * MINUTE
    said = update(world.to, world.market.at)
    assert "AAPL, MSFT, NVDA, SQQQ, TSLA had a gap" in said
    with world.to.database.begin() as db:
        found = bars.count_since(db, world.book.id, ["AAPL"], NOON)
    assert found["AAPL"] == 14
    world.market.at += TICK
    assert "gap" not in update(world.to, world.market.at)


def test_b7_a_quote_older_than_the_one_before_is_quarantined(world: World) -> None:
    update(world.to, NOON)
    world.wait(TICK)
    late = Quote("AAPL", world.market.at - MINUTE, 99.0, 101.0, 100.0, 1e6)
    stale = replace(world.to, quotes=Listener(replace(world.market, prices={})))
    stale.quotes.latest = lambda symbols: Quotes({"AAPL": late})  # type: ignore[method-assign]
    update(stale, world.market.at)
    assert [s for s, reason in quarantined(world.to) if "out of order" in reason] == ["AAPL"]
    with world.to.database.begin() as db:
        assert quote_rows.load(db, world.book.id)["AAPL"].at == world.market.at


def test_c2_extended_hours_are_quoted_and_judged_from_four_to_eight(world: World) -> None:
    signal = replace(world.book.signals, extended_hours=True)
    extended = replace(world.to, book=replace(world.book, signals=signal))
    four = NOON.replace(hour=8, minute=0)
    for moment, is_open in ((four, True), (NOON.replace(hour=23, minute=59), True)):
        world.at(moment)
        assert ("quotes" in update(extended, moment)) == is_open
        assert update(world.to, moment) == "outside the session"
    world.at(four + 10 * MINUTE)
    hours = world.to.calendar.session_for(NOON)
    pieces = history.windows(extended, hours, world.market.at)
    assert [count for _, count in pieces] == [10, 20]
    assert pieces[0][0] == NOON.replace(hour=0) + timedelta(0)
    history.backfill(extended)
    world.requote()
    assert generate(extended)["AAPL"] in ("passed", "stale_data")


# -- signals ------------------------------------------------------------------------------------


def eager(world: World, **model: Any) -> Services:
    """A worker whose book asks the model about every signal."""
    policy = replace(world.book.model, min_score=0.12, **model)
    return replace(world.to, book=replace(world.book, model=policy))


def ready(world: World) -> None:
    update(world.to, NOON)
    world.wait(TICK)
    update(world.to, world.market.at)


def test_d1_the_model_is_asked_and_its_answer_judged_with_the_signals(world: World) -> None:
    ready(world)
    happens(world, "AAPL", at=NOON, first_seen_at=NOON)
    assert generate(eager(world))["AAPL"] == "passed"
    assert world.reasons("model") == ["model_off"]


def test_d3_a_book_that_refuses_without_an_answer_makes_no_signal(world: World) -> None:
    ready(world)
    happens(world, "AAPL", at=NOON, first_seen_at=NOON)
    found = generate(eager(world, fallback="refuse"))
    assert (found["AAPL"], found["MSFT"]) == ("model_off", "passed")


def test_news_move_a_score_and_stand_in_the_signals_components(world: World) -> None:
    ready(world)
    happens(world, "AAPL", at=NOON, first_seen_at=NOON)
    generate(world.to)
    with world.to.database.begin() as db:
        rows = db.exec_driver_sql("SELECT symbol, components, score FROM signals").all()
    parts = {symbol: components for symbol, components, _ in rows}
    scores = {symbol: score for symbol, _, score in rows}
    assert parts["AAPL"]["news"] > 0
    assert parts["MSFT"]["news"] == 0
    assert sum(parts["AAPL"].values()) == pytest.approx(scores["AAPL"])


def test_c4_the_days_entries_are_counted_from_the_orders(world: World) -> None:
    world.buy("AAPL")
    capped = replace(world.book, caps=replace(world.book.caps, tier_a=1))
    ready(world)
    found = generate(replace(world.to, book=capped))
    assert found["AAPL"] == "daily_cap"
    assert found["MSFT"] == "passed"


def test_c4_the_day_is_new_yorks(world: World) -> None:
    entry = world.buy("AAPL")
    with world.to.database.begin() as db:
        made = orders.entries_since(db, world.book.id, entry.created_at)
        later = orders.entries_since(db, world.book.id, entry.created_at + SECOND)
    assert (made, later) == ([("AAPL", entry.created_at)], [])
    midnights = {
        datetime.fromisoformat("2026-03-20T03:59:00+00:00"): "2026-03-19T04:00:00+00:00",
        datetime.fromisoformat("2026-03-20T04:00:00+00:00"): "2026-03-20T04:00:00+00:00",
        datetime.fromisoformat("2026-01-15T15:00:00+00:00"): "2026-01-15T05:00:00+00:00",
    }
    for at, expected in midnights.items():
        assert signals._midnight(world.to, at) == datetime.fromisoformat(expected)


def test_b7_a_split_is_named_quarantined_once_and_not_traded_on(world: World) -> None:
    ready(world)
    world.price("AAPL", "25")
    for _ in range(2):
        world.wait(TICK)
        update(world.to, world.market.at)
        assert generate(world.to)["AAPL"] == "bad_data"
    said = [reason for symbol, reason in quarantined(world.to) if symbol == "AAPL"]
    assert len(said) == 1
    assert "a split of 4:1" in said[0]
