"""What each state of a book admits: the one table, and what follows from it for every order."""

from enum import StrEnum

from app.engine.book import BookStatus
from app.engine.orders import Purpose
from app.engine.verdicts import Reason


class Action(StrEnum):
    """What a book does to the world, as its states tell it apart."""

    ENTER = "enter"
    EXIT = "exit"
    AUCTION = "auction"  # a sale that waits for the closing auction
    STOP = "stop"  # placing and moving a stop at the broker
    FLATTEN = "flatten"  # selling at the market what has no other reason to go


#: docs/book-states.md prints this table, and says what no state forbids.
ADMITS: dict[BookStatus, frozenset[Action]] = {
    BookStatus.ACTIVE: frozenset(Action),
    BookStatus.REDUCING: frozenset(Action) - {Action.ENTER},
    # Shares that wait for the auction could not be sold now.
    BookStatus.FLATTENING: frozenset(Action) - {Action.ENTER, Action.AUCTION},
    BookStatus.HALTED: frozenset(),
}

_SPECIAL = {
    Purpose.ENTRY: Action.ENTER,
    Purpose.PROTECT: Action.STOP,
    Purpose.PRE_CLOSE: Action.AUCTION,
    Purpose.FLATTEN: Action.FLATTEN,
}

#: What an order of each purpose is an action of.
ACTION_OF: dict[Purpose, Action] = {p: _SPECIAL.get(p, Action.EXIT) for p in Purpose}

#: The purposes that each state stops.
BLOCKS: dict[BookStatus, frozenset[Purpose]] = {
    status: frozenset(p for p in Purpose if ACTION_OF[p] not in admitted)
    for status, admitted in ADMITS.items()
}

BLOCKED_BY = {
    BookStatus.ACTIVE: Reason.PASSED,
    BookStatus.REDUCING: Reason.BOOK_REDUCING,
    BookStatus.FLATTENING: Reason.BOOK_FLATTENING,
    BookStatus.HALTED: Reason.BOOK_HALTED,
}

#: States that only a person sets: their orders start from a clean slate of refusals.
BY_PERSONS = frozenset({BookStatus.ACTIVE, BookStatus.FLATTENING})


def takes_leave(before: BookStatus, after: BookStatus) -> bool:
    """Does a change of state admit nothing that was not admitted before?"""
    return ADMITS[after] <= ADMITS[before]
