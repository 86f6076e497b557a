"""`metronome settle`: say what became of an order in doubt that nothing else can settle."""

from typing import Annotated

import typer

from app.cli.asking import Book, By, Why, answer_or_withdraw, line, who
from app.cli.reading import reading
from app.engine.errors import InvalidData


def settle(
    order: Annotated[str, typer.Argument(help="The order's client id, or its beginning.")],
    why: Why,
    not_there: Annotated[
        bool, typer.Option("--not-there", help="The broker does not have it.")
    ] = False,
    is_: Annotated[
        str | None, typer.Option("--is", help="The broker's id of the order that it is.")
    ] = None,
    book: Book = None,
    by: By = None,
) -> None:
    """Say what became of an order in doubt: it is not at the broker, or it is that one there.

    A worker carries this out. Look at the broker's own site first: this is final.
    """
    from app.io.store import commands
    from app.pipeline.settle import KIND

    if not_there == (is_ is not None):
        raise InvalidData("accepted: either --not-there or --is BROKER_ID.")
    name, reason, asker = line("ORDER", order), line("--why", why), who(by)
    said = {"is": line("--is", is_)} if is_ is not None else {"not_there": True}
    with reading(book, "settle") as reader:
        with reader.database.begin() as db:
            asked = commands.ask(db, reader.book.id, KIND, {"order": name, **said}, asker, reason)
        print(answer_or_withdraw(reader.asker, asked, "pipeline_e2e"))
