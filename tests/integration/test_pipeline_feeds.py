"""News, filings and minutes taken in: once, in time, and without stopping anything."""

from collections.abc import Iterator, Sequence
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
from app.io.feeds.port import BadEntry, Events, Take
from app.io.locks import alone
from app.io.store import events, feed_marks
from app.pipeline import filings, intake, minutes, news
from app.pipeline.minutes import Newest

DAY = timedelta(days=1)


@dataclass
class Told:
    """A source that says what it is told to, or fails so."""

    bucket: str = "news"
    says: Events | Exception = field(default_factory=lambda: Events(()))
    since: list[datetime] = field(default_factory=list)

    def fetch(self, since: datetime, now: datetime, take: Take) -> Events:
        take()
        self.since.append(since)
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
    with world.to.database.begin() as db:
        assert list(db.exec_driver_sql("SELECT kind FROM tape").scalars()) == ["events:alpaca"]


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
    with world.to.database.begin() as db:
        taped = db.exec_driver_sql("SELECT kind FROM tape ORDER BY id").scalars()
        assert list(taped) == ["events:alpaca.stream", "tones:alphavantage"]


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


# -- minutes ---------------------------------------------------------------------------------------


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
