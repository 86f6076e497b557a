"""`metronome whatif`: what a past day would have come to with other settings."""

import json as jsonlib
from collections.abc import Collection
from datetime import date as Date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.moments import date as date_of
from app.cli.pairs import changed
from app.cli.reading import reading
from app.cli.replay import TAPE_HELP, found
from app.engine.errors import InvalidData

if TYPE_CHECKING:
    from app.lab.whatif import Outcome, Wish


def whatif(
    date: Annotated[str, typer.Argument(help="A day on the tape, YYYY-MM-DD.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A number of the book; may be repeated."),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="GATE", help="A gate to leave out; may be repeated."),
    ] = None,
    book: Annotated[str | None, typer.Option(help="Which book; else the first.")] = None,
    tape: Annotated[Path | None, typer.Option(help=TAPE_HELP)] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Play a day twice, as it was and as it is wished; show what differs, and keep it."""
    from app.lab.comparison import compared, kind_of
    from app.lab.whatif import Wish, play

    wish = Wish(changed(set_ or []), frozenset(without or []))
    if not wish.changes and not wish.without:
        raise InvalidData("nothing would differ: give --set KEY=VALUE or --without GATE")
    day, zone = found(book, date_of("DATE", date), tape)
    before = play(day.book, day.rows)
    _check_gates(wish, before)
    body = compared(day.book, day.date, wish, before, play(day.book, day.rows, wish))
    if tape is None:
        _keep(book, Date.fromisoformat(day.date), kind_of(wish), body)
    if json:
        print(jsonlib.dumps(body, indent=2))
    else:
        from app.cli.whatif_view import show

        show(body, zone)


def _check_gates(wish: "Wish", day: "Outcome") -> None:
    """Raise InvalidData for a gate that said no to nobody that day, or that cannot be left out."""
    from app.engine.verdicts import Reason
    from app.lab.refused import NEEDED

    said_no = {gate for _, gate, reason in day.verdicts if reason != Reason.PASSED}
    for gate in sorted(wish.without):
        if gate in NEEDED:
            raise InvalidData(f"--without: {gate} makes an order one at all; it cannot be left out")
        if gate not in said_no:
            raise InvalidData(
                f"--without: {gate[:40]!r}; accepted: a gate that refused something that day,"
                f" {_listed(said_no - NEEDED)}"
            )


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "and none did"


def _keep(book: str | None, day: Date, kind: str, body: dict[str, Any]) -> None:
    from app.io.store import reports

    with reading(book, "whatif") as reader, reader.database.begin() as db:
        reports.save(db, reader.book.id, day, kind, body, html="")
