"""E11, F3: a person stops a book and lets it go on; the loss of a day stops its entries."""

import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from pipeline_market import MINUTE, NOON, D
from pipeline_world import World, world_of
from stops_world import CLOSE, flat, resting, settle
from switch_world import a_working_entry, ask, halt, result

from app.engine.book import BookStatus
from app.engine.errors import Transient
from app.engine.orders import OrderState, Purpose
from app.io.clock import pause
from app.io.store import commands
from app.pipeline import reconcile, sessions, switch


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path, stops=True) as made:
        assert made.open() == "TRADING"
        yield made


def test_a_halt_holds_from_the_moment_it_is_asked_for_and_cancels_in_one_pass(world: World) -> None:
    order = a_working_entry(world)
    asked = halt(world)
    row = world.row()
    assert (row.status, row.set_by, row.why) == (BookStatus.HALTED, "ann", "news")
    world.signal("MSFT")
    world.run()
    assert world.order("AAPL").client_id == order.client_id
    assert [o.state for o in world.theirs()] == [OrderState.CANCELLED]
    assert result(world, asked.number) == (
        "us_baskets is HALTED: 1 unfinished orders are withdrawn, "
        "0 positions are held, 0 stops rest"
    )
    assert world.reasons("withdraw") == ["book_halted"]
    assert world.reasons("risk")[-1] == "book_halted"


def test_a_halt_needs_no_broker_and_its_cancels_are_asked_for_until_they_are_confirmed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_working_entry(world)
    ledger = world.broker.ledger

    def down(*_: object) -> None:
        raise Transient("connection refused")

    for call in ("cancel", "order", "executions", "positions", "account", "orders_since"):
        monkeypatch.setattr(world.broker, call, down, raising=False)
    halt(world)
    world.run(3)
    assert world.row().status is BookStatus.HALTED
    assert world.logged.count("cancel_failed") == 3
    assert ledger.open_orders()
    monkeypatch.undo()
    world.run()
    assert not ledger.open_orders()


def test_a_halt_survives_a_new_worker_the_night_and_a_reconciliation(world: World) -> None:
    halt(world)
    world.run()
    world.worker()
    world.services.reverse()
    world.at(CLOSE + 66 * 60 * MINUTE)  # Monday
    assert sessions.advance(world.to) == "TRADING"
    assert reconcile.run(world.to) == "reconciled"
    world.signal("AAPL")
    world.run()
    assert world.row().status is BookStatus.HALTED
    assert world.theirs() == []


def test_a_stop_that_rests_stays_when_the_book_is_halted(world: World) -> None:
    world.buy("AAPL")
    (stop,) = resting(world)
    asked = halt(world)
    world.run(3)
    assert resting(world) == [stop]
    assert str(result(world, asked.number)).endswith(
        "0 unfinished orders are withdrawn, 1 positions are held, 1 stops rest"
    )
    assert world.held()


def test_reducing_lets_exits_and_stops_go_on(world: World) -> None:
    world.buy("AAPL")
    order = a_working_entry(world, "MSFT")
    ask(world, "reduce")
    world.run()
    assert [o.state for o in world.theirs() if o.client_id == order.client_id] == [
        OrderState.CANCELLED
    ]
    assert len(resting(world)) == 1
    world.signal("NVDA")
    world.intend("AAPL", Purpose.TAKE_PROFIT, quantity=world.held()["AAPL"].quantity)
    world.run(3)
    settle(world)
    assert flat(world)


def test_only_the_owner_resumes_and_the_book_enters_again(world: World) -> None:
    halt(world)
    asked = ask(world, "resume", by="bob", why="the news is over")
    assert asked.holds is None
    assert world.row().status is BookStatus.HALTED, "leave is given by a pass, not by asking"
    world.run()
    row = world.row()
    assert (row.status, row.set_by, row.why) == (BookStatus.ACTIVE, "bob", "the news is over")
    assert result(world, asked.number) == "us_baskets is ACTIVE: it enters again"
    world.signal("AAPL")
    world.run()
    assert [o.symbol for o in world.theirs()] == ["AAPL"]


def test_a_halt_that_came_after_a_resume_counts(world: World) -> None:
    first = halt(world)
    resume = ask(world, "resume")
    last = halt(world)
    world.run()
    assert world.row().status is BookStatus.HALTED
    for number in (first.number, resume.number):
        assert result(world, number) == "refused: `halt` of ann came after it and counts"
    assert str(result(world, last.number)).startswith("us_baskets is HALTED")


def test_of_a_halt_and_a_resume_at_the_same_moment_the_halt_counts(world: World) -> None:
    halt(world)
    world.run()
    resume = ask(world, "resume")
    passing = threading.Thread(target=world.run)
    with world.worker().database.begin() as db:
        arguments = {"flatten": False}
        switch.ask(db, world.book.id, "halt", arguments, "bob", "not yet", world.market.at)
        passing.start()
        pause(0.5)  # the pass has taken the resume by now, and waits for the book's row
    passing.join()
    assert result(world, resume.number) == "refused: `halt` of bob came after it and counts"
    assert world.row().status is BookStatus.HALTED


def test_a_resume_that_was_taken_back_does_nothing_later(world: World) -> None:
    asked = halt(world)
    resume = ask(world, "resume")
    with world.to.database.begin() as db:
        assert commands.withdraw(db, resume.number)
    world.run(2)
    assert world.row().status is BookStatus.HALTED
    assert str(result(world, asked.number)).startswith("us_baskets is HALTED")


def test_nothing_but_the_owner_widens_a_halt(world: World) -> None:
    halt(world)
    for kind, arguments in (("reduce", {}), ("halt", {"flatten": True})):
        assert ask(world, kind, **arguments).holds is None
        assert world.row().status is BookStatus.HALTED
    world.run()
    assert world.row().status is BookStatus.FLATTENING
    assert halt(world).holds is BookStatus.HALTED


@pytest.mark.parametrize(
    ("loss", "at", "status"),
    [
        ("1.03", NOON, BookStatus.REDUCING),
        ("1.02", NOON, BookStatus.ACTIVE),
        ("1.03", CLOSE + MINUTE, BookStatus.ACTIVE),
        ("1.03", CLOSE + 60 * 60 * MINUTE, BookStatus.ACTIVE),
    ],
)
def test_a_loss_is_one_of_the_sessions_regular_hours(
    world: World, loss: str, at: datetime, status: BookStatus
) -> None:
    with world.to.database.begin() as db:
        changed = "UPDATE account_snapshots SET equity = equity * %s WHERE kind = 'open'"
        db.exec_driver_sql(changed, (D(loss),))
    world.at(at)
    world.run()
    assert world.row().status is status
    assert world.logged.count("book_reducing") == (status is BookStatus.REDUCING)


def test_the_daily_loss_stops_entries_once_and_cancels_what_works(world: World) -> None:
    world.buy("AAPL")
    entry = a_working_entry(world, "MSFT")
    with world.to.database.begin() as db:
        db.exec_driver_sql(
            "UPDATE account_snapshots SET equity = equity * 1.05 WHERE kind = 'open'"
        )
    world.run()
    row = world.row()
    assert (row.status, row.set_by) == (BookStatus.REDUCING, "daily_loss")
    assert row.why.startswith("daily loss: 0.047")
    states = {o.client_id: o.state for o in world.theirs()}
    assert states[entry.client_id] is OrderState.CANCELLED
    assert len(resting(world)) == 1
    assert world.logged.count("book_reducing") == 1
    ask(world, "resume")
    world.wait(2 * MINUTE)
    world.signal("NVDA")
    world.run(2)
    assert world.row().status is BookStatus.ACTIVE, "a person resumed in the same session"
    assert world.reasons("risk")[-1] == "daily_loss_limit", "and still nothing is entered"
    assert world.logged.count("book_reducing") == 1
