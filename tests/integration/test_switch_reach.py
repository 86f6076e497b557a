"""E11: the switch works where the settings do not, and stops every book of the database."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pipeline_world import World, world_of
from switch_world import a_working_entry, working

from app.cli import asking, switch
from app.config import ConfigError
from app.engine.book import BookStatus
from app.engine.errors import AppError, InvalidData
from app.engine.orders import OrderState
from app.io.store import book_states

METRONOME = Path(sys.executable).parent / "metronome"
NOT_NEEDED = "metronome: wrong in the settings, and not needed here: "


@pytest.fixture
def world(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    with world_of((database_url, redis_url), tmp_path) as made:
        assert made.open() == "TRADING"
        yield made


@pytest.fixture
def two(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A second book in the same database, with no worker behind it."""
    monkeypatch.setattr(asking, "PATIENCE_S", 1.0)
    with world.to.database.begin() as db:
        book_states.ensure(db, replace(world.book, id="another"), "x", world.market.at)
    return world


def statuses(world: World) -> dict[str, BookStatus]:
    with world.to.database.begin() as db:
        return {book: book_states.load(db, book).status for book in book_states.modes(db)}


@pytest.mark.parametrize(
    ("file", "wrong"),
    [
        ("TRADING_MODE=REAL\n", "TRADING_MODE"),
        ("MIXER_THRESHOLD=0.13\n", "us_baskets: MIXER_THRESHOLD, RTH_CUTOFF"),
        (
            "METRONOME_BOOKS=nope\nREDIS_URL=x\nnonsense\n",
            ".env line 3, REDIS_URL, METRONOME_BOOKS",
        ),
    ],
)
def test_what_takes_leave_away_is_not_refused_for_the_settings(
    world: World, file: str, wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    order = a_working_entry(world)
    Path(".env").write_text(file)
    with working(world):
        switch.cancel(order.client_id, why="a mistake")
        switch.reduce(why="news")
        switch.halt(why="news")
        with pytest.raises(ConfigError):  # what gives leave goes by all of the settings
            switch.resume(why="over")
    assert capsys.readouterr().err.splitlines() == [f"{NOT_NEEDED}{wrong}"] * 3
    assert world.row().status is BookStatus.HALTED
    assert world.order("AAPL").state is OrderState.CANCELLED


def test_a_halt_in_an_ordinary_shell_where_the_mode_is_real(world: World) -> None:
    Path(".env").write_text("TRADING_MODE=REAL\n")
    with working(world):
        done = subprocess.run(
            [METRONOME, "halt", "--why", "news"], capture_output=True, text=True, timeout=120
        )
    assert (done.returncode, done.stderr) == (0, f"{NOT_NEEDED}TRADING_MODE\n")
    assert done.stdout.splitlines()[0] == "us_baskets is HALTED from now on."


def test_a_halt_stops_every_book_also_where_one_does_not_answer(
    two: World, capsys: pytest.CaptureFixture[str]
) -> None:
    with working(two), pytest.raises(AppError, match=r"^no worker of another answered"):
        switch.halt(why="something is wrong")
    assert set(statuses(two).values()) == {BookStatus.HALTED}
    out = capsys.readouterr().out.splitlines()
    assert out[:2] == ["another is HALTED from now on.", "us_baskets is HALTED from now on."]
    assert out[2].startswith("us_baskets is HALTED: 0 unfinished orders")


def test_a_named_book_alone_is_stopped(two: World) -> None:
    with working(two):
        switch.halt(why="something is wrong", book="us_baskets")
    assert statuses(two) == {"another": BookStatus.ACTIVE, "us_baskets": BookStatus.HALTED}
    with pytest.raises(InvalidData, match=r"^--book: 'x'; accepted: another or us_baskets$"):
        switch.halt(why="something is wrong", book="x")


def test_a_reduce_of_every_book_lifts_no_halt(
    two: World, capsys: pytest.CaptureFixture[str]
) -> None:
    with two.to.database.begin() as db:
        at = two.market.at
        book_states.set_status(db, "another", BookStatus.HALTED, "the feed", "ann", at)
    with working(two):
        switch.reduce(why="news")
    assert statuses(two) == {"another": BookStatus.HALTED, "us_baskets": BookStatus.REDUCING}
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "another stays HALTED: --book another lets its exits go on."


def test_a_resume_names_its_book_where_there_are_several(two: World) -> None:
    two.set_status(BookStatus.HALTED)
    with pytest.raises(InvalidData, match=r"^--book: missing; accepted: another or us_baskets$"):
        switch.resume(why="over")
    with working(two):
        switch.resume(why="over", book="us_baskets")
    assert two.row().status is BookStatus.ACTIVE


def test_an_order_is_cancelled_whichever_books_it_is(two: World) -> None:
    order = a_working_entry(two)
    with working(two):
        switch.cancel(order.client_id[:10], why="a mistake")
    assert two.order("AAPL").state is OrderState.CANCELLED
    with pytest.raises(InvalidData, match="no order of another or us_baskets begins with 'x'"):
        switch.cancel("x", why="a mistake")
