"""A book's day from OFFLINE to CLOSED, its report, and the history that it starts with."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pipeline_market import CALENDAR, MINUTE, NOON, SECOND, D
from pipeline_world import World, world_of

from app.engine.orders import OrderState, Purpose
from app.io.store import bars, reports, sessions
from app.pipeline import history, reconcile
from app.pipeline.report import END_OF_DAY

OPEN, CLOSE = NOON.replace(hour=13, minute=30), NOON.replace(hour=20)
MONDAY = datetime.fromisoformat("2026-03-23T13:30:00+00:00")


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path, at=OPEN - timedelta(hours=3)) as made:
        yield made


def the_report(world: World, day: datetime) -> dict[str, Any]:
    with world.to.database.begin() as db:
        found = reports.load(db, world.book.id, day.date(), END_OF_DAY)
    assert found is not None
    return dict(found.body)


def sell(world: World, symbol: str, purpose: Purpose = Purpose.STOP_LOSS) -> None:
    world.intend(symbol, purpose)
    world.run()
    world.stream(world.order(symbol))
    world.run()
    world.wait(SECOND)


def the_day(world: World, date: datetime) -> sessions.SessionRow:
    with world.to.database.begin() as db:
        found = sessions.load(db, world.book.id, date.date())
    assert found is not None
    return found


def test_a_day_from_offline_to_closed(world: World) -> None:
    assert world.open() == "OFFLINE"
    phases = []
    for moment in (OPEN - 35 * MINUTE, OPEN - 5 * MINUTE, OPEN, CLOSE - 12 * MINUTE, CLOSE):
        world.at(moment)
        phases.append(world.open())
    assert phases == ["INITIALIZING", "READY", "TRADING", "CLOSING", "CLOSED"]
    row = the_day(world, NOON)
    assert row.equity_open == row.cash_open == row.equity_close == D(100_000)
    world.at(CLOSE + timedelta(hours=1))
    assert world.open() == "CLOSED"
    world.at(MONDAY + MINUTE)
    assert world.open() == "TRADING"


@pytest.mark.parametrize("hour", [13, 15, 19])
def test_a_start_in_the_middle_of_a_day_opens_the_book_first(world: World, hour: int) -> None:
    world.at(NOON.replace(hour=hour, minute=45))
    assert world.open() == "TRADING"
    assert the_day(world, NOON).equity_open == D(100_000)
    world.signal("AAPL")
    world.run()
    assert len(world.theirs()) == 1


def test_before_it_was_opened_nothing_is_entered(world: World) -> None:
    world.open()
    world.at(NOON)
    world.signal("AAPL")
    world.run()
    assert world.theirs() == []


def test_the_next_day_nothing_is_entered_before_it_was_opened(world: World) -> None:
    """Yesterday's opening does not open today: not its equity, not its reconciliation."""
    world.at(NOON)
    world.open()
    world.at(CLOSE)
    assert world.open() == "CLOSED"
    world.at(MONDAY + MINUTE)
    world.signal("AAPL")
    world.run()
    assert world.theirs() == []
    assert world.reasons("risk")[-1] == "not_reconciled"
    world.open()
    world.wait(MINUTE)
    world.signal("AAPL")
    world.run()
    assert len(world.theirs()) == 1


def test_a_day_is_not_settled_while_an_order_is_open(world: World) -> None:
    world.at(NOON)
    world.open()
    world.broker.line.append("drop")
    world.signal("AAPL")
    world.run()
    world.at(CLOSE + MINUTE)
    assert world.open() == "CLOSING"
    assert "session_not_settled" in world.logged
    world.run(3)
    assert world.order("AAPL").state is OrderState.CANCELLED
    assert world.open() == "CLOSED"


def test_a_day_is_not_settled_while_the_broker_disagrees(world: World) -> None:
    world.at(NOON)
    world.open()
    world.buy("AAPL")
    with world.to.database.begin() as db:
        db.exec_driver_sql("UPDATE positions SET quantity = quantity + 1")
    world.at(CLOSE + MINUTE)
    assert world.open() == "CLOSING"
    with world.to.database.begin() as db:
        db.exec_driver_sql("UPDATE positions SET quantity = quantity - 1")
    assert world.open() == "CLOSED"


def test_the_report_adds_up_when_the_book_ends_flat(world: World) -> None:
    world.at(NOON)
    world.open()
    for symbol, sold_at in (("AAPL", "103"), ("MSFT", "191.37"), ("NVDA", "50.05")):
        world.buy(symbol)
        world.price(symbol, sold_at)
        sell(world, symbol)
    world.at(CLOSE)
    assert world.open() == "CLOSED"
    body = the_report(world, NOON)
    change = world.broker.ledger.account().cash - 100_000
    assert Decimal(body["realised_pnl"]) == round(change, 2)
    assert Decimal(body["equity_close"]) - Decimal(body["equity_open"]) == round(change, 2)
    assert sum(Decimal(trade["realised"]) for trade in body["trades"]) == round(change, 2)
    assert (body["fills"], body["in_doubt"], body["unfinished"]) == (6, 0, 0)
    assert body["positions_at_close"] == {}


def test_a_night_is_in_the_next_days_report(world: World) -> None:
    """Bought on Friday, sold on Monday: Monday realises the sale less Friday's cost."""
    world.at(NOON)
    world.open()
    bought = world.buy("AAPL")
    world.at(CLOSE)
    assert world.open() == "CLOSED"
    assert Decimal(the_report(world, NOON)["realised_pnl"]) == 0
    world.at(MONDAY + MINUTE)
    world.open()
    world.price("AAPL", "104.01")
    sell(world, "AAPL", Purpose.CLEAN_UP)
    world.at(MONDAY.replace(hour=20))
    assert world.open() == "CLOSED"
    body = the_report(world, MONDAY)
    gain = bought.quantity * (D("104.00") - D("100.01"))
    assert Decimal(body["realised_pnl"]) == gain
    assert [Decimal(trade["realised"]) for trade in body["trades"]] == [gain]


def test_what_was_adopted_is_realised_at_what_it_had_cost(world: World) -> None:
    from test_pipeline_reconcile import a_foreign_order

    world.at(NOON)
    world.broker.ledger.submit(a_foreign_order("MSFT", 7))
    world.adopt()
    world.open()
    world.price("MSFT", "210.01")
    sell(world, "MSFT")
    world.at(CLOSE)
    assert world.open() == "CLOSED"
    assert Decimal(the_report(world, NOON)["realised_pnl"]) == 7 * (D("210.00") - D("200.01"))


def test_only_what_is_missing_is_fetched_and_never_the_future(world: World) -> None:
    world.at(OPEN + 7 * MINUTE + 20 * SECOND)
    world.open()
    friday, thursday = CALENDAR.session_for(NOON), CALENDAR.previous(NOON.date())
    wanted = world.market.asked.copy()
    assert {(start, end) for _, start, end in wanted} == {
        (thursday.close - 8 * MINUTE, thursday.close),
        (friday.open, friday.open + 7 * MINUTE),
    }
    # What the market does not know is asked for again; everything else is there.
    world.market.asked.clear()
    assert history.backfill(world.to) == "0 bars"
    assert not {s for symbols, *_ in world.market.asked for s in symbols} & set(world.market.prices)


def test_a_hole_in_yesterdays_history_is_not_hidden_by_todays_bars(world: World) -> None:
    world.at(OPEN + 10 * MINUTE)
    world.open()
    with world.to.database.begin() as db:
        db.exec_driver_sql(
            "DELETE FROM bars_30s WHERE symbol = 'AAPL' AND at < %s", (OPEN - MINUTE,)
        )
    world.market.asked.clear()
    assert history.backfill(world.to) == "10 bars"
    with world.to.database.begin() as db:
        have = bars.count_since(db, world.book.id, ["AAPL"], OPEN - timedelta(days=1))
    assert have["AAPL"] == 30
    assert reconcile.run(world.to) == "reconciled"
