"""What people ask of a book, carried out one by one: each kind of command by its own function."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import islice

from sqlalchemy.engine import Connection

from app.engine.errors import InvalidData, OutcomeUnknown, Rejected, Transient
from app.io.store import commands
from app.io.store.commands import Command
from app.pipeline.services import Services

#: Carries a command out in the transaction that notes its result; None: it is not done yet.
Carry = Callable[[Services, Connection, Command], str | None]
#: Asks the broker what a command needs, while no transaction is open; returns what carries the
#: command out then, or its result.
Ask = Callable[[Services, Command], Carry | str]
#: How the result of a command begins that was refused.
REFUSED = "refused: "
#: So many at a time: the others are still there in the next round.
AT_ONCE = 20
#: Whoever asks takes a command back that nobody answers in a minute. One that is older was left by
#: an asker that was killed: nobody waits for it, and nobody expects it to come true.
ASKER_WAITS = timedelta(seconds=90)
_LOGGED = 200


def kinds_waiting(to: Services) -> frozenset[str]:
    """Return the kinds of the commands that wait: one look for all who carry some out."""
    with to.database.begin() as db:
        return commands.kinds_waiting(db, to.book.id)


def check_in_time(command: Command) -> None:
    """Raise InvalidData for a command that whoever asked for it does not wait for any more."""
    if command.waited > ASKER_WAITS:
        waited = f"{command.waited.total_seconds():.0f} s"
        raise InvalidData(f"it was asked for {waited} ago, and nobody waits for it; ask again")


def in_time(carry: Carry) -> Carry:
    """Refuse a command that is carried out too late; see check_in_time."""

    def carry_in_time(to: Services, db: Connection, command: Command) -> str | None:
        check_in_time(command)
        return carry(to, db, command)

    return carry_in_time


def carry_out(to: Services, kinds: Mapping[str, Carry]) -> int:
    """Carry out the commands of these kinds that wait; return how many are done.

    Each has a transaction of its own. A refusal is the command's result, in one line, and nothing
    else is written then.
    """
    done = (_conclude(to, number, kinds) for number in _waiting(to, kinds))
    return sum(1 for _ in islice(filter(None, done), AT_ONCE))


def ask_and_carry_out(to: Services, kinds: Mapping[str, Ask]) -> list[Command]:
    """Carry out the commands of these kinds that wait, each after its look at the broker.

    Nothing waits for the broker while a row is locked. What was taken back meanwhile is not
    carried out, and what the look or the broker refuses is refused in a line.
    """
    return [
        command
        for number in _waiting(to, kinds)[:AT_ONCE]
        if (command := _ask_and_conclude(to, number, kinds))
    ]


def _ask_and_conclude(to: Services, number: int, kinds: Mapping[str, Ask]) -> Command | None:
    with to.database.begin() as db:
        command = commands.get(db, number)
    if command is None:
        return None
    try:
        check_in_time(command)
        found = kinds[command.kind](to, command)
    except (InvalidData, Transient, Rejected, OutcomeUnknown) as error:
        found = f"{REFUSED}{error}"
    carry = _saying(found) if isinstance(found, str) else found
    return _conclude(to, number, {command.kind: carry})


def _saying(result: str) -> Carry:
    return lambda to, db, command: result


def _waiting(to: Services, kinds: Mapping[str, object]) -> list[int]:
    with to.database.begin() as db:
        return commands.waiting(db, to.book.id, kinds)


def _conclude(to: Services, number: int, kinds: Mapping[str, Carry]) -> Command | None:
    """Take a command, carry it out and note its result; return it, None where it is not done."""
    with to.database.begin() as db:
        command = commands.take(db, number)
        if command is not None and (said := _tried(to, db, command, kinds)) is not None:
            commands.done(db, number, said)
        # What was not to be taken was taken back, or noted by what carried it out.
        after = commands.get(db, number)
    if after is None or after.result is None:
        return None
    said = after.result[:_LOGGED]
    to.log("command", book=to.book.id, kind=after.kind, by=after.asked_by, said=said)
    return after


def _tried(
    to: Services, db: Connection, command: Command, kinds: Mapping[str, Carry]
) -> str | None:
    try:
        with db.begin_nested():
            return kinds[command.kind](to, db, command)
    except InvalidData as error:
        return f"{REFUSED}{error}"
