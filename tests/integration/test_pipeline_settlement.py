"""Settlements: our numbers beside the broker's to the cent, with every fee counted once."""

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
    noted,
    page,
    settled,
    teller,
    the_day,
)

from app.engine.portfolio import Fee

FRIDAY = NOON.date()


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path, at=NOON) as made:
        assert made.open() == "TRADING"
        yield made


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
    assert noted(world, "cash")[-1] == ("night before 2026-03-23", "100000", "101000", "taken over")
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
