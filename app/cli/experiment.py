"""`metronome experiment`: change settings for a while, with triggers that take them back."""

import json as jsonlib
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.asking import LONGEST_WHY, Book, Why, answer_or_withdraw
from app.cli.moments import ACCEPTED, moment
from app.cli.reading import Reader, reading
from app.cli.terminal import terminal
from app.engine.errors import InvalidData

if TYPE_CHECKING:
    from app.engine.experiments import Experiment
    from app.io.store.overrides import Override

experiment = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@experiment.command()
def start(
    name: Annotated[str, typer.Argument(help="What it is called: letters, digits, - and _.")],
    changed: Annotated[
        list[str], typer.Option("--set", help="A setting and its value, NAME=VALUE; repeatable.")
    ],
    sessions: Annotated[
        int | None, typer.Option(help="It ends with the close of so many sessions.")
    ] = None,
    until: Annotated[str | None, typer.Option(help=f"It ends then: {ACCEPTED}.")] = None,
    why: Why = "",
    book: Book = None,
) -> None:
    """Start an experiment: settings that are changed until it ends or is rolled back."""
    with reading(book, "experiment") as reader:
        asked: dict[str, Any] = {"name": name, "changes": _changes(changed), "sessions": sessions}
        if until is not None:
            asked["until"] = moment(reader, "--until", until).isoformat()
        print(_ask(reader, "experiment.start", asked, why))


@experiment.command()
def stop(
    name: Annotated[str, typer.Argument(help="The experiment that runs.")],
    why: Why = "",
    book: Book = None,
) -> None:
    """Stop an experiment: its settings go back to what they were."""
    with reading(book, "experiment") as reader:
        print(_ask(reader, "experiment.stop", {"name": name}, why))


@experiment.command()
def lift(
    name: Annotated[
        str, typer.Argument(help="The experiment that was rolled back, or tiers: applied tiers.")
    ],
    why: Why = "",
    book: Book = None,
) -> None:
    """Lift the settings that a rollback holds, or the tiers of a proposal that was applied."""
    with reading(book, "experiment") as reader:
        print(_ask(reader, "experiment.lift", {"name": name}, why))


@experiment.command(name="list")
def list_(book: Book = None, json: Json = False) -> None:
    """List the experiments, newest first."""
    from app.io.store import experiments

    with reading(book, "experiment") as reader, reader.database.begin() as db:
        found = experiments.newest(db, reader.book.id)
    if json:
        from app.api.running import experiment_view

        print(jsonlib.dumps([experiment_view(e).model_dump(mode="json") for e in found], indent=2))
    elif found:
        _table(reader, found)
    else:
        print(f"No experiment was ever started in {reader.book.id}.")


@experiment.command()
def status(book: Book = None, json: Json = False) -> None:
    """Show the experiment that runs, what it did, and every setting that is changed."""
    from app.io.store import experiments, overrides

    with reading(book, "experiment") as reader, reader.database.begin() as db:
        running = experiments.running(db, reader.book.id)
        changed = overrides.standing(db, reader.book.id)
    if json:
        from app.api.running import experiments_view

        told = experiments_view(reader.book.id, [running] if running else [], changed)
        print(jsonlib.dumps(told.model_dump(mode="json"), indent=2))
    else:
        _show(reader, running, changed)


def _changes(changed: list[str]) -> dict[str, str]:
    """Read NAME=VALUE. Raises InvalidData for anything else and for a name that comes twice."""
    pairs = [text.partition("=") for text in changed]
    for text, (name, equals, value) in zip(changed, pairs, strict=True):
        if not (name.strip() and equals and value.strip() and text.isprintable()):
            raise InvalidData(f"--set: {ascii(text)[:80]}; accepted: NAME=VALUE.")
    found = {name.strip(): value.strip() for name, _, value in pairs}
    if len(found) != len(pairs):
        raise InvalidData("--set: a setting is named twice; accepted: each once.")
    return found


def _ask(reader: Reader, kind: str, arguments: dict[str, Any], why: str) -> str:
    """Ask the pipeline and wait for its answer.

    Raises InvalidData for a refusal, and Transient where no worker answers: nothing happens then.
    """
    from app.io.store import commands

    if len(why) > LONGEST_WHY or not (why.isprintable() and arguments["name"].isprintable()):
        raise InvalidData(f"name, --why: accepted: a line of {LONGEST_WHY} characters at most.")
    with reader.database.begin() as db:
        asked = commands.ask(db, reader.book.id, kind, arguments, "operator", why)
    return answer_or_withdraw(reader.asker, asked)


def _table(reader: Reader, found: list["Experiment"]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("name", "state", "started", "until", "ended", "changes", "why it ended"):
        table.add_column(column, overflow="fold")
    for each in found:
        times = (each.started_at, each.until_at, each.ended_at)
        shown = (t.astimezone(reader.calendar.zone) if t else None for t in times)
        cells = (f"{t:%Y-%m-%d %H:%M}" if t else "" for t in shown)
        table.add_row(each.name, each.state, *cells, _spelt(each), each.ended_why or "")
    terminal().print(table)


def _spelt(of: "Experiment") -> str:
    return " ".join(f"{name}={text}" for name, text in sorted(of.changes.items()))


def _show(reader: Reader, running: "Experiment | None", changed: list["Override"]) -> None:
    if running is None:
        print(f"No experiment runs in {reader.book.id}.")
    else:
        until = f"{running.until_at.astimezone(reader.calendar.zone):%Y-%m-%d %H:%M %Z}"
        print(f"{running.name} runs in {reader.book.id} until {until}: {_spelt(running)}")
        for name, value in (running.measured or {}).items():
            if name not in ("readings", "fired"):
                print(f"  {name:<12}  {value}")
    for each in changed:
        held = (
            f"until {each.until_at:%Y-%m-%d %H:%M} UTC" if each.until_at else "until it is lifted"
        )
        print(f"{each.name}={each.value}  by {each.source}, {held}")
