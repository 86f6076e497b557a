"""News, filings and minutes taken in: once, in time, and without stopping anything."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pipeline_market import MINUTE, NOON
from pipeline_world import World, world_of

from app.engine import tiers
from app.engine.book import RateLimit
from app.engine.errors import Rejected, Transient
from app.engine.events import Event, EventKind
from app.io.feeds.port import BadEntry, Events, Take, Watched
from app.io.locks import alone
from app.io.store import events, feed_marks, overrides
from app.jobs.run import run_nudged
from app.pipeline import filings, intake, news

DAY = timedelta(days=1)


@dataclass
class Told:
    """A source that says what it is told to, or fails so."""

    bucket: str = "news"
    says: Events | Exception = field(default_factory=lambda: Events(()))
    since: list[datetime] = field(default_factory=list)
    watched: list[Watched] = field(default_factory=list)

    def fetch(self, watched: Watched, since: datetime, now: datetime, take: Take) -> Events:
        take()
        self.since.append(since)
        self.watched.append(watched)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


def an_event(symbol: str | None = "AAPL", at: datetime = NOON, **changes: Any) -> Event:
    event = Event(f"e:{symbol}", EventKind.MARKET_NEWS, symbol, at, at, "test", "Something")
    return replace(event, **changes)


@pytest.fixture
def world(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path) as made:
        yield made


def wired(world: World, **sources: Told) -> None:
    world.services[0] = replace(world.to, events=sources)


def scan(world: World, step: Any = news.scan) -> str:
    with world.to.database.keep():
        return str(step(world.to))


def stored(world: World) -> list[Event]:
    with world.to.database.begin() as db:
        return events.listing(db, world.book.id, NOON - DAY)


def refused(world: World) -> list[str]:
    with world.to.database.begin() as db:
        query = "SELECT reason FROM quarantine ORDER BY id"
        return list(db.exec_driver_sql(query).scalars())


def marks(world: World) -> dict[str, feed_marks.Mark]:
    with world.to.database.begin() as db:
        return feed_marks.load(db, world.book.id)


def test_what_is_new_is_stored_once_and_claims_no_slot_of_the_signals(world: World) -> None:
    again = an_event(id="other:AAPL", title="SOMETHING!")
    source = Told(says=Events((an_event(), again, an_event("MSFT"))))
    wired(world, alpaca=source)
    assert "2 new" in scan(world)
    world.market.at += MINUTE
    assert "0 new" in scan(world)
    assert world.nudged == []
    assert [e.id for e in stored(world)] == ["e:AAPL", "e:MSFT"]
    assert source.since == [NOON - intake.FIRST_LOOK, NOON]
    assert world.taped("events.") == ["events.insert_once"]


def test_b4_a_tone_that_is_said_later_is_kept_and_is_no_news(world: World) -> None:
    """Alpaca tells an article at once and without a tone, Alpha Vantage later and with one."""
    told = an_event("AMD", tone=None)
    intake.take_in(world.to, "alpaca.stream", Events((told,)))
    world.market.at += 20 * MINUTE
    wired(world, alphavantage=Told(says=Events((replace(told, source="alphavantage", tone=0.6),))))
    assert "0 new" in scan(world)
    [kept] = stored(world)
    assert (kept.tone, kept.tone_at) == (0.6, world.market.at)
    assert replace(kept, tone=None, tone_at=None) == told
    assert tiers.woken(world.book, [kept], world.market.at) == frozenset()
    scan(world)
    assert stored(world) == [kept]
    assert world.taped("events.") == ["events.insert_once", "events.add_tones"]


def test_the_future_and_the_unusable_are_kept_once_and_counted(world: World) -> None:
    bad = tuple(BadEntry("", f"no {n}", "\x00\ud800") for n in range(150))
    soon = an_event("MSFT", NOON + 2 * MINUTE)
    says = Events((an_event("TSLA", NOON + DAY), soon), bad)
    wired(world, alpaca=Told(says=says))
    scan(world)
    scan(world)
    reasons = refused(world)
    assert len(reasons) == intake.MOST_BAD + 1
    assert reasons[-1] == "51 more entries of one answer are refused"
    assert [e.at for e in stored(world)] == [NOON]


def test_a_date_from_the_future_is_named(world: World) -> None:
    wired(world, alpaca=Told(says=Events((an_event("TSLA", NOON + DAY),))))
    scan(world)
    assert refused(world) == ["dated 2026-03-21 15:00 UTC, in the future"]
    assert stored(world) == []


def test_a_feed_that_fails_rests_and_the_others_go_on(world: World) -> None:
    broken = Told("filings", Transient("it is down"))
    wired(world, alpaca=Told(says=Events((an_event(),))), edgar=broken)
    assert "1 new" in scan(world)
    assert "it is down" in scan(world, filings.scan)
    mark = marks(world)["edgar"]
    assert (mark.failures, mark.said) == (1, "it is down")
    assert world.logged == ["feed_failed"]
    assert scan(world, filings.scan) == "no feed is due"
    world.market.at += MINUTE
    scan(world, filings.scan)
    assert marks(world)["edgar"].failures == 2
    world.market.at += MINUTE
    assert scan(world, filings.scan) == "no feed is due"
    world.market.at += MINUTE
    broken.says = Events(())
    scan(world, filings.scan)
    assert (marks(world)["edgar"].failures, marks(world)["edgar"].said) == (0, None)
    # What happened during the outage is asked for.
    assert broken.since[-1] == NOON - intake.FIRST_LOOK


def test_a_pause_that_was_asked_for_shuts_the_bucket(world: World) -> None:
    source = Told(says=Transient("not so fast", 600))
    wired(world, alpaca=source)
    scan(world)
    world.market.at += 9 * MINUTE
    assert "refused by the rate limit" in scan(world)
    world.market.at += 2 * MINUTE
    scan(world)
    assert len(source.since) == 2
    assert marks(world)["alpaca"].failures == 2


def test_a_refusal_is_written_down(world: World) -> None:
    wired(world, alpaca=Told(says=Rejected("401", "the key")))
    scan(world)
    assert marks(world)["alpaca"].said == "401: the key"


def test_one_feed_is_read_at_a_time(world: World) -> None:
    wired(world, alpaca=Told(), edgar=Told("filings"))
    other = world.worker()
    with other.database.keep(), alone(other.database, f"{world.book.id}:feeds") as first:
        assert first
        assert scan(world) == scan(world, filings.scan) == "another feed is being read"
    assert scan(world) == "alpaca: 0 new, 0 refused"


def test_the_calls_of_a_day_last_for_its_session(world: World) -> None:
    limits = dict(world.book.rate_limits) | {"alphavantage": RateLimit(25, DAY, 0)}
    sources = {f"av.{name}": Told("alphavantage") for name in ("fed", "earnings", "market")}
    book = replace(world.book, rate_limits=limits)
    world.services[0] = replace(world.to, book=book, events=sources)
    hours = world.to.calendar.session_for(NOON)
    world.market.at = hours.open - news.BEFORE_OPEN - MINUTE
    order = []
    while world.market.at <= hours.close + MINUTE:
        said = scan(world)
        order += [name for name in sources if name in said]
        world.market.at += 2 * MINUTE
    assert order[:4] == ["av.fed", "av.earnings", "av.market", "av.fed"]
    assert 20 <= len(order) <= 25
    assert (
        max(len(s.since) for s in sources.values()) - min(len(s.since) for s in sources.values())
        <= 1
    )


def test_a_feed_that_rests_leaves_the_days_calls_to_the_others(world: World) -> None:
    limits = dict(world.book.rate_limits) | {"alphavantage": RateLimit(25, DAY, 0)}
    down, up = Told("alphavantage", Transient("down")), Told("alphavantage")
    book = replace(world.book, rate_limits=limits)
    world.services[0] = replace(world.to, book=book, events={"av.fed": down, "av.market": up})
    asked = {"av.fed": NOON - 20 * MINUTE, "av.market": NOON - 18 * MINUTE}
    with world.to.database.begin() as db:
        for name, at in asked.items():
            feed_marks.asking(db, book.id, name, at, at)
        for _ in range(6):
            feed_marks.failed(db, book.id, "av.fed", "down")
    assert scan(world) == "av.market: 0 new, 0 refused"
    world.market.at += 17 * MINUTE
    assert scan(world) == "av.fed: down"


def test_i6_an_experiment_on_events_reaches_the_sources(world: World) -> None:
    source = Told()
    wired(world, alpaca=source)
    run_nudged(world.to, "scan_news", news.scan)
    with world.to.database.begin() as db:
        overrides.set(db, world.book.id, "EVENT_MIN_RELEVANCE", "0.3", "experiment:more", at=NOON)
    run_nudged(world.to, "scan_news", news.scan)
    assert [watched.min_relevance for watched in source.watched] == [0.5, 0.3]
    assert source.watched[-1].symbols == world.book.universe.symbols
