"""What the tape hears: every change of a book's state, call by call, as the store makes it.

A transaction that changes a book's state is a *turn*: it holds the lock on the book's row from
before its first change or its first locked reading on, so that a book's turns come one after the
other, and the tape's numbers are their order. A turn leaves one row on the tape. Of most it holds
the changes themselves: they are what the outside did, told by whoever heard of it. A *decision*
reads that state, and the tape holds of it what it was given and what came out, so that the very
same step can be run again over the same state: ``docs/decisions/0012-the-tape.md``.

A function of the store that a decision calls works in memory as well (``app.io.memory``): there the
function of the same name is called.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import wraps
from inspect import signature
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.io.store.schema import book_states

P = ParamSpec("P")
T = TypeVar("T")

#: A change or an answer, as it was called: (name, positional arguments, named arguments).
Call = tuple[str, tuple[Any, ...], dict[str, Any]]

_LOCK = (
    sa.select(book_states.c.book)
    .where(book_states.c.book == sa.bindparam("book"))
    .with_for_update()
)
_TURN = "turn"


class InMemory(Protocol):
    """A book's state in memory, in the place of a connection."""

    def call(self, name: str, args: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        """Carry out the function of the store that has this name."""


#: What a function that works in both places is given.
Transaction = Connection | InMemory


@dataclass(slots=True)
class Decision:
    """A decision in the making: which step, at what moment, by which settings, given what.

    ``given`` is what it was handed beside the state; ``heard`` the answers that depend on the wall.
    """

    step: str
    at: datetime
    settings: str
    given: Mapping[str, Any]
    heard: list[Any] = field(default_factory=list)


@dataclass(slots=True)
class Turn:
    """One transaction of a book and the calls that changed its state, in their order."""

    book: str
    calls: list[Call] = field(default_factory=list)
    decision: Decision | None = None
    locked: bool = False

    def lock(self, db: Connection) -> None:
        """Take the book's row, once; where it was never started there is nothing to be alone in."""
        if not self.locked:
            db.execute(_LOCK, {"book": self.book})
            self.locked = True

    def hear(self, kind: "Kind", call: Call, answer: object) -> None:
        """Keep a change; of a decision what it said, and what the wall's clock answered, too."""
        if kind is Kind.CHANGES or (kind is Kind.TELLS and self.decision is not None):
            if happened(answer):
                self.calls.append(call)
        elif kind is Kind.HEARS and self.decision is not None:
            self.decision.heard.append(answer)


#: The names of the functions that change or tell something: what a decision is known by.
HEARD: set[str] = set()


@contextmanager
def turn(db: Connection, book: str) -> Iterator[Turn]:
    """Let the changes of a transaction be heard until the end of the block."""
    made = Turn(book)
    db.info[_TURN] = made
    try:
        yield made
    finally:
        db.info.pop(_TURN, None)


def begin_decision(db: Connection, decision: Decision) -> None:
    """Say that this transaction is a decision, alone in its book from here on."""
    mine = _of(db)
    if mine is not None:
        mine.lock(db)
        mine.decision = decision


class Kind(Enum):
    """What a function of the store does to the state that decisions read."""

    READS = "reads"
    LOCKS = "reads, and locks unless it is asked not to"
    CHANGES = "changes"
    TELLS = "writes what nobody decides on"
    HEARS = "reads what depends on the wall's clock"


def _marked(
    kind: Kind,
) -> Callable[[Callable[Concatenate[Connection, P], T]], Callable[Concatenate[Transaction, P], T]]:
    def mark(
        function: Callable[Concatenate[Connection, P], T],
    ) -> Callable[Concatenate[Transaction, P], T]:
        name = f"{function.__module__.rsplit('.', 1)[-1]}.{function.__name__}"
        asked = signature(function).parameters.get("lock")
        locks = kind is Kind.CHANGES or (kind is Kind.LOCKS and (asked is None or asked.default))

        @wraps(function)
        def call(db: Transaction, *args: P.args, **named: P.kwargs) -> T:
            if not isinstance(db, Connection):
                in_memory: T = db.call(name, args, named)
                return in_memory
            mine = _of(db)
            if mine is None or kind is Kind.READS:
                return function(db, *args, **named)
            if locks or named.get("lock"):
                mine.lock(db)
            answer = function(db, *args, **named)
            mine.hear(kind, (name, args, named), answer)
            return answer

        if kind in (Kind.CHANGES, Kind.TELLS):
            HEARD.add(name)
        return cast("Callable[Concatenate[Transaction, P], T]", call)

    return mark


reading = _marked(Kind.READS)
locking = _marked(Kind.LOCKS)
change = _marked(Kind.CHANGES)
telling = _marked(Kind.TELLS)
hearing = _marked(Kind.HEARS)


def happened(answer: object) -> bool:
    """Did a change change anything? One that says how much it did, and did nothing, has not."""
    return answer is None or bool(answer)


def note(db: Connection, name: str, *args: Any) -> None:
    """Keep a change under another name than its own: what came of it, not what it was asked."""
    mine = _of(db)
    if mine is not None:
        mine.lock(db)
        mine.calls.append((name, args, {}))


def _of(db: Connection) -> Turn | None:
    mine: Turn | None = db.info.get(_TURN)
    return mine
