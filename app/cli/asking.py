"""Asking a book's worker for something: the row, the wake-up, and the wait for its answer."""

import getpass
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated

import typer

from app.cli.reading import Asker, Unanswered
from app.engine.errors import AppError, InvalidData

#: Wall seconds that a worker is given to carry out a command, between two looks at it, and between
#: two wake-ups: a worker that is busy hears none.
PATIENCE_S, LOOK_S, WAKE_S = 60.0, 0.1, 2.0
LONGEST_WHY = 500

Book = Annotated[str | None, typer.Option(help="Which book; else the first.")]
Why = Annotated[str, typer.Option(help="Why, for whoever looks later.")]
By = Annotated[str | None, typer.Option(help="Who asks; else the user of this machine.")]


def line(name: str, text: str) -> str:
    """Return what may stand in a row. Raises InvalidData, which names the option."""
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


def patience() -> float:
    """Return until when an answer is waited for, in seconds of the machine."""
    from app.io.clock import monotonic

    return monotonic() + PATIENCE_S


def answer(
    asker: Asker, number: int, task: str | None = None, until: float | None = None
) -> str | None:
    """Wake the task and wait for a command's result; None where no worker answers in time.

    Raises InvalidData for a refusal.
    """
    from app.io.clock import monotonic, pause
    from app.io.store import commands
    from app.pipeline.commands import REFUSED

    until, woken = until or patience(), monotonic() - WAKE_S
    while True:
        if task is not None and monotonic() - woken >= WAKE_S:
            woken = monotonic()
            asker.wake(task)
        with asker.database.begin() as db:
            command = commands.get(db, number)
        if command is not None and command.result is not None:
            if command.result.startswith(REFUSED):
                raise InvalidData(command.result.removeprefix(REFUSED))
            return command.result
        if monotonic() >= until:
            return None
        pause(LOOK_S)


def answer_or_withdraw(
    asker: Asker, number: int, task: str | None = None, until: float | None = None
) -> str:
    """Wait for a command's result, and take the command back where none comes, whatever ends that.

    Raises InvalidData for a refusal, and Unanswered without an answer: nothing happens then.
    """
    try:
        with _hangups_raise():
            said = answer(asker, number, task, until)
    except InvalidData:
        raise
    except BaseException:
        # Ctrl-C, a line that dropped, a look that failed: nobody waits, so nothing may come of it.
        # Where this fails too, or kill -9 has ended us, the worker refuses it for its age.
        with suppress(AppError, OSError):
            print(f"metronome: interrupted: {_withdraw(asker, number)}", file=sys.stderr)
        raise
    if said is not None:
        return said
    raise unanswered(asker, _withdraw(asker, number))


def _withdraw(asker: Asker, number: int) -> str:
    """Take a command back unless it is too late, and say which."""
    from app.io.store import commands

    with asker.database.begin() as db:
        withdrawn = commands.withdraw(db, number)
    return "nothing was changed" if withdrawn else "it is being carried out; ask again"


@contextmanager
def _hangups_raise() -> Iterator[None]:
    """Let a terminal that goes away, or a polite kill, unwind like Ctrl-C until the block's end."""

    def unwind(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    # Under nohup a hang-up stays ignored.
    fatal = [n for n in (signal.SIGHUP, signal.SIGTERM) if signal.getsignal(n) is signal.SIG_DFL]
    for number in fatal:
        signal.signal(number, unwind)
    try:
        yield
    finally:
        for number in fatal:
            signal.signal(number, signal.SIG_DFL)


def unanswered(asker: Asker, what: str) -> Unanswered:
    """Return the error that says that no worker answered, and what that means."""
    return Unanswered(
        f"no worker of {asker.book} answered within {PATIENCE_S:.0f} s: {what}. "
        "`metronome status` shows the processes"
    )
