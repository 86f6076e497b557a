"""`metronome sync`: what differs between a book and its broker, and what is done about it."""

import json as jsonlib
from typing import Annotated, Any

import typer

from app.cli.asking import Book, By, answer_or_withdraw, line, who
from app.cli.reading import Reader, reading
from app.cli.terminal import terminal
from app.engine.errors import InvalidData

TASK = "reconcile"


def sync(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what differs; change nothing.")
    ] = False,
    accept: Annotated[
        str | None,
        typer.Option(
            metavar="SYMBOL",
            help="The broker's number of it, or of the currency's cash, is right: take it over.",
        ),
    ] = None,
    why: Annotated[str | None, typer.Option(help="Why, with --accept.")] = None,
    book: Book = None,
    by: By = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare orders, positions and cash with the broker's now, and repair what it explains."""
    if accept is not None and (dry_run or json):
        raise InvalidData("--accept: accepted: with --why, and without --dry-run and --json.")
    with reading(book, "sync") as reader:
        if accept is not None:
            print(_accept(reader, accept, why, by))
            return
        reason = line("--why", why) if why is not None else "on demand"
        told = _ask(reader, "sync", {"dry_run": dry_run}, who(by), reason)
    if json:
        print(told)
    else:
        _show(reader, jsonlib.loads(told))


def _accept(reader: Reader, symbol: str, why: str | None, by: str | None) -> str:
    if why is None:
        raise InvalidData("--why: missing; accepted: why the broker's number is right.")
    asked = {"symbol": line("--accept", symbol).upper()}
    return _ask(reader, "accept", asked, who(by), line("--why", why))


def _ask(reader: Reader, kind: str, asked: dict[str, Any], by: str, why: str) -> str:
    from app.io.store import commands

    with reader.database.begin() as db:
        number = commands.ask(db, reader.book.id, kind, asked, by, why)
    return answer_or_withdraw(reader.asker, number, TASK)


def _show(reader: Reader, told: dict[str, Any]) -> None:
    from rich import box
    from rich.table import Table

    same = f"{told['same_orders']} orders and {told['same_positions']} positions are the same"
    if told["lines"]:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for column in ("what", "subject", "ours", "theirs", "age", "action"):
            table.add_column(column, overflow="fold")
        for each in told["lines"]:
            numbers = (each["ours"] or "-", each["theirs"] or "-", _age(each["age_s"]))
            table.add_row(each["kind"], each["subject"], *numbers, each["action"])
        terminal().print(table)
    else:
        same += ", and so is the cash"
    print(f"{reader.book.id}: {same}. {told['said'].capitalize()}.")


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes = int(seconds // 60)
    if minutes < 1:
        return f"{seconds:.0f}s"
    return f"{minutes}m" if minutes < 120 else f"{minutes // 60}h{minutes % 60:02}m"
