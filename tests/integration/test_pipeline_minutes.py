"""The market's stream taken in: its minutes become bars and spikes, by the settings in force."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pipeline_market import MINUTE, NOON
from pipeline_world import World, world_of

from app.engine.events import Event, EventKind
from app.io.feeds.bars_stream import Heard
from app.io.store import events, overrides
from app.jobs import market_feed
from app.pipeline import minutes
from app.pipeline.minutes import Newest


@pytest.fixture
def world(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path) as made:
        yield made


def stored(world: World) -> list[Event]:
    with world.to.database.begin() as db:
        return events.listing(db, world.book.id, NOON - 60 * MINUTE)


def refused(world: World) -> list[str]:
    return [reason for _, reason in world.quarantined()]


def a_minute(n: int, symbol: str = "AMD", volume: float = 2000, **changes: Any) -> dict[str, Any]:
    at = (NOON + n * MINUTE).isoformat()
    bar = {"o": 100.0, "h": 101.0, "l": 99.0, "c": 100.5, "v": volume, "t": at}
    return {"T": "b", "S": symbol} | bar | changes


def hear(world: World, newest: Newest, *bars: object, again: Sequence[object] = ()) -> int:
    return minutes.take_in(world.to, bars, again, newest)


def test_a_bench_symbols_minutes_become_its_history_and_its_spike_an_event(world: World) -> None:
    newest = Newest()
    for n in range(-12, 0):
        world.market.at = NOON + (n + 1) * MINUTE
        volume = 20_000 if n == -1 else 2_000
        assert hear(world, newest, a_minute(n, volume=volume), a_minute(n, "WHO")) == 2
    [spike] = stored(world)
    assert (spike.kind, spike.symbol, spike.tone) == (EventKind.VOL_SPIKE, "AMD", 1.0)
    assert (spike.at, spike.first_seen_at) == (NOON, NOON)
    assert world.nudged == []
    assert refused(world) == []


@pytest.mark.parametrize(
    ("bar", "why"),
    [
        (a_minute(-3), "a second bar at 14:57"),
        (a_minute(-4), "out of order: 14:56 after 14:57"),
        (a_minute(-2, h=1.0), "outside low"),
        (a_minute(-2, v=float("nan")), "volume is nan"),
        (a_minute(-2, o="100"), "o is '100'"),
        (a_minute(1), "in the future"),
        (a_minute(-2, t=(NOON - 90 * MINUTE / 60).isoformat()), "not on a minute"),
        (a_minute(-2, o=150.0, h=150.0, c=150.0), "a split or a bad print"),
    ],
)
def test_a_minute_that_cannot_be_used_is_named(world: World, bar: object, why: str) -> None:
    newest = Newest()
    assert hear(world, newest, a_minute(-3)) == 2
    assert hear(world, newest, bar) == 0
    [reason] = refused(world)
    assert why in reason
    assert (
        hear(world, newest, a_minute(-1, o=150.0, h=150.0) if "split" in why else a_minute(-1)) == 2
    )


def test_a_correction_fills_a_missed_minute_and_changes_none(world: World) -> None:
    newest = Newest()
    assert hear(world, newest, a_minute(-3), a_minute(-1)) == 4
    assert hear(world, newest, again=[a_minute(-1, volume=9), a_minute(-2)]) == 2
    assert refused(world) == []


def test_minutes_outside_the_session_are_not_kept(world: World) -> None:
    hours = world.to.calendar.session_for(NOON)
    world.market.at = hours.open
    early = a_minute(0, t=(hours.open - MINUTE).isoformat())
    assert hear(world, Newest(), early) == 0
    assert refused(world) == []


@pytest.mark.parametrize(("factor", "spikes"), [("4", 1), ("100", 0)])
def test_i6_an_experiment_on_events_reaches_the_stream(
    world: World, factor: str, spikes: int
) -> None:
    with world.to.database.begin() as db:
        for name, value in (("SPIKE_FACTOR", factor), ("EVENT_MIN_RELEVANCE", "0.3")):
            overrides.set(db, world.book.id, name, value, "experiment:more", at=NOON)
    for n in range(-12, 0):
        world.market.at = NOON + (n + 1) * MINUTE
        bar = a_minute(n, volume=20_000 if n == -1 else 2_000)
        market_feed.take_in(world.to, Heard(bars=(bar,)), Newest())
    assert len(stored(world)) == spikes
    about = [*world.book.universe.symbols[:4], "WHO"]
    article = {"created_at": NOON.isoformat(), "headline": "Five rise", "symbols": about}
    market_feed.take_in(world.to, Heard(articles=(article,)), Newest())
    assert len(stored(world)) == spikes + 4
