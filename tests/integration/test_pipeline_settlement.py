"""Settlements: our numbers beside the broker's to the cent, once, late where it must be."""

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
    MONDAYS_CLOSE,
    moves,
    noted,
    sell,
    settled,
    teller,
    the_day,
    whys,
)

from app.engine.orders import OrderState, Purpose
from app.engine.portfolio import Fee
from app.io.store import reports
from app.pipeline.report import END_OF_DAY

HOUR = timedelta(hours=1)
FRIDAY = NOON.date()


class Killed(BaseException):
    """What ends a process: nothing in the program catches it."""


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path, at=NOON) as made:
        assert made.open() == "TRADING"
        yield made


def close(world: World) -> str:
    world.at(CLOSE)
    return world.open()


def rows(world: World, table: str) -> int:
    with world.to.database.begin() as db:
        return int(db.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())


def page(world: World) -> tuple[dict[str, Any], str]:
    with world.to.database.begin() as db:
        found = reports.load(db, world.book.id, FRIDAY, END_OF_DAY)
    assert found is not None
    return dict(found.body), found.html


def a_busy_day(world: World) -> None:
    """Fills in parts, a gain, a loss, and one position that is held overnight."""
    world.broker.parts = 3
    for symbol, sold_at in (("AAPL", "103.37"), ("MSFT", "191.33")):
        world.buy(symbol)
        world.price(symbol, sold_at)
        sell(world, symbol)
    world.buy("NVDA")
    world.price("NVDA", "51.27")


def test_a_day_of_partial_fills_equals_the_brokers_to_the_cent(world: World) -> None:
    a_busy_day(world)
    world.at(CLOSE - 13 * MINUTE)
    assert close(world) == "CLOSED"
    row, theirs = settled(world, NOON), world.broker.ledger.account()
    assert row.cash_open == 100_000
    assert row.cash_close == row.broker_cash == theirs.cash
    assert (row.difference, row.fees, row.late) == (0, 0, False)
    assert "settlement_differs" not in world.logged
    held = row.positions["NVDA"]
    worth = D(held["quantity"]) * D(held["price"])
    assert row.equity_close == row.cash_close + worth == the_day(world, NOON).equity_close
    assert row.unrealised == D(held["quantity"]) * (D(held["price"]) - D(held["average_price"]))
    assert row.broker_equity == theirs.equity
    assert row.trades == 2
    # What was gained, and what is held at what it cost, is where the money went.
    cost = D(held["quantity"]) * D(held["average_price"])
    assert round(row.cash_open + row.realised - cost, 6) == round(row.cash_close, 6)
    with world.to.database.begin() as db:
        parts = db.exec_driver_sql("SELECT count(*) FROM fills WHERE symbol = 'AAPL'").scalar()
    assert parts == 6


def test_the_report_shows_ours_the_brokers_and_the_difference(world: World) -> None:
    a_busy_day(world)
    close(world)
    row = settled(world, NOON)
    body, html = page(world)
    assert body["settlement"]["cash_close"] == str(round(row.cash_close, 2))
    assert body["settlement"]["broker_cash"] == str(round(row.broker_cash, 2))
    assert body["settlement"]["difference"] == "0.00"
    assert body["settlement"]["trades"] == 2
    assert f"{row.cash_close:,.2f}" in html
    assert "2 trades closed" in html


def test_a_deposit_in_the_middle_of_the_day_is_a_difference(world: World) -> None:
    bank = teller(world)
    world.buy("AAPL")
    bank.deposited = D("2500.25")
    assert close(world) == "CLOSED"
    row = settled(world, NOON)
    assert row.broker_cash - row.cash_close == row.difference == D("2500.25")
    assert world.logged.count("settlement_differs") == 1
    said = "settled with a difference of 2500.25"
    ours, theirs = (str(round(cash, 2)) for cash in (row.cash_close, row.broker_cash))
    assert noted(world, "settlement") == [("2026-03-20", ours, theirs, said)]
    assert page(world)[0]["settlement"]["difference"] == "2500.25"
    # The next day begins with the broker's word and has no difference of its own.
    for moment in (MONDAY, MONDAYS_CLOSE):
        world.at(moment)
        world.open()
    assert settled(world, MONDAY).difference == 0
    assert settled(world, MONDAY).cash_open == row.broker_cash


@pytest.mark.parametrize(("moved", "differs"), [("0.004", False), ("0.01", True)])
def test_less_than_a_cent_is_no_difference(world: World, moved: str, differs: bool) -> None:
    teller(world).deposited = D(moved)
    close(world)
    assert ("settlement_differs" in world.logged) is differs


def test_a_deposit_in_the_night_is_written_down_and_taken_over(world: World) -> None:
    bank = teller(world)
    close(world)
    bank.deposited = D(1000)
    world.at(MONDAY)
    assert world.open() == "TRADING"
    assert noted(world, "cash") == [("night before 2026-03-23", "100000", "101000", "taken over")]
    assert the_day(world, MONDAY).cash_open == 101_000


# -- fees ---------------------------------------------------------------------------------------


def test_fees_of_the_day_are_no_difference_and_count_once(world: World) -> None:
    bank = teller(world)
    world.buy("AAPL")
    bank.charged = (Fee("one", FRIDAY, D("0.37")), Fee("two", FRIDAY, D("1.05")))
    close(world)
    row = settled(world, NOON)
    assert (row.fees, row.difference) == (D("1.42"), 0)
    for moment in (MONDAY, MONDAYS_CLOSE):
        world.at(moment)
        world.open()
    assert (settled(world, MONDAY).fees, settled(world, MONDAY).difference) == (0, 0)


def test_a_fee_that_is_posted_in_the_night_counts_on_the_next_day(world: World) -> None:
    bank = teller(world)
    world.buy("AAPL")
    close(world)
    assert settled(world, NOON).fees == 0
    bank.charged = (Fee("late", FRIDAY, D("0.37")),)
    for moment in (MONDAY, MONDAYS_CLOSE):
        world.at(moment)
        world.open()
    row = settled(world, MONDAY)
    assert (row.fees, row.difference) == (D("0.37"), 0)
    assert row.cash_open == settled(world, NOON).broker_cash
    assert noted(world, "cash") == []


def test_what_was_charged_before_the_books_first_day_is_not_its(world: World) -> None:
    bank = teller(world)
    bank.charged = (Fee("old", FRIDAY - timedelta(days=1), D(5)),)
    bank.deposited = D(5)
    close(world)
    assert (settled(world, NOON).fees, settled(world, NOON).difference) == (0, 0)


# -- slept through ------------------------------------------------------------------------------


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
    assert noted(world, "closing") == [("settle", "2026-03-20", "orders are open", "tried again")]
    world.run(4)
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


# -- crashes ------------------------------------------------------------------------------------

#: Every step of a closing, in order: the process dies as soon as each is done.
STEPS = [
    "app.pipeline.reconcile.reconcile",
    "app.pipeline.closing._open_here",
    "app.pipeline.closing._open_there",
    "app.pipeline.opening.charged_lately",
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
