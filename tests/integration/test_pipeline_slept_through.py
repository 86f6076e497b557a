"""Days that nobody was there to close: settled late, without what has happened since."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pipeline_market import MINUTE, NOON, D
from pipeline_world import World, world_of
from sessions_world import (
    CLOSE,
    MONDAY,
    MONDAYS_CLOSE,
    a_busy_day,
    close,
    moves,
    noted,
    page,
    settled,
    teller,
    the_day,
    whys,
)

from app.engine.orders import OrderState, Purpose

HOUR = timedelta(hours=1)


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path, at=NOON) as made:
        assert made.open() == "TRADING"
        yield made


def test_a_day_slept_through_is_settled_late(world: World) -> None:
    a_busy_day(world)
    cash = world.broker.ledger.account().cash
    world.at(MONDAY + MINUTE)
    assert world.open() == "TRADING"
    row = settled(world, NOON)
    assert (row.late, row.cash_close, row.difference) == (True, cash, 0)
    assert row.broker_equity is None
    assert row.positions.keys() == {"NVDA"}
    assert moves(world, NOON)[-2:] == ["CLOSING", "CLOSED"]
    said = whys(world, NOON)
    assert said["CLOSING"] == "nobody was there when it ended"
    assert said["CLOSED"].startswith("settled late: cash ")
    assert world.logged.count("session_slept_through") == 1
    body, html = page(world)
    assert (body["settlement"]["late"], body["fills"]) == (True, 15)
    assert "settled late" in html
    assert moves(world, MONDAY) == ["INITIALIZING", "READY", "TRADING"]


def test_a_day_slept_through_is_settled_on_the_weekend_too(world: World) -> None:
    world.buy("AAPL")
    world.at(NOON + timedelta(days=1))
    assert world.open() == "OFFLINE"
    assert settled(world, NOON).late


def test_late_prices_are_those_of_the_close_and_not_of_today(world: World) -> None:
    world.buy("AAPL")
    world.price("AAPL", "140")
    world.at(MONDAY + MINUTE)
    world.market.asked.clear()
    world.open()
    closing = [each for each in world.market.asked if each[2] == CLOSE and each[0] == ("AAPL",)]
    assert closing == [(("AAPL",), CLOSE - 15 * MINUTE, CLOSE)]
    row = settled(world, NOON)
    assert row.positions["AAPL"]["price"] == "140"
    assert row.equity_close == row.cash_close + D(row.positions["AAPL"]["quantity"]) * 140


def test_what_filled_since_is_not_in_the_day_that_was_slept_through(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """A stop that rested sells on Monday, before anybody is there again."""
    with world_of((database_url, redis_url), tmp_path, stops=True) as world:
        world.open()
        bought = world.buy("AAPL")
        world.run()
        stop = next(o for o in world.orders() if o.purpose is Purpose.PROTECT)
        assert stop.state is OrderState.SUBMITTED
        cash = world.broker.ledger.account().cash
        world.at(MONDAY + 10 * MINUTE)
        world.price("AAPL", "90")
        assert world.broker.ledger.positions() == {}
        world.at(MONDAY + 30 * MINUTE)
        assert world.open() == "TRADING"
        friday = settled(world, NOON)
        assert (friday.late, friday.cash_close, friday.broker_cash) == (True, cash, cash)
        assert friday.realised == 0
        assert D(friday.positions["AAPL"]["quantity"]) == bought.quantity
        world.at(MONDAYS_CLOSE)
        assert world.open() == "CLOSED"
        monday = settled(world, MONDAY)
        assert (monday.cash_open, monday.difference, monday.positions) == (cash, 0, {})
        assert monday.realised == bought.quantity * (D("89.99") - D("100.01"))
        assert monday.trades == 1


def test_a_date_on_which_a_stop_sold_and_nobody_was_there_has_its_settlement(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """Bought on Friday and closed; down all Monday, when the stop sells; back on Tuesday."""
    with world_of((database_url, redis_url), tmp_path, stops=True) as world:
        world.open()
        world.buy("AAPL")
        world.run()
        world.at(CLOSE)
        assert world.open() == "CLOSED"
        friday = settled(world, NOON)
        world.at(MONDAY + HOUR)
        world.price("AAPL", "90")
        assert world.broker.ledger.positions() == {}
        for moment in (MONDAY + timedelta(days=1), MONDAYS_CLOSE + timedelta(days=1)):
            world.at(moment)
            world.open()
        monday, tuesday = settled(world, MONDAY), settled(world, MONDAY + timedelta(days=1))
        assert (monday.late, monday.cash_open, monday.trades) == (True, friday.broker_cash, 1)
        assert monday.cash_close == monday.broker_cash == tuesday.cash_open
        assert (tuesday.late, tuesday.realised, tuesday.difference) == (False, 0, 0)
        assert monday.realised < 0


def test_a_session_that_was_never_opened_is_stopped(world: World) -> None:
    bank = teller(world)
    close(world)
    bank.refuses = True
    world.at(MONDAY)
    assert world.open() == "INITIALIZING"
    bank.refuses = False
    world.at(MONDAY + timedelta(days=1))
    assert world.open() == "TRADING"
    assert moves(world, MONDAY) == ["INITIALIZING", "STOPPED"]
    assert whys(world, MONDAY)["STOPPED"] == "its date is over and it was never opened"


def test_an_order_of_a_day_slept_through_must_end_and_does_not_hold_up_today(
    world: World,
) -> None:
    world.broker.line.append("drop")
    world.signal("AAPL")
    world.run()
    assert world.order("AAPL").state is OrderState.UNKNOWN
    world.at(MONDAY + MINUTE)
    assert world.open() == "TRADING"
    assert moves(world, NOON)[-1] == "CLOSING"
    assert noted(world, "closing") == [
        ("slept through", "2026-03-20", "TRADING", "settled late"),
        ("settle", "2026-03-20", "orders are open", "tried again"),
    ]
    world.run(4)
    world.wait(2 * MINUTE)
    assert world.order("AAPL").state is OrderState.CANCELLED
    assert world.open() == "TRADING"
    assert moves(world, NOON)[-1] == "CLOSED"
    assert settled(world, NOON).late


def test_an_order_for_the_day_that_expired_unseen_is_confirmed(world: World) -> None:
    world.broker.resting = True
    world.signal("AAPL")
    world.run()
    assert world.order("AAPL").state is OrderState.SUBMITTED
    world.at(MONDAY + MINUTE)
    world.open()
    assert world.order("AAPL").state is OrderState.EXPIRED
    assert settled(world, NOON).late


def test_an_order_that_the_broker_still_works_on_keeps_the_day_open(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.broker.resting = True
    world.signal("AAPL")
    world.run()
    (working,) = world.broker.ledger.open_orders()
    world.at(CLOSE + MINUTE)
    monkeypatch.setattr(world.broker, "open_orders", lambda: [working], raising=False)
    assert world.open() == "CLOSING"
    assert noted(world, "closing")[-1][2] == "1 orders are open at the broker"
    monkeypatch.undo()
    assert world.open() == "CLOSED"


def test_the_opening_day_of_a_start_after_fills_of_its_own_date(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """Down at Monday's open while a stop sells: the day begins with the cash before that."""
    with world_of((database_url, redis_url), tmp_path, stops=True) as world:
        world.open()
        world.buy("AAPL")
        world.run()
        world.at(CLOSE)
        world.open()
        world.at(MONDAY + MINUTE)
        world.price("AAPL", "90")
        assert world.broker.ledger.positions() == {}
        world.at(MONDAY + HOUR)
        assert world.open() == "TRADING"
        assert the_day(world, MONDAY).cash_open == settled(world, NOON).broker_cash
        assert noted(world, "cash") == []


def test_days_that_were_left_are_settled_in_their_order(world: World) -> None:
    world.broker.line.append("drop")
    world.signal("AAPL")
    world.run()
    tuesday = MONDAY + timedelta(days=1, minutes=1)
    for moment in (MONDAY + MINUTE, tuesday):
        world.at(moment)
        assert world.open() == "TRADING"
    assert [moves(world, day)[-1] for day in (NOON, MONDAY)] == ["CLOSING", "CLOSING"]
    world.run(4)
    world.wait(2 * MINUTE)
    world.open()
    assert [moves(world, day)[-1] for day in (NOON, MONDAY)] == ["CLOSED", "CLOSED"]
    assert settled(world, NOON).late
    assert settled(world, MONDAY).late
    assert settled(world, MONDAY).cash_open == settled(world, NOON).broker_cash
