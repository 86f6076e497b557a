"""A world in which a book rehearses on a paper account, one whole session after another."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from pipeline_market import CALENDAR, MINUTE
from pipeline_world import World, world_of

from app.config import load
from app.config.readiness import to_be_rehearsed
from app.engine.orders import Purpose
from app.pipeline import dress_rehearsal, in_force, reconcile, sessions
from app.pipeline.dress_rehearsal import NAMES, Wanted

CODE = "c0ffee" * 7
FIRST = datetime.fromisoformat("2026-03-16T13:30:00+00:00")  # a Monday
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
#: From the open on.
PRE_CLOSE, CLOSE = timedelta(hours=6, minutes=20), timedelta(hours=6, minutes=30)


@contextmanager
def rehearsal_of(urls: tuple[str, str], folder: Path) -> Iterator[World]:
    with world_of(urls, folder, at=FIRST - HOUR) as made:
        restart(made)
        yield made


def restart(world: World, code: str = CODE) -> None:
    """Start the worker anew: a process notes what it works with once."""
    world.services[0] = replace(world.to, commit=code, noted={})
    in_force.current(world.to)


def trade(world: World, opens: datetime) -> None:
    """Open the book, and take a position and leave it."""
    world.at(opens + 10 * MINUTE)
    assert sessions.advance(world.to) == "TRADING"
    world.buy("AAPL")
    world.intend("AAPL", cause=f"{opens}", purpose=Purpose.STOP_LOSS)
    world.run()
    world.stream(world.order("AAPL"))
    world.run()


def stay(world: World, opens: datetime) -> None:
    """Be there until the pre-close, and look as often as a book may be away."""
    for hour in range(1, 7):
        world.at(opens + hour * HOUR)
        assert reconcile.run(world.to) == reconcile.AGREED
    world.at(opens + PRE_CLOSE)
    assert sessions.advance(world.to) == "CLOSING"


def close(world: World, opens: datetime) -> None:
    world.at(opens + CLOSE)
    assert sessions.advance(world.to) == "CLOSED"


def live_through(world: World, days: range = range(5)) -> None:
    """Let these days pass, each with a purchase that is sold again."""
    for n in days:
        trade(world, FIRST + n * DAY)
        stay(world, FIRST + n * DAY)
        close(world, FIRST + n * DAY)


def looked(world: World, code: str = CODE, **settings: str) -> dict[str, tuple[bool, str]]:
    """Return what each item says, of the settings that are to trade."""
    values = to_be_rehearsed(load(settings, Path("no such file")), world.book.id)
    wanted = Wanted(world.book, code, values)
    with world.to.database.begin() as db:
        found = list(dress_rehearsal.look(db, wanted, CALENDAR))
    assert sorted(each.name for each in found) == sorted(NAMES)
    return {each.name: (each.ok, each.said) for each in found}


def refused(found: Mapping[str, tuple[bool, str]]) -> list[str]:
    return [name for name in NAMES if not found[name][0]]
