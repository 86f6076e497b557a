"""Quotes by tier and token: who pays, who is asked for, and bars that join two samples or none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pipeline_market import MINUTE, NOON, SECOND, Market
from pipeline_world import World, world_of

from app.config.loading import load
from app.engine.book import RateLimit
from app.engine.errors import Transient
from app.engine.ids import slot_of
from app.engine.market import Quote
from app.io.buckets import Buckets
from app.io.feeds.port import BadEntry, Bars, Quotes, Take, Throttled
from app.io.store import bars, events
from app.io.store import quotes as quote_rows
from app.pipeline import history, quotes
from app.pipeline.services import Services

TICK = 30 * SECOND
SHIPPED = load({}, Path("no such file")).book("us_baskets").rate_limits


@dataclass
class Listener:
    """The market, and what it was asked for."""

    market: Market
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def latest(self, symbols: Sequence[str], take: Take) -> Quotes:
        self.asked.append(tuple(symbols))
        return self.market.latest(symbols, take)

    def minute_bars(
        self, symbols: Sequence[str], start: datetime, end: datetime, take: Take
    ) -> Bars:
        return self.market.minute_bars(symbols, start, end, take)


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path) as made:
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


def empty(to: Services, *names: str) -> None:
    for name in names:
        while to.buckets.take(name, to.clock.now()).allowed:
            pass


def granted(to: Services) -> dict[str, int]:
    return {level.name: level.granted for level in to.buckets.levels() if level.granted}


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
    world.happens("AMD")
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
    stale.quotes.latest = lambda symbols, take: Quotes({"AAPL": late})  # type: ignore[method-assign]
    update(stale, world.market.at)
    assert [s for s, reason in world.quarantined() if "out of order" in reason] == ["AAPL"]
    with world.to.database.begin() as db:
        assert quote_rows.load(db, world.book.id)["AAPL"].at == world.market.at


def test_b3_what_counts_our_calls_is_left_alone_for_as_long_as_it_says(
    world: World, limited: Services, listener: Listener
) -> None:
    def refuse(symbols: Sequence[str], take: Take) -> Quotes:
        take()
        raise Transient("the market data were asked too fast", 45)

    refused = replace(limited, quotes=Listener(world.market))
    refused.quotes.latest = refuse  # type: ignore[method-assign]
    with pytest.raises(Transient, match="too fast"):
        update(refused, NOON)
    world.market.at = NOON + TICK
    assert "tier_a refused by the rate limit for 15 s" in update(limited, NOON + TICK)
    assert "refused by the rate limit history" in history.backfill(limited)
    assert listener.asked == []
    world.market.at = NOON + 2 * TICK
    update(limited, NOON + 2 * TICK)
    assert len(listener.asked) == 1


def test_b3_a_repeated_request_costs_another_token(limited: Services) -> None:
    def repeat(symbols: Sequence[str], take: Take) -> Quotes:
        while True:
            take()

    limited.quotes.latest = repeat  # type: ignore[method-assign]
    with pytest.raises(Throttled, match=r"quotes\.tier_a"):
        update(limited, NOON)
    assert granted(limited) == {"quotes.tier_a": 6}


def test_b6_a_minute_between_two_samples_is_two_bars_and_no_spike(
    world: World, listener: Listener
) -> None:
    """Tier B is seen every 60 s: twice its usual volume is not four times that of 30 s."""
    volumes = {"AMZN": 0.0}

    def tape(symbols: Sequence[str], take: Take) -> Quotes:
        quote = world.market.quote("AAPL")
        return Quotes({"AMZN": replace(quote, symbol="AMZN", day_volume=volumes["AMZN"])})

    listener.latest = tape  # type: ignore[method-assign]
    to = replace(world.to, quotes=listener)
    for minute in range(16):
        world.market.at = NOON + minute * MINUTE + SECOND
        volumes["AMZN"] += 10_000 if minute < 15 else 22_000
        update(to, NOON + minute * MINUTE)
    with world.to.database.begin() as db:
        panel = bars.panel(db, world.book.id, ["AMZN"], NOON + 15 * MINUTE, TICK, 30)
        assert list(panel.volume[0]) == [5_000.0] * 28 + [11_000.0] * 2
        assert events.listing(db, world.book.id, NOON) == []


@pytest.mark.parametrize(("late", "count"), [(TICK, 2), (MINUTE + TICK, 0)])
def test_b7_a_missed_sample_is_bridged_and_a_gap_is_not(
    world: World, late: timedelta, count: int
) -> None:
    """Of tier A: two intervals lie between two samples at most."""
    made = []
    for at in (NOON, NOON + TICK, NOON + 2 * TICK + late):
        world.market.at = at + SECOND
        made.append(update(world.to, at))
    assert ("AAPL" in made[-1]) == (count == 0)
    with world.to.database.begin() as db:
        drawn = "SELECT count(*) FROM bars_30s WHERE symbol = 'AAPL' AND source = 'live'"
        assert db.exec_driver_sql(drawn).scalar_one() == 1 + count


def test_b7_symbols_that_nobody_knows_are_named_once_a_day(world: World) -> None:
    def latest(symbols: Sequence[str], take: Take) -> Quotes:
        seen = world.market.latest(symbols, take)
        return replace(seen, bad=tuple(BadEntry(s, unknown, "") for s in ("TSLAX", "AAPLX")))

    unknown = "unknown to the market data"
    to = replace(world.to, quotes=Listener(world.market))
    to.quotes.latest = latest  # type: ignore[method-assign]
    for at in (NOON, NOON + TICK):
        world.market.at = at
        assert "2 refused" in update(to, at)
    assert world.quarantined() == [("TSLAX", unknown), ("AAPLX", unknown)]
    with world.to.database.begin() as db:
        assert quote_rows.load(db, world.book.id)["AAPL"].at == NOON + TICK
