"""`metronome tape`: which days can be played again, and one of them as a file."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.moments import date as date_of
from app.cli.reading import reading

tape = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@tape.command("list")
def list_days(
    book: Annotated[str | None, typer.Option(help="Which book; else the first.")] = None,
) -> None:
    """List the days on the tape of a book."""
    from app.lab import days

    with reading(book, "tape") as reader, reader.database.begin() as db:
        found = days.dates(db, reader.book.id, reader.calendar)
    for date, bases in found.items():
        print(date if len(bases) == 1 else f"{date}, opened {len(bases)} times")
    if not found:
        print(f"No day of {reader.book.id} is on the tape yet.")


@tape.command()
def export(
    date: Annotated[str, typer.Argument(help="A day on the tape, YYYY-MM-DD.")],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    book: Annotated[str | None, typer.Option(help="Which book; else the first.")] = None,
) -> None:
    """Write a day to a file, to be played on any machine with --tape."""
    from app.lab import days, tape_file

    with reading(book, "tape") as reader, reader.database.begin() as db:
        day = days.day(db, reader.book.id, reader.calendar, date_of("DATE", date))
    size = tape_file.write(day, out)
    print(f"{out}: {len(day.rows):,} turns of {day.book} on {day.date}, {size / 1e6:.1f} MB")
