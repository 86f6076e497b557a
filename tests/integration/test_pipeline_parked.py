"""Exits that have to wait, and stops that cannot be placed: told once, kept, tried again."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pipeline_market import MINUTE, NOON, SECOND, D
from pipeline_world import World, a_book, world_of
from stops_world import CLOSE, flat, resting, run, sales, settle

from app.engine.book import BookStatus
from app.engine.orders import (
    OrderState,
    Purpose,
)
from app.io.store import recovery
from app.pipeline import exits


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path, stops=True) as made:
        made.open()
        yield made


@pytest.mark.parametrize("failure", ["hold", "close"])
def test_a_stop_that_cannot_be_placed_is_an_emergency(
    database_url: str, redis_url: str, tmp_path: Path, failure: str
) -> None:
    policy = replace(a_book().exits, stop_failure=failure)
    with world_of((database_url, redis_url), tmp_path, stops=True, exits=policy) as world:
        world.open()
        world.broker.line.extend(["", *["refuse"] * 4])
        world.buy("AAPL")
        for _ in range(7):
            world.wait(15 * SECOND)
            run(world)
            assert world.row().status is BookStatus.ACTIVE
        world.wait(15 * SECOND)
        run(world, 3)
        row = world.row()
        assert (row.status, row.set_by) == (BookStatus.REDUCING, "stop")
        assert "limit 0:02:00" in row.why
        # Each pause after a refusal is longer; with the alarm a stop is sold instead, or tried on.
        assert len(world.broker.tried) == (6 if failure == "close" else 5)
        assert world.logged.count("stop_not_placed") == 1
        assert world.reasons("protect").count("stop_not_placed") == 1
        with world.to.database.begin() as db:
            assert [d.kind for d in recovery.listing(db, world.book.id)].count("stop") == 1
        settle(world)
        assert flat(world) is (failure == "close")
        assert len(world.broker.tried) == 6
        assert bool(resting(world)) is (failure == "hold")


def parked(world: World) -> list[tuple[str, int, timedelta]]:
    with world.to.database.begin() as db:
        rows = db.exec_driver_sql("SELECT purpose, tries, retry_at FROM pending_exits").all()
    return [(purpose, tries, retry_at - world.market.at) for purpose, tries, retry_at in rows]


def test_what_the_broker_calls_closed_is_parked_told_once_and_sold_later(world: World) -> None:
    world.buy("AAPL")
    world.price("AAPL", "103.10")
    world.broker.line.extend(["closed", ""] * 3)  # the sale, and the stop that is placed anew
    pauses: list[Decimal] = []
    for _ in range(8):
        exits.check(world.to)
        run(world, 2)
        pauses += [D(p.seconds) for _, tries, p in parked(world) if tries > len(pauses)]
        world.wait(30 * SECOND)
    assert pauses == [60, 60, 60]
    assert world.reasons("execute").count("broker_rejected") == 3
    assert world.logged.count("exit_parked") == 1
    assert world.reasons("exits").count("exit_parked") == 1
    settle(world)
    exits.check(world.to)
    assert flat(world)
    assert parked(world) == []
    assert world.logged.count("exit_unparked") == 1


def test_what_is_left_after_the_close_is_announced_once_and_sold_at_the_open(world: World) -> None:
    world.buy("AAPL")
    world.at(CLOSE - 10 * SECOND)
    world.intend("AAPL", Purpose.STOP_LOSS)
    world.at(CLOSE + 10 * SECOND)
    run(world)
    assert parked(world) == [("stop_loss", 1, MINUTE)]
    for _ in range(4):
        world.wait(20 * MINUTE)
        exits.check(world.to)
        run(world)
    assert world.logged.count("exit_parked") == 1
    assert world.reasons("exits") == ["exit_parked"]
    world.at(NOON + timedelta(days=3))
    assert world.open() == "TRADING"
    exits.check(world.to)
    run(world, 2)
    settle(world)
    (sale,) = sales(world)
    assert (sale.purpose, sale.state) == (Purpose.STOP_LOSS, OrderState.FILLED)
    assert flat(world)


def test_a_pause_reaches_neither_past_the_close_nor_to_other_rules(world: World) -> None:
    """The broker calls a stock halted from half past three until just before the pre-close."""
    world.buy("AAPL")
    world.at(CLOSE - 30 * MINUTE)
    world.price("AAPL", "103.10")
    while world.market.at < CLOSE - 12 * MINUTE:
        world.broker.line.extend(["closed", ""])
        exits.check(world.to)
        run(world, 2)
        world.wait(30 * SECOND)
        world.broker.line.clear()
    assert parked(world)[0][0] == "take_profit"
    exits.check(world.to)
    run(world, 3)
    assert sales(world)[-1].purpose is Purpose.TAKE_PROFIT, "its pause has ended with the pre-close"
    assert sales(world)[-1].state is not OrderState.REJECTED
