"""Asking a book's worker for something: the row, and the wait for its answer."""

import getpass
from typing import Annotated

import typer

from app.cli.reading import Reader
from app.engine.errors import InvalidData, Transient

#: Wall seconds that a worker is given to carry out a command, and between two looks at it.
PATIENCE_S, LOOK_S = 60.0, 0.2
LONGEST_WHY = 500

Book = Annotated[str | None, typer.Option(help="Which book; else the first.")]
Why = Annotated[str, typer.Option(help="Why, for whoever looks later.")]
By = Annotated[str | None, typer.Option(help="Who asks; else the user of this machine.")]


def line(name: str, text: str) -> str:
    """Return what may stand in a row. Raises InvalidData, with its name, for anything else."""
    if not text.strip() or len(text) > LONGEST_WHY or not text.isprintable():
        raise InvalidData(f"{name}: accepted: a line of 1 to {LONGEST_WHY} characters.")
    return text.strip()


def who(by: str | None) -> str:
    """Return who asks: the name that was given, or that of the user."""
    if by is not None:
        return line("--by", by)
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name
        raise InvalidData("--by: this account has no name; accepted: your name.") from None


def answer_or_withdraw(reader: Reader, number: int) -> str:
    """Wait for a command's result, and take the command back where no worker answers in time.

    Raises InvalidData for a refusal, and Transient without an answer: nothing happens then.
    """
    from app.io.clock import monotonic, pause
    from app.io.store import commands

    ends = monotonic() + PATIENCE_S
    while monotonic() < ends:
        with reader.database.begin() as db:
            command = commands.get(db, number)
        if command is not None and command.result is not None:
            if command.result.startswith("refused: "):
                raise InvalidData(command.result.removeprefix("refused: "))
            return command.result
        pause(LOOK_S)
    with reader.database.begin() as db:
        withdrawn = commands.withdraw(db, number)
    said = "nothing was changed" if withdrawn else "it is being carried out; ask again"
    raise Transient(
        f"no worker of {reader.book.id} answered within {PATIENCE_S:.0f} s: {said}. "
        "`metronome status` shows the processes"
    )
