"""E11: what gives leave is carried out while somebody waits for it, or never."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pipeline_market import SECOND
from pipeline_world import World, world_of
from switch_world import a_working_entry, ask, halt, result
from test_pipeline_reconcile import a_foreign_order

from app.cli import asking, switch
from app.engine.book import BookStatus
from app.engine.errors import Transient
from app.engine.orders import OrderState
from app.io.clock import pause
from app.io.store import adjustments, commands
from app.pipeline import experiments, reconcile
from app.pipeline.settle import KIND

METRONOME = Path(sys.executable).parent / "metronome"
LATE = timedelta(hours=2)
TOO_LATE = "s ago, and nobody waits for it; ask again"


@pytest.fixture
def world(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    with world_of((database_url, redis_url), tmp_path) as made:
        assert made.open() == "TRADING"
        yield made


def let_pass(world: World, time: timedelta) -> None:
    """Let as much time pass on the database's clock for what was asked."""
    with world.to.database.begin() as db:
        db.exec_driver_sql("UPDATE commands SET asked_wall = asked_wall - %s", (time,))


def asked(world: World, kind: str, **arguments: Any) -> int:
    with world.to.database.begin() as db:
        return commands.ask(db, world.book.id, kind, arguments, "ann", "it is right")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGTERM])
def test_a_resume_whose_terminal_goes_away_is_taken_back(world: World, number: int) -> None:
    world.set_status(BookStatus.HALTED)
    words = [METRONOME, "resume", "--why", "over"]
    waits = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    with world.to.database.begin() as db:
        while not commands.kinds_waiting(db, world.book.id):
            pause(0.05)
    pause(0.5)
    waits.send_signal(number)
    _, said = waits.communicate(timeout=60)
    assert waits.returncode == (130 if number == signal.SIGINT else 128 + number)
    assert said == "metronome: interrupted: nothing was changed\n"
    world.run()
    assert result(world, 1) == "withdrawn"
    assert world.row().status is BookStatus.HALTED


def test_a_look_that_fails_takes_the_command_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object) -> None:
        raise Transient("database: the server closed the connection")

    world.set_status(BookStatus.HALTED)
    monkeypatch.setattr(asking, "answer", lost)
    with pytest.raises(Transient, match="closed the connection"):
        switch.resume(why="over")
    world.run()
    assert world.row().status is BookStatus.HALTED


@pytest.mark.parametrize(
    ("kind", "arguments", "after"),
    [
        ("resume", {}, BookStatus.ACTIVE),
        ("reduce", {}, BookStatus.REDUCING),
        ("halt", {"flatten": True}, BookStatus.FLATTENING),
    ],
)
@pytest.mark.parametrize("late", [False, True])
def test_leave_is_given_while_somebody_waits_for_it(
    world: World, kind: str, arguments: dict[str, bool], after: BookStatus, late: bool
) -> None:
    world.set_status(BookStatus.HALTED)
    number = ask(world, kind, **arguments).number
    let_pass(world, LATE if late else 60 * SECOND)
    world.run()
    assert world.row().status is (BookStatus.HALTED if late else after)
    assert str(result(world, number)).endswith(TOO_LATE) is late


def test_what_takes_leave_away_is_never_too_late(world: World) -> None:
    a_working_entry(world)
    number = halt(world).number
    let_pass(world, LATE)
    world.run()
    assert world.order("AAPL").state is OrderState.CANCELLED
    assert str(result(world, number)).startswith("us_baskets is HALTED: 1 unfinished orders")


def test_nothing_is_accepted_too_late(world: World) -> None:
    world.broker.ledger.submit(a_foreign_order("MSFT", 7))
    number = asked(world, "accept", symbol="MSFT")
    let_pass(world, LATE)
    reconcile.run(world.to)
    assert str(result(world, number)).endswith(TOO_LATE)
    with world.to.database.begin() as db:
        assert adjustments.all(db, world.book.id) == []


def test_no_experiment_begins_too_late(world: World) -> None:
    changes = {"MAX_POSITIONS": "2"}
    number = asked(world, "experiment.start", name="calm", changes=changes, sessions=1)
    let_pass(world, LATE)
    experiments.watch(world.to)
    assert str(result(world, number)).endswith(TOO_LATE)


def test_no_order_is_settled_too_late(database_url: str, redis_url: str, tmp_path: Path) -> None:
    with world_of((database_url, redis_url), tmp_path, client_ids=False) as world:
        world.open()
        world.broker.line.append("drop")
        world.signal("AAPL")
        world.run(3)
        order = world.order("AAPL")
        assert order.state is OrderState.UNKNOWN
        number = asked(world, KIND, order=order.client_id, not_there=True)
        let_pass(world, LATE)
        world.run()
        assert str(result(world, number)).endswith(TOO_LATE)
        assert world.order("AAPL").state is OrderState.UNKNOWN
