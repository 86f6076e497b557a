"""Signals with events, the model, caps and bad data, step by step on real servers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pipeline_market import MINUTE, NOON, SECOND, D
from pipeline_world import World, world_of

from app.engine.events import Event, EventKind
from app.engine.ids import slot_of
from app.io.calendar import midnight
from app.io.feeds.port import Events
from app.io.store import orders
from app.pipeline import history, intake, quotes, signals
from app.pipeline.services import Services

TICK = 30 * SECOND


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path) as made:
        made.market.drift = {"AAPL": 0.0008, "MSFT": -0.0008}
        assert made.open() == "TRADING"
        yield made


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


def test_b2_the_bench_wakes_with_its_history_and_is_judged(world: World) -> None:
    world.market.prices["AMD"] = (D("99.99"), D("100.01"))
    world.market.drift["AMD"] = 0.0008
    world.market.at += 15 * SECOND
    world.happens("AMD")
    world.market.at += 15 * SECOND
    assert "AMD had a gap: 30 bars" in update(world.to, world.market.at)
    found = generate(world.to)
    assert found["AMD"] == "passed"
    assert "NFLX" not in found


def test_c2_extended_hours_are_quoted_and_judged_from_four_to_eight(world: World) -> None:
    signal = replace(world.book.signals, extended_hours=True)
    extended = replace(world.to, book=replace(world.book, signals=signal))
    four, eight = NOON.replace(day=23, hour=8), NOON.replace(day=24, hour=0)
    world.market.at = four
    assert "quotes" in update(extended, four)
    assert update(world.to, four) == "outside the session"
    world.at(four + 10 * MINUTE)
    pieces = history.windows(extended, world.to.calendar.session_for(four), world.market.at)
    assert pieces == [(NOON.replace(day=21, hour=0), 10), (world.market.at, 20)]
    update(extended, world.market.at)
    history.backfill(extended)
    assert generate(extended)["AAPL"] == "passed"
    world.market.at = eight - SECOND
    assert "quotes" in update(extended, world.market.at)
    assert "AAPL" not in generate(world.to)
    world.market.at = eight + MINUTE
    assert update(extended, world.market.at) == "outside the session"


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
    world.happens("AAPL", at=NOON, first_seen_at=NOON)
    assert generate(eager(world))["AAPL"] == "passed"
    assert world.reasons("model") == ["model_off"]


def test_b4_the_slot_after_an_event_is_the_first_that_asks_about_it(world: World) -> None:
    ready(world)
    to = eager(world)
    begun = world.market.at
    world.market.at = begun + 10 * SECOND
    news = Event("e:AAPL", EventKind.MARKET_NEWS, "AAPL", begun, begun, "alpaca", "Results")
    assert intake.take_in(to, "alpaca", Events((news,))) == 1
    generate(to)
    assert world.reasons("model") == []
    world.at(begun + TICK)
    update(to, world.market.at)
    generate(to)
    assert world.reasons("model") == ["model_off"]


def test_d3_a_book_that_refuses_without_an_answer_makes_no_signal(world: World) -> None:
    ready(world)
    world.happens("AAPL", at=NOON, first_seen_at=NOON)
    found = generate(eager(world, fallback="refuse"))
    assert (found["AAPL"], found["MSFT"]) == ("model_off", "passed")


def test_news_move_a_score_and_stand_in_the_signals_components(world: World) -> None:
    ready(world)
    world.happens("AAPL", at=NOON, first_seen_at=NOON)
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
        assert midnight(at, world.to.calendar.zone) == datetime.fromisoformat(expected)


def test_b7_a_split_is_named_quarantined_once_and_not_traded_on(world: World) -> None:
    ready(world)
    world.price("AAPL", "25")
    for _ in range(2):
        world.wait(TICK)
        update(world.to, world.market.at)
        assert generate(world.to)["AAPL"] == "bad_data"
    said = [reason for symbol, reason in world.quarantined() if symbol == "AAPL"]
    assert len(said) == 1
    assert "a split of 4:1" in said[0]
