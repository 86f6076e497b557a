"""`metronome halt`, `reduce`, `resume`, `cancel`, `sync`: with a worker behind them, or none."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from pipeline_market import D
from pipeline_world import World, world_of
from switch_world import a_working_entry, working

from app.cli import asking, switch
from app.cli.sync import sync
from app.engine.book import BookStatus
from app.engine.errors import InvalidData, Transient
from app.engine.orders import OrderState
from app.io.store import commands

METRONOME = Path(sys.executable).parent / "metronome"


@pytest.fixture
def world(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", redis_url.partition("?")[0])
    with world_of((database_url, redis_url), tmp_path) as made:
        assert made.open() == "TRADING"
        yield made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "PATIENCE_S", 0.3)


def metronome(*words: str) -> tuple[int, str, str]:
    done = subprocess.run([METRONOME, *words], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def asked_by(world: World) -> list[tuple[str, str, str]]:
    with world.to.database.begin() as db:
        rows = db.exec_driver_sql("SELECT kind, asked_by, why FROM commands ORDER BY id")
        return [tuple(row) for row in rows]


def test_a_book_is_halted_reduced_and_resumed(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    order = a_working_entry(world)
    with working(world):
        switch.halt(why="the feed looks wrong", by="ann")
        assert world.row().status is BookStatus.HALTED
        switch.reduce(why="stops again", by="bob")
        switch.resume(why="it is back", by="ann")
    nothing = "0 positions are held, 0 stops rest"
    said = capsys.readouterr().out.replace("HALTED: 0", "HALTED: 1")  # a pass may be under way
    assert said.splitlines() == [
        "us_baskets is HALTED from now on.",
        f"us_baskets is HALTED: 1 unfinished orders are withdrawn, {nothing}",
        f"us_baskets is REDUCING: 0 unfinished orders are withdrawn, {nothing}",
        "us_baskets is ACTIVE: it enters again",
    ]
    assert world.order("AAPL").client_id == order.client_id
    assert world.order("AAPL").state is OrderState.CANCELLED
    assert asked_by(world) == [
        ("halt", "ann", "the feed looks wrong"),
        ("reduce", "bob", "stops again"),
        ("resume", "ann", "it is back"),
    ]


def test_a_whole_command_line(world: World) -> None:
    order = a_working_entry(world)
    with working(world):
        code, out, err = metronome("cancel", order.client_id[:10], "--why", "a mistake")
        assert (code, err) == (0, "")
        assert out == f"{order.client_id} is CANCELLED, 0 of {order.quantity} AAPL filled\n"
        code, out, err = metronome("halt", "--flatten", "--why", "closing", "--by", "ann")
        assert (code, err) == (0, "")
        assert out.splitlines()[0] == "us_baskets is FLATTENING from now on."
        code, out, err = metronome("cancel", "nothing", "--why", "a mistake")
        assert (code, out) == (1, "")
        assert err == "metronome: no order of us_baskets begins with 'nothing'\n"
    code, out, err = metronome("halt")
    assert code == 2
    assert "Missing option '--why'" in err


@pytest.mark.usefixtures("impatient")
def test_a_halt_without_a_worker_holds_and_a_resume_does_not_come_later(world: World) -> None:
    a_working_entry(world)
    with pytest.raises(Transient, match=r"the book stays HALTED, .* shows the processes$"):
        switch.halt(why="news")
    row = world.row()
    assert (row.status, row.why) == (BookStatus.HALTED, "news")
    with pytest.raises(Transient, match=r"^no worker of us_baskets .*: nothing was changed"):
        switch.resume(why="over")
    world.run(2)
    assert world.row().status is BookStatus.HALTED
    assert world.order("AAPL").state is OrderState.CANCELLED
    with world.to.database.begin() as db:
        results = [getattr(commands.get(db, n), "result", None) for n in (1, 2)]
    assert str(results[0]).startswith("us_baskets is HALTED: 1 unfinished")
    assert results[1] == "withdrawn"


@pytest.mark.usefixtures("impatient")
def test_the_worker_is_woken(world: World) -> None:
    with pytest.raises(Transient):
        switch.resume(why="over")
    queue = redis.Redis.from_url(world.redis_url)
    try:
        [message] = [json.loads(text) for text in queue.lrange("pipeline", 0, -1)]
    finally:
        queue.close()
    assert message["headers"]["task"] == "pipeline_e2e"


@pytest.mark.parametrize("why", ["", " ", "two\nlines", "x" * 501])
def test_a_reason_is_a_line(world: World, why: str) -> None:
    with pytest.raises(InvalidData, match=r"^--why: accepted: a line of 1 to 500 characters\.$"):
        switch.halt(why=why)
    with pytest.raises(InvalidData, match=r"^--by: accepted: a line of 1 to 500 characters\.$"):
        switch.halt(why="news", by=why)
    assert world.row().status is BookStatus.ACTIVE
    assert asked_by(world) == []


def test_a_sync_is_a_table(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.buy("AAPL")
    with working(world):
        sync(dry_run=True)
        assert capsys.readouterr().out == (
            "us_baskets: 1 orders and 1 positions are the same, and so is the cash. "
            "Nothing was changed.\n"
        )
        with world.to.database.begin() as db:
            db.exec_driver_sql("UPDATE positions SET quantity = quantity + 5")
        sync(dry_run=True)
        lines = capsys.readouterr().out.splitlines()
        held = world.broker.ledger.positions()["AAPL"].quantity
        assert lines[1].split() == ["what", "subject", "ours", "theirs", "age", "action"]
        row = ["position", "AAPL", str(held + 5), str(held), "1s", "entries", "stopped"]
        assert lines[3].split() == row
        with pytest.raises(InvalidData, match=r"^--why: missing; accepted: why the broker's"):
            sync(accept="AAPL")
        with pytest.raises(InvalidData, match=r"^--accept: accepted: with --why, and without"):
            sync(accept="AAPL", dry_run=True, why="x")
        sync(accept="aapl", why="the row is wrong", by="ann")
        assert capsys.readouterr().out == f"accepted: {held + 5} AAPL are now {held}\n"
        sync(json=True)
        told = json.loads(capsys.readouterr().out)
    assert (told["said"], told["lines"], told["same_positions"]) == ("reconciled", [], 1)
    assert world.held()["AAPL"].quantity == held > D(0)
