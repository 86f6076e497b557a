"""`metronome funnel`: a day from scores to fills, and what each gate refused."""

import json as jsonlib
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.moments import date as read_date
from app.cli.reading import reading
from app.cli.terminal import terminal

if TYPE_CHECKING:
    from rich.console import Console

    from app.engine.funnel import Refused, Stage
    from app.pipeline.funnel import Funnel

BAR = 24


def funnel(
    date: Annotated[
        str | None,
        typer.Option(help="A date of the exchange such as 2026-03-20; else the newest session's."),
    ] = None,
    book: Annotated[str | None, typer.Option(help="Which book; else the first.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show a day as a funnel: scores, what each gate refused and why, orders, fills."""
    from app.pipeline.funnel import funnel as count
    from app.pipeline.funnel import newest_day

    day = None if date is None else read_date("--date", date)
    with reading(book, "funnel") as reader:
        day = day or newest_day(reader.database, reader.book.id)
        found = count(reader.database, reader.book, reader.calendar, day)
    if json:
        from app.api.funnel import funnel_view

        print(jsonlib.dumps(funnel_view(found).model_dump(mode="json"), indent=2))
    else:
        show(found)


def show(found: "Funnel") -> None:
    """Print the funnel: a block for each stage, its gates in order, a bar for what was refused."""
    console = terminal()
    console.print(f"{found.book} on {found.date}, from scores to fills")
    if not found.session:
        console.print("The exchange had no session on this day.")
    if not found.auto:
        console.print("AUTO_MODE is 0: decided and recorded, nothing is submitted.")
    if found.empty:
        console.print("Nothing was decided.")
        return
    for stage in found.stages:
        _print_stage(console, stage)
    states = ", ".join(f"{count:,} {state}" for state, count in found.orders.items())
    console.print()
    console.print(f"{sum(found.orders.values()):>12,}  orders{f': {states}' if states else ''}")
    console.print(f"{found.fills:>12,}  fills")


def _print_stage(console: "Console", stage: "Stage") -> None:
    from rich.table import Table

    console.print()
    console.print(f"{stage.taken:>12,}  {stage.what}", style="bold")
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for side in ("right", "left", "left", "left", "left"):
        table.add_column(justify=side, overflow="fold")
    for refused in stage.refused:
        table.add_row(*_line(stage, refused), style=None)
    table.add_row(f"{stage.passed:>12,}", _bar(stage.passed, stage.taken), "passed", style="green")
    console.print(table)


def _line(stage: "Stage", refused: "Refused") -> tuple[str, str, str, str, str]:
    from app.api.words import in_words

    top = ", ".join(f"{symbol} {count:,}" for symbol, count in refused.top)
    bar = _bar(refused.count, stage.taken)
    return f"{-refused.count:>12,}", bar, refused.gate, in_words(refused.reason), top


def _bar(part: int, whole: int) -> str:
    """Return a bar as long as the part's share, at least a sliver of something."""
    eighths = max(round(8 * BAR * part / whole), int(part > 0)) if whole else 0
    return ("█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()).ljust(BAR)
