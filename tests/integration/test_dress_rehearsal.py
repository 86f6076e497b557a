"""The dress rehearsal: what begins the five sessions anew is refused, whatever came after it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pipeline_market import MINUTE, D
from pipeline_world import World
from rehearsal_world import (
    CLOSE,
    DAY,
    FIRST,
    HOUR,
    close,
    live_through,
    looked,
    refused,
    rehearsal_of,
    restart,
    stay,
    trade,
)

from app.engine.book import BookStatus
from app.io.store import overrides, positions, recovery, status_log
from app.io.store.recovery import Difference
from app.pipeline import in_force, sessions
from app.pipeline.claims import FROZEN
from app.pipeline.differences import STOPPED
from app.pipeline.refusals import WATCHED


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with rehearsal_of((database_url, redis_url), tmp_path) as made:
        yield made


def test_five_sessions_without_a_fault_pass_and_four_do_not(world: World) -> None:
    live_through(world, range(4))
    assert refused(looked(world)) == ["sessions"]
    last = FIRST + 4 * DAY
    trade(world, last)
    assert refused(looked(world)) == ["sessions", "attended", "settlement", "reconciled"]
    stay(world, last)
    close(world, last)
    assert refused(looked(world)) == []


def test_a_book_without_sessions_refuses_them_all(world: World) -> None:
    sessions.advance(world.to)
    assert "sessions" in refused(looked(world))
    with world.to.database.begin() as db:
        db.exec_driver_sql("DELETE FROM sessions")
    assert set(refused(looked(world))) == set(looked(world))


# -- the code and the settings ------------------------------------------------------------------


def test_what_is_to_trade_is_what_was_rehearsed(world: World) -> None:
    live_through(world)
    assert refused(looked(world, code="0" * 40)) == ["rehearsed_code"]
    changed = looked(world, MAX_POSITIONS="3")
    assert refused(changed) == ["rehearsed_settings"]
    assert "MAX_POSITIONS was 4" in changed["rehearsed_settings"][1]
    # Other code that starts after the last close has rehearsed nothing.
    world.at(FIRST + 4 * DAY + CLOSE + MINUTE)
    restart(world, code="0" * 40)
    assert refused(looked(world, code="0" * 40)) == ["rehearsed_code"]
    assert refused(looked(world)) == []


@pytest.mark.parametrize("hours", [3, 20], ids=["in a session", "in a night"])
def test_other_code_in_between_begins_the_five_anew(world: World, hours: int) -> None:
    live_through(world, range(2))
    trade(world, FIRST + 2 * DAY)
    stay(world, FIRST + 2 * DAY)
    world.at(max(world.market.at, FIRST + 2 * DAY + hours * HOUR))
    restart(world, code="0" * 40)
    restart(world)
    world.at(FIRST + 2 * DAY + CLOSE)
    close(world, FIRST + 2 * DAY)
    live_through(world, range(3, 5))
    assert refused(looked(world)) == ["rehearsed_code"]


def test_settings_that_were_changed_and_changed_back_begin_the_five_anew(world: World) -> None:
    live_through(world, range(2))
    for ends in (None, world.market.at):
        with world.to.database.begin() as db:
            name, now = "experiment:wider", world.market.at
            overrides.set(db, world.book.id, "MAX_POSITIONS", "6", name, at=now, until=ends)
        in_force.current(world.to)
    live_through(world, range(2, 5))
    found = looked(world)
    assert refused(found) == ["rehearsed_settings"]
    assert "MAX_POSITIONS was 6" in found["rehearsed_settings"][1]


def test_a_simulated_exchange_is_no_rehearsal(world: World) -> None:
    live_through(world)
    simulated = {"ALPACA_TRADING_URL": "http://127.0.0.1:4711"}
    assert refused(looked(world, **simulated)) == []
    for name, text in (("ALPACA_TRADING_URL", "127.0.0.1"), ("MARKET_SPEED", "600")):
        with world.to.database.begin() as db:
            changed = 'UPDATE settings_log SET "values" = "values" || jsonb_build_object(%s, %s)'
            db.exec_driver_sql(changed, (name, text))
        found = looked(world, **simulated)
        assert refused(found) == ["rehearsed_settings"]
        assert f"{name} was {text}" in found["rehearsed_settings"][1]


# -- the book and whoever looked after it -------------------------------------------------------


def test_a_book_that_was_reduced_in_between_begins_the_five_anew(world: World) -> None:
    live_through(world, range(3))
    world.set_status(BookStatus.REDUCING, "rate fuse: 31 orders")
    world.set_status(BookStatus.ACTIVE, "it was nothing")
    live_through(world, range(3, 5))
    found = looked(world)
    assert refused(found) == ["status"]
    assert "REDUCING at 2026-03-18" in found["status"][1]


def test_a_book_that_was_reduced_before_the_first_open_counts_from_its_resume(world: World) -> None:
    sessions.advance(world.to)
    world.set_status(BookStatus.REDUCING)
    world.set_status(BookStatus.ACTIVE)
    live_through(world)
    assert refused(looked(world)) == []
    with world.to.database.begin() as db:
        said = [entry.status for entry in status_log.since(db, world.book.id, FIRST - DAY)]
    assert said == ["ACTIVE", "REDUCING", "ACTIVE"]


def test_a_stack_that_starts_after_each_close_has_rehearsed_nothing(world: World) -> None:
    for n in range(5):
        world.at(FIRST + n * DAY + CLOSE + timedelta(hours=2, minutes=30))
        assert sessions.advance(world.to) == "CLOSED"
    found = looked(world)
    assert refused(found) == ["attended"]
    assert "0 of 5 sessions were traded" in found["attended"][1]


def test_sessions_that_were_slept_through_have_rehearsed_nothing(world: World) -> None:
    for n in range(5):
        world.at(FIRST + n * DAY + 5 * MINUTE)
        assert sessions.advance(world.to) == "TRADING"
    close(world, FIRST + 4 * DAY)
    found = looked(world)
    assert refused(found) == ["attended", "settlement"]
    assert "2026-03-17: settled late" in found["settlement"][1]


def test_a_session_with_nobody_there_at_noon_has_rehearsed_nothing(world: World) -> None:
    live_through(world, range(4))
    last = FIRST + 4 * DAY
    trade(world, last)
    world.at(last + CLOSE - 10 * MINUTE)
    assert sessions.advance(world.to) == "CLOSING"
    close(world, last)
    found = looked(world)
    assert refused(found) == ["attended"]
    assert "2026-03-20: not compared with the broker for" in found["attended"][1]


# -- what differed ------------------------------------------------------------------------------


def test_what_was_left_to_a_person_is_refused_and_an_outage_is_not(world: World) -> None:
    live_through(world)
    for kind, action, items in (
        ("broker", STOPPED, []),
        ("position", STOPPED, ["differences"]),
        ("order", "refused: no fill", ["differences"]),
        ("order", FROZEN, ["differences"]),
        ("exit", WATCHED, ["differences"]),
    ):
        with world.to.database.begin() as db:
            db.exec_driver_sql("DELETE FROM recovery_logs")
            found = Difference(world.market.at, kind, "AAPL", "1", "2", action)
            recovery.add(db, world.book.id, found)
        assert refused(looked(world)) == items


def test_every_fault_of_a_rehearsal_is_refused_by_its_item(world: World) -> None:
    live_through(world)
    with world.to.database.begin() as db:
        db.exec_driver_sql("UPDATE daily_settlements SET broker_cash = broker_cash + 1")
    assert refused(looked(world)) == ["settlement"]
    world.set_status(BookStatus.REDUCING)
    with world.to.database.begin() as db:
        held = positions.load(db, world.book.id)["AAPL"]
        held = replace(held, quantity=D(7), average_price=D(100))
        positions.save(db, world.book.id, held, world.market.at)
        db.exec_driver_sql("DELETE FROM sessions WHERE date = '2026-03-18'")
        db.exec_driver_sql("UPDATE book_states SET reconciled_at = NULL")
    assert refused(looked(world)) == [
        "sessions",
        "invariants",
        "settlement",
        "status",
        "reconciled",
    ]
