"""`metronome sweep`: every combination of some settings over days on the tape."""

import json as jsonlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date as Date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.moments import date as date_of
from app.cli.reading import told_in_a_line
from app.engine.errors import InvalidData

if TYPE_CHECKING:
    from app.engine.book import Book
    from app.io.calendar import ExchangeCalendar
    from app.io.store.database import Database
    from app.io.store.sweeps import Sweep

#: Wall seconds between two looks at what has been played.
LOOK_S = 0.5
MOST = 2_000


def sweep(
    grid: Annotated[Path, typer.Option(help="A TOML or JSON table: setting, list of values.")],
    over: Annotated[str, typer.Option(metavar="DATES", help="FROM..TO, a date, or all.")] = "all",
    workers: Annotated[
        int, typer.Option(min=0, max=64, help="Workers to start here; 0: they run elsewhere.")
    ] = 1,
    most: Annotated[int, typer.Option(min=1, help="Combinations at the most.")] = MOST,
    book: Annotated[str | None, typer.Option(help="Which book; else the first.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Play every combination on every day; the same sweep again goes on where it ended."""
    from app.config import load
    from app.io.calendar import ExchangeCalendar
    from app.io.store import sweeps
    from app.io.store.database import Database
    from app.lab import grid as grids
    from app.lab.sweep import summed

    trials = grids.trials(grids.read(grid), most)
    settings = load(os.environ, confirm_real=True)
    chosen = settings.book(book) if book else settings.books[0]
    calendar = ExchangeCalendar(chosen.calendar)
    servers = _servers(settings.database_url, settings.redis_url, settings.state)
    with told_in_a_line(), servers as urls:
        database = Database(urls[0], "metronome-sweep").of(chosen.id)
        made = _made(database, chosen, calendar, trials, over)
        _play(database, made, urls, workers)
        with database.begin() as db:
            found = sweeps.played(db, made.id)
        database.dispose()
    from app.cli.sweep_view import body, show

    done = summed(made, found)
    if json:
        print(jsonlib.dumps(body(made, done), indent=2))
    else:
        show(made, done)


@contextmanager
def _servers(database: str | None, redis: str | None, state: Path) -> Iterator[tuple[str, str]]:
    from app.local.running import open_servers

    if database and redis:
        yield database, redis
        return
    with open_servers(state) as (ours, wake):
        yield database or ours, redis or wake


def _made(
    database: "Database",
    book: "Book",
    calendar: "ExchangeCalendar",
    trials: Sequence[dict[str, str]],
    over: str,
) -> "Sweep":
    """Keep the sweep. Raises InvalidData for dates without a tape, ConfigError for bad trials."""
    from app.io.store import sweeps
    from app.lab import days
    from app.lab.sweep import day_of, sweep_of
    from app.lab.turns import begun
    from app.lab.whatif import Wish

    with database.begin() as db:
        known = sorted(days.dates(db, book.id, calendar))
    dates = _dates(over, known, book.id)
    base = begun(day_of(database, book.id, calendar, dates[0]).rows)
    for changes in trials:
        for entry in base.state.settings.values():
            Wish(changes)(book, entry)
    made = sweep_of(book.id, trials, dates)
    with database.begin() as db:
        sweeps.begin(db, made)
    return made


def _dates(over: str, known: Sequence[Date], book: str) -> list[Date]:
    if not known:
        raise InvalidData(f"no day of {book} is on the tape yet")
    if over == "all":
        return list(known)
    first, dots, last = over.partition("..")
    since = date_of("--over", first)
    until = date_of("--over", last) if dots else since
    found = [day for day in known if since <= day <= until]
    if not found:
        raise InvalidData(
            f"--over: {over}: no day of it is on the tape of {book},"
            f" which goes from {known[0]} to {known[-1]}"
        )
    return found


def _play(database: "Database", sweep: "Sweep", urls: tuple[str, str], workers: int) -> None:
    """Send what is left to the queue of research, and wait until all of it is played."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from app.io.clock import pause
    from app.io.store import sweeps

    with database.begin() as db:
        known = {(one.trial, one.date) for one in sweeps.played(db, sweep.id)}
    whole = [(trial, day) for day in sweep.dates for trial in range(len(sweep.trials))]
    left = [each for each in whole if each not in known]
    if not left:
        return
    _send(sweep.id, urls[1], left)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        _workers(workers, urls) as started,
        Progress(*columns, console=Console(stderr=True), transient=True) as progress,
    ):
        task = progress.add_task("", total=len(whole))
        while True:
            with database.begin() as db:
                done = sweeps.count(db, sweep.id)
            progress.update(task, completed=done)
            if done == len(whole):
                return
            if started and all(process.poll() is not None for process in started):
                raise InvalidData("every worker that was started here has ended; see what it said")
            pause(LOOK_S)


def _send(sweep: str, redis: str, left: Sequence[tuple[int, Date]]) -> None:
    from app.config.settings import celery_url
    from app.jobs.celery_app import RESEARCH, make_app

    app = make_app(celery_url(redis), only_sends=True)
    for trial, day in left:
        app.send_task("play_trial", (sweep, trial, day.isoformat()), queue=RESEARCH)


@contextmanager
def _workers(count: int, urls: tuple[str, str]) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Run workers of research as long as the block lasts."""
    told = os.environ | {"DATABASE_URL": urls[0], "REDIS_URL": urls[1], "LOG_LEVEL": "WARNING"}
    command = [str(Path(sys.executable).with_name("metronome")), "worker", "--research"]
    started = [subprocess.Popen(command, env=told) for _ in range(count)]
    try:
        yield started
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()
