"""Whoever dies in a closing, after any of its steps, leaves exactly one settlement."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pipeline_market import MINUTE, NOON, SECOND, D
from pipeline_world import World, world_of
from sessions_world import (
    CLOSE,
    MONDAY,
    a_busy_day,
    moves,
    noted,
    rows,
    settled,
    teller,
)

from app.engine.portfolio import Fee

HOUR = timedelta(hours=1)
FRIDAY = NOON.date()


class Killed(BaseException):
    """What ends a process: nothing in the program catches it."""


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path, at=NOON) as made:
        assert made.open() == "TRADING"
        yield made


#: Every step of a closing, in order: the process dies as soon as each is done.
STEPS = [
    "app.pipeline.reconcile.reconcile",
    "app.pipeline.closing._open_here",
    "app.pipeline.closing._open_there",
    "app.pipeline.charges.charged_lately",
    "app.pipeline.kpis.write_last",
    "app.io.store.fees.insert_once",
    "app.io.store.settlements.insert_once",
    "app.pipeline.settling.settle",
    "app.io.store.accounts.add",
    "app.pipeline.report.write",
    "app.io.store.sessions.save",
    "app.io.store.market_states.add",
    "app.pipeline.closing._close",
]


def dying(after: Callable[..., Any]) -> Callable[..., Any]:
    def die(*given: Any, **named: Any) -> Any:
        after(*given, **named)
        raise Killed

    return die


@pytest.mark.parametrize("late", [False, True], ids=["at the close", "late"])
def test_whoever_dies_in_a_closing_leaves_one_settlement(
    world: World, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    bank = teller(world)
    a_busy_day(world)
    bank.deposited, bank.charged = D(7), (Fee("one", FRIDAY, D("0.37")),)
    world.at(CLOSE - MINUTE)
    assert world.open() == "CLOSING"
    world.at(MONDAY - 5 * HOUR if late else CLOSE + SECOND)
    left_out = {"app.io.store.accounts.add", "app.pipeline.kpis.write_last"} if late else set()
    for place in [step for step in STEPS if step not in left_out]:
        module, _, name = place.rpartition(".")
        with monkeypatch.context() as patch:
            patch.setattr(place, dying(getattr(__import__(module, fromlist=[name]), name)))
            with pytest.raises(Killed):
                world.open()
        assert rows(world, "daily_settlements") == rows(world, "fees") == 0, place
        assert moves(world, NOON)[-1] == "CLOSING", place
    world.open()
    world.open()
    assert moves(world, NOON)[-1] == "CLOSED"
    assert rows(world, "daily_settlements") == rows(world, "reports") == rows(world, "fees") == 1
    assert moves(world, NOON).count("CLOSED") == 1
    row = settled(world, NOON)
    assert (row.difference, row.fees, row.late) == (7, D("0.37"), late)
    assert len(noted(world, "settlement")) == 1


def test_whoever_dies_after_the_closing_changes_nothing_any_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.at(CLOSE)
    with monkeypatch.context() as patch:
        patch.setattr("app.io.streams.Streams.trim", dying(lambda _: None))
        with pytest.raises(Killed):
            world.open()
    assert world.open() == "CLOSED"
    assert rows(world, "daily_settlements") == 1
