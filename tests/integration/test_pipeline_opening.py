"""A book's day as a state machine: starts, restarts, sleep, and the steps of an opening."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pipeline_market import MINUTE, NOON, D
from pipeline_world import World, world_of
from sessions_world import (
    CLOSE,
    MONDAY,
    MONDAYS_CLOSE,
    OPEN,
    moves,
    noted,
    sell,
    settled,
    teller,
    the_day,
    whys,
)

from app.engine.errors import InvalidData, Transient
from app.io.store import settlements

WHOLE = ["INITIALIZING", "READY", "TRADING", "CLOSING", "CLOSED"]
HOUR = timedelta(hours=1)


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path, at=OPEN - 3 * HOUR) as made:
        yield made


def restart(world: World) -> None:
    """Start again: a new process has new services and remembers nothing."""
    world.services.insert(0, world.worker())


@pytest.mark.parametrize(
    ("opens", "closes"),
    [
        ("2026-03-06T14:30", "2026-03-06T21:00"),  # the last session of winter time
        ("2026-03-09T13:30", "2026-03-09T20:00"),  # the first of summer time
        ("2026-10-30T13:30", "2026-10-30T20:00"),
        ("2026-11-02T14:30", "2026-11-02T21:00"),
        ("2025-11-28T14:30", "2025-11-28T18:00"),  # a half day
    ],
)
def test_a_day_with_a_restart_in_each_phase(world: World, opens: str, closes: str) -> None:
    begin, end = (datetime.fromisoformat(f"{t}:00+00:00") for t in (opens, closes))
    for moment in (begin - 35 * MINUTE, begin - 5 * MINUTE, begin, end - 12 * MINUTE, end):
        world.at(moment)
        here = world.open()
        restart(world)
        assert world.open() == here
        restart(world)
    assert moves(world, begin) == WHOLE
    row = settled(world, begin)
    assert (row.late, row.cash_open, row.cash_close, row.difference) == (False, 100_000, 100_000, 0)
    with world.to.database.begin() as db:
        stamps = db.exec_driver_sql("SELECT at, to_state FROM market_states ORDER BY id").all()
    assert [at for at, _ in stamps] == [
        begin - 35 * MINUTE, begin - 5 * MINUTE, begin, end - 12 * MINUTE, end
    ]  # fmt: skip


@pytest.mark.parametrize("day", ["2026-03-21T15:00", "2026-04-03T15:00"])
def test_a_day_without_a_session_leaves_no_trace(world: World, day: str) -> None:
    world.at(datetime.fromisoformat(f"{day}:00+00:00"))
    assert world.open() == "OFFLINE"
    with world.to.database.begin() as db:
        assert db.exec_driver_sql("SELECT count(*) FROM market_states").scalar() == 0


def test_a_start_in_the_middle_of_a_day_says_what_it_passed(world: World) -> None:
    world.at(NOON)
    assert world.open() == "TRADING"
    said = whys(world, NOON)
    assert list(said) == ["INITIALIZING", "READY", "TRADING"]
    assert said["INITIALIZING"] == "on the way to TRADING"
    assert said["READY"] == "reconciled: cash 100000 USD, 0 positions, settings fingerprint"
    assert said["TRADING"] == "the clock"


def test_a_start_after_the_close_settles_an_empty_day(world: World) -> None:
    world.at(CLOSE + HOUR)
    assert world.open() == "CLOSED"
    assert moves(world, NOON) == WHOLE
    row = settled(world, NOON)
    assert (row.late, row.trades, row.difference) == (False, 0, 0)


def test_two_days_in_a_row(world: World) -> None:
    for moment in (OPEN, CLOSE, MONDAY, MONDAYS_CLOSE):
        world.at(moment)
        world.open()
    assert moves(world, NOON) == moves(world, MONDAY) == WHOLE
    with world.to.database.begin() as db:
        both = settlements.between(db, world.book.id, NOON.date(), MONDAY.date())
    assert [(row.date, row.late) for row in both] == [(NOON.date(), False), (MONDAY.date(), False)]


# -- opening ------------------------------------------------------------------------------------


def test_a_refused_key_keeps_the_session_initializing_until_it_is_taken(world: World) -> None:
    bank = teller(world)
    bank.refuses = True
    world.at(NOON)
    for _ in range(2):
        assert world.open() == "INITIALIZING"
    assert world.logged.count("session_not_ready") == 1
    why = "the broker refuses the key: request is not authorized"
    assert noted(world, "opening") == [("authenticate", "2026-03-20", why, "tried again")]
    bank.refuses = False
    assert world.open() == "TRADING"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"barred": ("trading_blocked", "trade_suspended_by_user")},
            "the broker bars the account: trading_blocked, trade_suspended_by_user",
        ),
        ({"currency": "EUR"}, "the account is in EUR, the book in USD"),
        ({"cash": D("-12.5")}, "the account owes 12.5 USD: a book trades with cash only"),
    ],
)
def test_an_account_that_may_not_trade_is_said_and_looked_at_again(
    world: World, changes: dict[str, object], why: str
) -> None:
    bank = teller(world)
    bank.changes = changes
    world.at(NOON)
    assert world.open() == "INITIALIZING"
    assert noted(world, "opening") == [("check the account", "2026-03-20", why, "tried again")]
    world.signal("AAPL")
    world.run()
    assert world.theirs() == []
    bank.changes = None
    assert world.open() == "TRADING"


def test_each_step_is_tried_again_by_its_name(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise Transient("it is down")

    world.at(NOON)
    places = {
        "load settings": "app.pipeline.in_force.usable",
        "load the strategy": "app.io.store.book_states.load",
        "fetch history": "app.pipeline.history.windows",
        "recover": "app.pipeline.ledger.equity_of",
    }
    for step, place in places.items():
        with monkeypatch.context() as patch:
            patch.setattr(place, broken)
            assert world.open() == "INITIALIZING", step
    assert [subject for subject, *_ in noted(world, "opening")] == list(places)
    assert world.open() == "TRADING"
    assert moves(world, NOON) == ["INITIALIZING", "READY", "TRADING"]


def test_an_engine_memory_that_cannot_be_read_is_a_step_that_fails(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_: object) -> None:
        raise InvalidData("the memory is of another version")

    world.at(NOON)
    with monkeypatch.context() as patch:
        patch.setattr("app.io.store.book_states.from_json", unreadable)
        assert world.open() == "INITIALIZING"
    assert [subject for subject, *_ in noted(world, "opening")] == ["load the strategy"]


def test_a_book_that_disagrees_with_its_broker_is_not_ready(world: World) -> None:
    world.at(NOON)
    world.open()
    world.buy("AAPL")
    world.at(CLOSE)
    world.open()
    with world.to.database.begin() as db:
        db.exec_driver_sql("UPDATE positions SET quantity = quantity + 1")
    world.at(MONDAY)
    assert world.open() == "INITIALIZING"
    assert noted(world, "opening")[-1][::2] == ("recover", "1 positions differ")
    with world.to.database.begin() as db:
        db.exec_driver_sql("UPDATE positions SET quantity = quantity - 1")
    assert world.open() == "TRADING"
    assert the_day(world, MONDAY).cash_open == settled(world, NOON).broker_cash


def test_what_is_held_can_be_sold_while_the_account_keeps_the_book_from_opening(
    world: World,
) -> None:
    world.at(NOON)
    world.open()
    world.buy("AAPL")
    world.at(CLOSE)
    world.open()
    teller(world).changes = {"cash": D(-1)}
    world.at(MONDAY + MINUTE)
    assert world.open() == "INITIALIZING"
    world.signal("MSFT")
    sell(world, "AAPL")
    assert world.held() == {}
    assert [order.symbol for order in world.theirs()] == ["AAPL", "AAPL"]
