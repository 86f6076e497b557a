"""`metronome halt`, `reduce`, `resume` and `cancel`: what a book may send, in a person's hands."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.asking import (
    By,
    Why,
    answer,
    answer_or_withdraw,
    line,
    patience,
    unanswered,
    who,
)
from app.cli.reading import Asker, reaching, reading, tell_ignored
from app.engine.errors import AppError

if TYPE_CHECKING:
    from app.pipeline.switch import Asked

#: The task that carries these commands out.
TASK = "pipeline_e2e"

Every = Annotated[str | None, typer.Option("--book", help="Which book; else every one.")]
One = Annotated[str | None, typer.Option("--book", help="Which book; needed where several run.")]


def halt(
    why: Why,
    flatten: Annotated[
        bool, typer.Option("--flatten", help="Sell every position at the market too.")
    ] = False,
    book: Every = None,
    by: By = None,
) -> None:
    """Stop books: nothing is sent, unfinished orders are cancelled; stops that rest stay.

    It holds at once, also where no worker runs, until a person resumes.
    """
    _stop("halt", book, why, by, flatten=flatten)


def reduce(why: Why, book: Every = None, by: By = None) -> None:
    """Stop entries only: exits and stops go on until a person resumes."""
    _stop("reduce", book, why, by)


def resume(why: Why, book: One = None, by: By = None) -> None:
    """Let a book trade again. Only a running worker carries this out."""
    from app.io.clock import wall
    from app.pipeline import switch

    reason, by = line("--why", why), who(by)
    with reading(book, "resume", named=True) as reader:
        with reader.database.begin() as db:
            asked = switch.ask(db, reader.book.id, switch.RESUME, {}, by, reason, wall())
        print(answer_or_withdraw(reader.asker, asked.number, TASK))


def cancel(
    order: Annotated[str, typer.Argument(help="The order's client id, or its beginning.")],
    why: Why,
    book: Every = None,
    by: By = None,
) -> None:
    """Cancel an order; what has filled of it is kept."""
    from app.pipeline import switch

    name, reason, by = line("ORDER", order), line("--why", why), who(by)
    with reaching(book, "cancel") as askers:
        books = {each.book: each for each in askers}
        with askers[0].database.begin() as db:
            asked = switch.ask_cancel(db, books, name, by, reason)
        tell_ignored()
        asker = books[asked.book]
        said = answer(asker, asked.number, TASK)
        if said is None:
            raise unanswered(asker, "each pass asks the broker again until the order has ended")
        print(said)


def _stop(kind: str, book: str | None, why: str, by: str | None, **arguments: bool) -> None:
    """Ask it of each book, and wait for the answers only when all of them have been asked."""
    reason, by = line("--why", why), who(by)
    wrong: dict[str, AppError] = {}
    asked: dict[Asker, Asked | None] = {}
    with reaching(book, kind) as askers:
        # One that is asked of every book lifts nothing; a flatten says what is to be done.
        taking = kind == "reduce" and len(askers) > 1
        for asker in askers:
            with _noting(wrong, asker.book):
                asked[asker] = _ask(asker, kind, reason, by, arguments, taking=taking)
        tell_ignored()
        until = patience()
        for asker, each in asked.items():
            if each is not None:
                with _noting(wrong, asker.book):
                    print(_answer(asker, each, until))
        _raise(wrong)


def _ask(
    asker: Asker, kind: str, why: str, by: str, arguments: Mapping[str, bool], *, taking: bool
) -> "Asked | None":
    """Ask a book for a state, and say at once what holds from now on.

    ``taking``: a book that would get leave by it is left as somebody set it.
    """
    from app.engine.book import BookStatus
    from app.engine.permissions import takes_leave
    from app.io.clock import wall
    from app.io.store import book_states
    from app.pipeline import switch

    with asker.database.begin() as db:
        status = book_states.lock(db, asker.book).status
        if taking and not takes_leave(status, BookStatus.REDUCING):
            print(f"{asker.book} stays {status}: --book {asker.book} lets its exits go on.")
            return None
        asked = switch.ask(db, asker.book, kind, arguments, by, why, wall())
    if asked.holds is not None:
        print(f"{asker.book} is {asked.holds} from now on.", flush=True)
    return asked


def _answer(asker: Asker, asked: "Asked", until: float) -> str:
    if asked.holds is None:
        return answer_or_withdraw(asker, asked.number, TASK, until)
    said = answer(asker, asked.number, TASK, until)
    if said is None:
        raise unanswered(
            asker,
            f"the book stays {asked.holds}, the next pass withdraws what is at the broker",
        )
    return said


@contextmanager
def _noting(wrong: dict[str, AppError], book: str) -> Iterator[None]:
    """Keep what went wrong with one book, so that the others are asked all the same."""
    try:
        yield
    except AppError as error:
        wrong[book] = error


def _raise(wrong: Mapping[str, AppError]) -> None:
    if len(wrong) == 1:
        raise next(iter(wrong.values()))
    if wrong:
        raise AppError("\n".join(f"{book}: {error}" for book, error in wrong.items()))
