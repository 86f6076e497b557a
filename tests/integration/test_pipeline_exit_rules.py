"""What rules measure is read from our own tables: gaps from bars, trends from the panel."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pipeline_market import CALENDAR, MINUTE, NOON, SECOND
from pipeline_world import World, world_of

from app.engine.market import Bar
from app.engine.orders import Purpose
from app.io.store import bars
from app.pipeline import exits

#: Monday's open, the next session after NOON's.
MONDAY = CALENDAR.next_after(NOON.date())


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path) as made:
        made.open()
        made.buy("AAPL")
        yield made


def a_bar(world: World, at: datetime, first: float, last: float) -> None:
    low, high = sorted((first, last))
    bar = Bar("AAPL", at, first, high, low, last, 100.0)
    no_bar(world, at)
    with world.to.database.begin() as db:
        bars.insert(db, world.book.id, [bar], "live")


def no_bar(world: World, at: datetime) -> None:
    with world.to.database.begin() as db:
        db.exec_driver_sql("DELETE FROM bars_30s WHERE symbol = 'AAPL' AND at = %s", (at,))


def decided(world: World) -> list[tuple[Any, ...]]:
    with world.to.database.begin() as db:
        rows = db.exec_driver_sql(
            "SELECT gate, measured, \"limit\" FROM verdicts WHERE step = 'exits' ORDER BY id"
        )
        return [tuple(row) for row in rows]


@pytest.mark.parametrize(
    ("opened", "sold"), [(97.5, ("gap", "-2.5", "-2.01")), (98.5, None), (110.0, None)]
)
def test_f9_a_gap_is_measured_from_the_last_close_to_the_first_price(
    world: World, opened: float, sold: tuple[str, str, str] | None
) -> None:
    before = CALENDAR.session_for(NOON)
    a_bar(world, before.close - 30 * SECOND, 90.0, 100.0)
    a_bar(world, before.close + 30 * SECOND, 50.0, 50.0)  # after the close: no reference
    a_bar(world, MONDAY.open, opened, 99.0)
    a_bar(world, MONDAY.open + 30 * SECOND, 80.0, 99.0)
    world.price("AAPL", "99")
    world.at(MONDAY.open + 6 * MINUTE)  # the clean-up is over, so that only prices decide
    exits.check(world.to)
    exits.check(world.to)
    assert decided(world) == ([sold] if sold else [])
    assert world.logged.count("exit") == len(decided(world))


def test_f9_what_was_bought_today_has_no_gap(world: World) -> None:
    session = CALENDAR.session_for(NOON)
    a_bar(world, CALENDAR.previous(session.date).close - 30 * SECOND, 200.0, 200.0)
    a_bar(world, session.open, 100.0, 100.0)
    exits.check(world.to)
    assert decided(world) == []


def test_f5_a_fall_of_its_own_breaks_the_trend_of_a_position(world: World) -> None:
    for n in range(30):
        price = 100.8 - 0.04 * n
        a_bar(world, NOON - (30 - n) * 30 * SECOND, price, price - 0.04)
    world.price("AAPL", "99.6")
    world.at(NOON + 2 * SECOND)
    exits.check(world.to)
    ((rule, measured, limit),) = decided(world)
    assert (rule, limit) == ("trend_break", "-0.6")
    assert -1 < float(measured) <= -0.6
    world.run()
    assert world.order("AAPL").purpose is Purpose.TREND_BREAK


def test_b7_a_trend_of_bars_after_a_gap_sells_nothing(world: World) -> None:
    """Six minutes without a trade shrink what the trend is measured by: any fall looks steep."""
    for n in range(30):
        price, at = 100.8 - 0.04 * n, NOON - (30 - n) * 30 * SECOND
        if 12 <= n < 24:
            no_bar(world, at)
        else:
            a_bar(world, at, price, price - 0.04)
    world.price("AAPL", "99.6")
    world.at(NOON + 2 * SECOND)
    exits.check(world.to)
    assert decided(world) == []


def test_the_best_price_is_remembered_and_forgotten_with_its_position(world: World) -> None:
    for price in ("101", "102", "101.5"):
        world.price("AAPL", price)
        exits.check(world.to)
    assert world.held()["AAPL"].peak_price == 102
    world.market.at += 3 * MINUTE
    world.market.prices["AAPL"] = world.market.prices["MSFT"]  # and nobody has quoted it
    exits.check(world.to)
    assert world.held()["AAPL"].peak_price == 102
    world.price("AAPL", "100.4")
    exits.check(world.to)
    world.run()
    world.wait(timedelta(seconds=31))
    world.run()
    assert world.held() == {}
    world.buy("AAPL")
    assert world.held()["AAPL"].peak_price is None
