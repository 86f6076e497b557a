"""What people ask of a book, carried out one by one: each kind of command by its own function."""

from collections.abc import Callable, Mapping
from itertools import islice

from sqlalchemy.engine import Connection

from app.engine.errors import InvalidData
from app.io.store import commands
from app.io.store.commands import Command
from app.pipeline.services import Services

#: Carries a command out in the transaction that notes its result; None: it is not done yet.
Carry = Callable[[Services, Connection, Command], str | None]
#: How the result of a command begins that was refused.
REFUSED = "refused: "
#: So many at a time: the others are still there in the next round.
AT_ONCE = 20


def kinds_waiting(to: Services) -> frozenset[str]:
    """Return the kinds of the commands that wait: one look for all who carry some out."""
    with to.database.begin() as db:
        return commands.kinds_waiting(db, to.book.id)


def carry_out(to: Services, kinds: Mapping[str, Carry]) -> int:
    """Carry out the commands of these kinds that wait; return how many are done.

    Each has a transaction of its own. A refusal is the command's result, in one line, and nothing
    else is written then.
    """
    with to.database.begin() as db:
        waiting = commands.waiting(db, to.book.id, kinds)
    done = (number for number in waiting if _carry(to, kinds, number))
    return sum(1 for _ in islice(done, AT_ONCE))


def _carry(to: Services, kinds: Mapping[str, Carry], number: int) -> bool:
    with to.database.begin() as db:
        command = commands.take(db, number)
        if command is None:
            return False
        try:
            with db.begin_nested():
                said = kinds[command.kind](to, db, command)
        except InvalidData as error:
            said = f"{REFUSED}{error}"
        if said is not None:
            commands.done(db, number, said)
    if said is not None:
        to.log("command", book=to.book.id, kind=command.kind, by=command.asked_by, said=said)
    return said is not None
