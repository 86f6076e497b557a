"""E5: what differs is shown, repaired, accepted by a person, or left alone with a reason."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pipeline_market import MINUTE, SECOND, D
from pipeline_world import World, world_of
from stops_world import CLOSE
from switch_world import limits, money, notes, result, sync
from test_pipeline_reconcile import a_foreign_order

from app.engine.book import BookStatus
from app.engine.errors import Transient
from app.engine.orders import OrderState, Purpose, Side
from app.io.store import commands
from app.pipeline import reconcile
from app.pipeline import sync as pipeline_sync


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path) as made:
        assert made.open() == "TRADING"
        yield made


def everything(world: World) -> list[list[tuple[Any, ...]]]:
    """Return the rows of every table that a comparison could change."""
    tables = ("orders", "fills", "positions", "recovery_logs", "adjustments", "account_snapshots")
    columns = "status, reconciled_at"
    with world.to.database.begin() as db:
        rows = [db.exec_driver_sql(f"SELECT * FROM {t} ORDER BY 1, 2") for t in tables]
        rows.append(db.exec_driver_sql(f"SELECT {columns} FROM book_states"))
        return [[tuple(row) for row in each] for each in rows]


def lines(said: str) -> list[tuple[Any, ...]]:
    return [tuple(line.values()) for line in json.loads(said)["lines"]]


# -- sync -----------------------------------------------------------------------------------------


def test_a_dry_run_shows_what_differs_and_changes_nothing(world: World) -> None:
    world.signal("AAPL")
    world.run()
    order = world.order("AAPL")
    theirs = world.broker.ledger.submit(a_foreign_order("MSFT", 7))
    world.wait(10 * SECOND)
    before = everything(world)
    with world.to.database.begin() as db:
        asked = commands.ask(db, world.book.id, "sync", {"dry_run": True}, "ann", "to see")
    with world.to.leases.hold("book", world.book.id, 20) as lease:
        assert lease is not None
        told = pipeline_sync.carry_out(world.to, lease, reconcile.reconcile)
    assert told == ["sync of ann"]
    assert everything(world) == before
    said = result(world, asked) or ""
    shares, paid = str(order.quantity), order.quantity * D("100.01")
    cash = [line for line in lines(said) if line[0] == "cash"]
    assert lines(said)[:4] == [
        ("order", order.client_id, "SUBMITTED 0", f"filled {shares}", 10.0, "recorded"),
        ("order", theirs.client_id, None, "filled 7 of 7 MSFT", 10.0, "not ours: left alone"),
        ("position", "AAPL", "0", shares, None, "recorded"),
        ("position", "MSFT", "0", "7", None, "entries stopped"),
    ]
    assert cash[0][3] == str(100_000 - paid - 7 * D("200.01"))
    assert json.loads(said)["said"] == "nothing was changed"
    assert json.loads(sync(world, dry_run=False))["said"] == "1 positions differ"
    assert world.order("AAPL").state is OrderState.FILLED
    assert world.row().reconciled_at is None


def test_dry_runs_do_not_take_the_place_of_comparisons(world: World) -> None:
    for _ in range(7):
        world.wait(MINUTE)
        assert json.loads(sync(world, dry_run=True))["said"] == "nothing was changed"
    assert world.row().reconciled_at == world.market.at
    world.signal("AAPL")
    world.run()
    assert world.order("AAPL").purpose is Purpose.ENTRY


def test_a_sync_is_the_comparison_of_its_tick(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    account = world.broker.ledger.account

    def counted() -> Any:
        asked.append(1)
        return account()

    monkeypatch.setattr(world.broker, "account", counted, raising=False)
    sync(world, dry_run=False)
    assert len(asked) == 3, "one for the table, two of one comparison"


def test_a_sync_without_the_broker_is_refused_in_a_line(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> None:
        raise Transient("connection refused")

    monkeypatch.setattr(world.broker, "orders_since", down, raising=False)
    assert sync(world, dry_run=True) == "refused: connection refused"
    assert sync(world, "accept", symbol="AAPL") == "refused: not reconciled: connection refused"


@pytest.mark.parametrize("status", BookStatus)
def test_no_state_keeps_the_brokers_word_out_or_a_session_from_its_end(
    world: World, status: BookStatus
) -> None:
    world.signal("AAPL")
    world.run()
    world.set_status(status)
    assert reconcile.run(world.to) == "reconciled"
    assert world.held()["AAPL"].quantity == world.order("AAPL").quantity
    theirs = world.broker.ledger.positions()["AAPL"].quantity
    world.broker.ledger.submit(a_foreign_order("AAPL", int(theirs), Side.SELL))
    assert sync(world, "accept", symbol="AAPL").startswith("accepted")
    world.at(CLOSE + MINUTE)
    assert world.open() == "CLOSED"


def test_when_entries_stop_and_when_they_go_on_is_told_once(world: World) -> None:
    world.broker.ledger.submit(a_foreign_order("MSFT", 7))
    for _ in range(3):
        reconcile.run(world.to)
    assert world.logged.count("entries_stopped") == 1
    world.broker.ledger.submit(a_foreign_order("MSFT", 7, Side.SELL))
    for _ in range(3):
        assert reconcile.run(world.to) == "reconciled"
    assert world.logged.count("entries_allowed") == 2, "at the start, and now"
    assert notes(world, "position") == ["entries stopped", "equal again"]


def test_comparisons_that_keep_failing_are_told_once_when_they_stop_entries(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    reconcile.run(world.to)

    def gone(since: Any) -> Any:
        raise Transient("503")

    with monkeypatch.context() as patched:
        patched.setattr(world.broker, "executions", gone, raising=False)
        for minute in range(8):
            assert world.logged.count("entries_stopped") == (minute > 5)
            world.wait(MINUTE)
            assert reconcile.run(world.to) == "not reconciled: 503"
    assert notes(world, "reconcile") == ["entries stopped"]
    assert world.row().reconciled_at is None
    assert reconcile.run(world.to) == "reconciled"
    assert world.logged.count("entries_allowed") == 2, "at the start, and now"


@pytest.mark.parametrize(("away", "enters"), [(4 * MINUTE, True), (6 * MINUTE, False)])
def test_an_agreement_of_an_earlier_process_does_not_count_for_longer(
    world: World, away: timedelta, enters: bool
) -> None:
    reconcile.run(world.to)
    world.wait(away)
    world.worker()
    world.services.reverse()
    world.signal("AAPL")
    world.run()
    assert bool(world.theirs()) is enters
    assert (world.reasons("risk")[-1] == "not_reconciled") is not enters


# -- cash -----------------------------------------------------------------------------------------


def deposit(world: World, amount: int, monkeypatch: pytest.MonkeyPatch) -> None:
    account = world.broker.ledger.account

    def richer() -> Any:
        return replace(account(), cash=account().cash + amount)

    monkeypatch.setattr(world.broker, "account", richer, raising=False)


def test_cash_that_came_in_is_noted_once_and_stops_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    deposit(world, 250, monkeypatch)
    reconcile.run(world.to)
    world.buy("AAPL")
    for _ in range(2):
        assert reconcile.run(world.to) == "reconciled"
    said = "+250.00: not ours (dividends, deposits), trading goes on"
    assert notes(world, "cash") == [said]
    [line] = lines(sync(world, dry_run=True))
    assert (line[0], line[1], line[5]) == ("cash", "USD", said)
    assert money(world).cash == world.broker.ledger.account().cash, "ours is not widened by it"
    monkeypatch.undo()
    reconcile.run(world.to)
    assert notes(world, "cash") == [said, "equal again"]


def test_cash_that_others_moved_is_explained_by_their_trades(world: World) -> None:
    world.price("KO", "70.00")
    world.broker.ledger.submit(a_foreign_order("KO", 10))
    assert reconcile.run(world.to) == "reconciled"
    assert notes(world, "cash") == ["-700.10: trades that are not ours"]
    assert limits(world).cash == world.broker.ledger.account().cash, "nothing is bought with it"


def test_rounding_is_no_difference(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    account = world.broker.ledger.account()
    rounded = replace(account, cash=account.cash - D("0.01"))
    monkeypatch.setattr(world.broker, "account", lambda: rounded, raising=False)
    reconcile.run(world.to)
    assert notes(world, "cash") == []
