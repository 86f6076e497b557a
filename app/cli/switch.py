"""`metronome halt`, `reduce`, `resume` and `cancel`: what a book may send, in a person's hands."""

from typing import Annotated

import typer

from app.cli.asking import Book, By, Why, answer, answer_or_withdraw, line, unanswered, who
from app.cli.reading import Reader, reading

#: The task that carries these commands out.
TASK = "pipeline_e2e"


def halt(
    why: Why,
    flatten: Annotated[
        bool, typer.Option("--flatten", help="Sell every position at the market too.")
    ] = False,
    book: Book = None,
    by: By = None,
) -> None:
    """Stop a book: nothing is sent, unfinished orders are cancelled; stops that rest stay.

    It holds at once, also where no worker runs, until a person resumes.
    """
    with reading(book, "halt") as reader:
        _set(reader, "halt", why, by, flatten=flatten)


def reduce(why: Why, book: Book = None, by: By = None) -> None:
    """Stop entries only: exits and stops go on until a person resumes."""
    with reading(book, "reduce") as reader:
        _set(reader, "reduce", why, by)


def resume(why: Why, book: Book = None, by: By = None) -> None:
    """Let a book trade again. Only a running worker carries this out."""
    with reading(book, "resume") as reader:
        _set(reader, "resume", why, by)


def cancel(
    order: Annotated[str, typer.Argument(help="The order's client id, or its beginning.")],
    why: Why,
    book: Book = None,
    by: By = None,
) -> None:
    """Cancel an order; what has filled of it is kept."""
    from app.pipeline import switch

    with reading(book, "cancel") as reader:
        name, reason, asker = line("ORDER", order), line("--why", why), who(by)
        with reader.database.begin() as db:
            asked = switch.ask_cancel(db, reader.book.id, name, asker, reason)
        said = answer(reader, asked.number, TASK)
        if said is None:
            raise unanswered(reader, "each pass asks the broker again until the order has ended")
        print(said)


def _set(reader: Reader, kind: str, why: str, by: str | None, **arguments: bool) -> None:
    from app.io.clock import wall
    from app.pipeline import switch

    reason, asker = line("--why", why), who(by)
    with reader.database.begin() as db:
        asked = switch.ask(db, reader.book.id, kind, arguments, asker, reason, wall())
    if asked.holds is None:
        print(answer_or_withdraw(reader, asked.number, TASK))
        return
    print(f"{reader.book.id} is {asked.holds} from now on.", flush=True)
    said = answer(reader, asked.number, TASK)
    if said is None:
        raise unanswered(
            reader, f"the book stays {asked.holds}, the next pass withdraws what is at the broker"
        )
    print(said)
