"""`metronome settle`: a person's word about an order in doubt, with a worker behind it."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pipeline_market import SECOND, D
from pipeline_world import World, world_of

from app.cli import asking
from app.cli.settle import settle
from app.engine.errors import InvalidData, Transient
from app.engine.orders import Order, OrderState
from app.io.clock import pause
from app.io.store import commands, recovery
from app.jobs.run import run_nudged
from app.pipeline import cycle
from app.pipeline.settle import KIND

METRONOME = Path(sys.executable).parent / "metronome"
PASSES = 3


@pytest.fixture
def world(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    with world_of((database_url, redis_url), tmp_path, client_ids=False) as made:
        made.open()
        yield made


@pytest.fixture
def frozen(world: World) -> Order:
    """An order whose request was lost, and of which nobody knows that."""
    world.broker.line.append("drop")
    world.signal("AAPL")
    world.run(PASSES)
    order = world.order("AAPL")
    assert order.state is OrderState.UNKNOWN
    return order


@contextmanager
def working(world: World) -> Iterator[None]:
    """Let a worker make passes until the end of the block."""
    ended, to = threading.Event(), world.worker()

    def work() -> None:
        while not ended.is_set():
            run_nudged(to, "pipeline_e2e", cycle.run)
            pause(0.05)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def ask(world: World, asked: dict[str, Any]) -> str:
    """Ask as any client may, let the owner pass, and return the result."""
    with world.to.database.begin() as db:
        number = commands.ask(db, world.book.id, KIND, asked, "somebody", "looked")
    world.run()
    with world.to.database.begin() as db:
        command = commands.get(db, number)
    assert command is not None
    return command.result or "nothing"


def placed(world: World, like: Order, **changes: Any) -> str:
    return world.broker.ledger.submit(replace(like, client_id="by-hand", **changes)).broker_id


def notes(world: World, about: Order) -> list[tuple[str | None, str]]:
    with world.to.database.begin() as db:
        found = recovery.listing(db, world.book.id)
    return [(note.theirs, note.action) for note in found if note.subject == about.client_id]


def test_what_is_not_there_is_closed_and_the_symbol_is_free(
    world: World, frozen: Order, capsys: pytest.CaptureFixture[str]
) -> None:
    with working(world):
        settle(frozen.client_id[:6], why="looked at their site", not_there=True, by="Kim")
    assert capsys.readouterr().out == f"settled: {frozen.client_id} is CANCELLED, 0 filled\n"
    assert world.order("AAPL").state is OrderState.CANCELLED
    assert notes(world, frozen)[-1] == ("not there", "settled by Kim: looked at their site")
    assert world.reasons("execute")[-1] == "settled_by_hand"
    with world.to.database.begin() as db:
        [error] = db.exec_driver_sql("SELECT error FROM orders").scalars()
    assert error == "not there; Kim: looked at their site"


def test_what_it_is_at_the_broker_is_adopted_with_its_fills(world: World, frozen: Order) -> None:
    world.wait(600 * SECOND)  # too late to be matched
    theirs = placed(world, frozen)
    said = ask(world, {"order": frozen.client_id, "is": theirs})
    assert said == f"settled: {frozen.client_id} is FILLED, {frozen.quantity} filled"
    assert world.order("AAPL").broker_id == theirs
    assert world.held()["AAPL"].quantity == frozen.quantity
    assert notes(world, frozen)[-1] == (theirs, "settled by somebody: looked")


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({}, "refused: ORDER: None is no order in doubt; accepted: {order}"),
        ({"order": "zzz", "not_there": True}, "refused: ORDER: 'zzz' is no order in doubt"),
        ({"order": ["x"], "not_there": True}, "is no order in doubt; accepted: {order}"),
        ({"order": "{order}"}, "refused: accepted: that it is not there, or the broker's id"),
        ({"order": "{order}", "not_there": "yes"}, "refused: accepted: that it is not there"),
        ({"order": "{order}", "not_there": True, "is": "x"}, "refused: accepted: that it is not"),
        ({"order": "{order}", "is": "x\n"}, "refused: --is: 'x\\n' is no order at paper"),
        (
            {"order": "{order}", "is": "{other}"},
            "is buy 1 AAPL; accepted: an order to buy 264 AAPL",
        ),
        ({"order": "{order}", "is": "{taken}"}, "is our order {owner} already"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(
    world: World, frozen: Order, asked: dict[str, Any], why: str
) -> None:
    assert frozen.quantity == 264
    other = placed(world, frozen, quantity=D(1))
    with world.to.database.begin() as db:
        db.exec_driver_sql(
            "INSERT INTO order_links (broker, broker_id, book, client_id, place, filled_quantity,"
            " state) VALUES ('paper', %s, 'us_baskets', 'its owner', 0, 0, 'FILLED')",
            (taken := world.broker.ledger.submit(replace(frozen, client_id="x")).broker_id,),
        )
    names = {"order": frozen.client_id, "other": other, "taken": taken, "owner": "its owner"}
    spelt = {k: v.format(**names) if isinstance(v, str) else v for k, v in asked.items()}
    said = ask(world, spelt)
    assert said.startswith("refused: ")
    assert why.format(**names) in said
    assert "\n" not in said
    assert world.order("AAPL").state is OrderState.UNKNOWN


def test_a_broker_that_does_not_answer_is_said(world: World, frozen: Order) -> None:
    def away(broker_id: str) -> None:
        raise Transient("no route to host")

    world.broker.order = away  # type: ignore[method-assign,assignment]
    said = ask(world, {"order": frozen.client_id, "is": "b-1"})
    assert said == "refused: no route to host"


def test_without_a_worker_nothing_happens_now_or_later(
    world: World, frozen: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "PATIENCE_S", 0.3)
    with pytest.raises(Transient, match=r"no worker .* nothing was changed"):
        settle(frozen.client_id, why="looked", not_there=True)
    world.run()
    assert world.order("AAPL").state is OrderState.UNKNOWN


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["X", "--why", "w"], "accepted: either --not-there or --is BROKER_ID."),
        (["X", "--why", "w", "--is", "1", "--not-there"], "accepted: either --not-there or --is"),
        (["X", "--why", " ", "--not-there"], "--why: accepted: a line of 1 to 500 characters."),
        (["X", "--why", "w", "--is", ""], "--is: accepted: a line of 1 to 500 characters."),
        (["", "--why", "w", "--not-there"], "ORDER: accepted: a line of 1 to 500 characters."),
    ],
)
def test_a_wrong_call_is_one_line(words: list[str], why: str) -> None:
    said = subprocess.run(
        [METRONOME, "settle", *words], capture_output=True, text=True, check=False
    )
    assert said.returncode == 1
    assert said.stderr.startswith(f"metronome: {why}")
    assert said.stderr.count("\n") == 1


def test_why_is_asked_for() -> None:
    with pytest.raises(InvalidData, match="--why"):
        asking.line("--why", "a\x00b")
    said = subprocess.run(
        [METRONOME, "settle", "X", "--not-there"], capture_output=True, text=True, check=False
    )
    assert said.returncode == 2
    assert "--why" in said.stderr
