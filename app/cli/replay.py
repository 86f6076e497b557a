"""`metronome replay`: a day's decisions once more, over its tape, and whether they are the same."""

import json as jsonlib
from datetime import date as Date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from app.cli.moments import date as date_of
from app.cli.reading import reading
from app.engine.errors import AppError, InvalidData

if TYPE_CHECKING:
    from app.lab.replay import Difference, Replayed
    from app.lab.tape_file import Day

TAPE_HELP = "Read the day from this file; `metronome tape export` writes one."


def replay(
    date: Annotated[str, typer.Argument(help="A day on the tape, YYYY-MM-DD.")],
    book: Annotated[str | None, typer.Option(help="Which book; else the first.")] = None,
    tape: Annotated[Path | None, typer.Option(help=TAPE_HELP)] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Fail where a decision comes out otherwise.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Decide a past day once more: the same steps, over what was recorded, in memory."""
    from app.io.clock import monotonic
    from app.lab.replay import replay as play

    day, zone = found(book, date_of("DATE", date), tape)
    began = monotonic()
    result = play(day.book, day.rows)
    seconds = monotonic() - began
    if json:
        print(jsonlib.dumps(_body(day, result, seconds), indent=2))
    else:
        _show(day, result, seconds, zone)
    if verify and not result.equal:
        raise AppError(f"{day.date}: decisions came out otherwise than they were recorded")


def found(book: str | None, wanted: Date, file: Path | None) -> tuple["Day", ZoneInfo]:
    """Return the day that is meant, from the database or a file, and the exchange's zone."""
    from app.io.calendar import ExchangeCalendar
    from app.lab import days, tape_file

    if file is None:
        with reading(book, "replay") as reader, reader.database.begin() as db:
            return days.day(db, reader.book.id, reader.calendar, wanted), reader.calendar.zone
    day = tape_file.read(file)
    if day.date != wanted.isoformat():
        raise InvalidData(f"DATE: {wanted}; accepted: {day.date}, the day in {file}")
    if book is not None and book != day.book:
        raise InvalidData(f"--book: {book!r}; accepted: {day.book}, the book in {file}")
    return day, ExchangeCalendar(_calendar(day)).zone


def _calendar(day: "Day") -> str:
    from app.lab.turns import book_of

    return book_of(day.book, day.rows).calendar


def _body(day: "Day", result: "Replayed", seconds: float) -> dict[str, Any]:
    first = result.difference
    return {
        "book": day.book,
        "date": day.date,
        "equal": result.equal,
        "recorded": result.recorded,
        "replayed": result.replayed,
        "decisions": dict(sorted(result.decisions.items())),
        "changes": result.changes,
        "seconds": round(seconds, 3),
        "difference": None
        if first is None
        else {
            "row": first.row,
            "step": first.step,
            "at": first.at.isoformat(),
            "recorded": first.recorded,
            "replayed": first.replayed,
        },
    }


def _show(day: "Day", result: "Replayed", seconds: float, zone: ZoneInfo) -> None:
    steps = ", ".join(f"{count:,} {step}" for step, count in sorted(result.decisions.items()))
    print(f"{day.book} on {day.date}: {steps or 'no decision'}, over {result.changes:,} changes")
    print(f"recorded {result.recorded}")
    print(f"replayed {result.replayed} in {seconds:.1f} s")
    if result.difference is not None:
        _show_difference(result.difference, zone)
    elif result.equal:
        print("equal, byte for byte")


def _show_difference(first: "Difference", zone: ZoneInfo) -> None:
    at = first.at.astimezone(zone)
    print(f"the first difference: {first.step} at {at:%H:%M:%S.%f}, row {first.row} of the tape")
    print(f"- recorded: {jsonlib.dumps(first.recorded, indent=2)}")
    print(f"+ replayed: {jsonlib.dumps(first.replayed, indent=2)}")
