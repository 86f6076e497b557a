"""`metronome why`: the chain of gates behind what a symbol did or did not do."""

import json as jsonlib
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.moments import ACCEPTED, moment
from app.cli.reading import Reader, reading
from app.engine.errors import InvalidData

if TYPE_CHECKING:
    from app.pipeline.why import Explanation


def why(
    symbol: Annotated[str, typer.Argument(help="A symbol of the book's universe.")],
    at: Annotated[
        str | None,
        typer.Option(help=f"What was decided at or before this time: {ACCEPTED}."),
    ] = None,
    book: Annotated[str | None, typer.Option(help="Which book; else the first.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say why a symbol did or did not trade: every gate with what it measured and its limit."""
    name = symbol.upper()
    with reading(book, "why") as reader:
        found = _found(reader, name, at)
    if json:
        from app.api.why import why_view

        print(jsonlib.dumps(why_view(found).model_dump(mode="json"), indent=2))
    elif not found.decisions:
        print(_nothing(found, at))
    else:
        from app.cli.why_view import show

        show(found, reader.calendar.zone)


def _nothing(found: "Explanation", at: str | None) -> str:
    from app.io.store.chains import LOOK_BACK

    when = f" at {at}, nor in the {LOOK_BACK.days} days before" if at else " yet"
    return f"Nothing is known of {found.symbol} in {found.book}{when}."


def _found(reader: Reader, symbol: str, at: str | None) -> "Explanation":
    """Read the newest chain. Raises InvalidData for an unknown symbol and a bad time."""
    from app.pipeline.why import Explanation, explain

    book = reader.book
    when = None if at is None else moment(reader, "--at", at)
    found = Explanation(book.id, symbol, book.auto, ())
    if symbol.isascii() and symbol.isprintable():
        found = explain(reader.database, book, symbol, when)
    if not found.decisions and symbol not in book.universe.symbols:
        known = ", ".join(sorted(book.universe.symbols))
        raise InvalidData(f"{symbol!r} is not in the universe of {book.id}, which is {known}.")
    return found
