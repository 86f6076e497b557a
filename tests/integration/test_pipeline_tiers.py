"""The weekly proposal of tiers: when it is due, what it leaves, and what it changes."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pipeline_market import NOON, SECOND, D
from pipeline_world import World, world_of

from app.pipeline import tiers
from app.pipeline.services import Services

CLOSE = NOON.replace(hour=20)


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path, at=CLOSE) as made:
        for symbol in made.book.universe.symbols:
            made.market.prices.setdefault(symbol, (D("99.99"), D("100.01")))
        made.market.drift = {"NFLX": 0.001, "TSLA": 0.0005, "NVDA": 0.0005, "MSFT": 0.0005}
        yield made


def proposals(to: Services) -> list[tuple[datetime, list[str], bool]]:
    with to.database.begin() as db:
        rows = db.exec_driver_sql("SELECT at, tier_a, applied FROM tier_proposals ORDER BY at")
        return [(at, tier_a, applied) for at, tier_a, applied in rows]


def overrides(to: Services) -> dict[str, tuple[str, str]]:
    with to.database.begin() as db:
        rows = db.exec_driver_sql("SELECT name, value, source FROM overrides")
        return {name: (value, source) for name, value, source in rows}


def test_b2_once_a_week_after_its_last_session(world: World) -> None:
    assert tiers.propose(world.to).startswith("proposed: ")
    assert proposals(world.to) == [(CLOSE, ["NVDA", "MSFT", "TSLA", "NFLX"], False)]
    assert world.logged == ["tiers_proposed"]
    assert overrides(world.to) == {}
    assert len(world.market.asked) == 5
    for later in (timedelta(hours=1), timedelta(days=3), timedelta(days=7, seconds=-1)):
        world.market.at = CLOSE + later
        assert tiers.propose(world.to) == "proposed already"
    world.market.at = CLOSE + timedelta(days=7)
    assert tiers.propose(world.to).startswith("proposed: ")


def test_a_machine_that_was_off_over_the_weekend_catches_up(world: World) -> None:
    tiers.propose(world.to)
    world.market.at = CLOSE + timedelta(days=10)
    assert tiers.propose(world.to).startswith("proposed: ")
    assert world.market.asked[-1][2] == CLOSE - timedelta(days=-3)


def test_b2_a_proposal_is_applied_where_the_book_says_so(world: World) -> None:
    universe = replace(world.book.universe, apply_proposals=True)
    eager = replace(world.to, book=replace(world.book, universe=universe))
    assert tiers.propose(eager).startswith("applied: ")
    assert overrides(eager) == {
        "TIER_A_TICKERS": ("NVDA,MSFT,TSLA,NFLX", "tiers"),
        "TIER_B_TICKERS": ("AAPL,AMZN,GOOGL,SQQQ", "tiers"),
        "BENCH_TICKERS": ("META,AMD,AVGO,SOXS", "tiers"),
    }
    assert proposals(eager)[0][2]


def test_without_bars_nothing_is_proposed_and_it_is_tried_again(world: World) -> None:
    prices = world.market.prices.copy()
    world.market.prices.clear()
    assert tiers.propose(world.to) == "no bars to propose tiers from"
    assert proposals(world.to) == []
    world.market.prices.update(prices)
    world.market.at += 10 * SECOND
    assert tiers.propose(world.to).startswith("proposed: ")
