"""The guards, and how each is switched off, to see that the simulation would notice."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from app.engine.errors import OutcomeUnknown
from app.engine.orders import BrokerOrder, Order
from app.io.store import orders
from app.pipeline import execute
from proof.sim.line import Line
from proof.sim.stage import Stage

Off = Callable[[Stage], Iterator[None]]


@contextmanager
def replaced(owner: Any, name: str, other: object) -> Iterator[None]:
    """Put something else in the place of what a module or a class has under a name."""
    kept = getattr(owner, name)
    setattr(owner, name, other)
    try:
        yield
    finally:
        setattr(owner, name, kept)


def _statement_without(condition: str) -> sa.TextClause:
    """Return the statement that starts a submission without one of its conditions."""
    text, count = re.subn(condition, "", str(orders._START), flags=re.S)
    if count != 1:
        raise LookupError(f"the statement that starts a submission has no {condition!r}")
    return sa.text(text)


@contextmanager
def _one_in_doubt(stage: Stage) -> Iterator[None]:
    """Two orders of a symbol and side may be in doubt: neither index nor statement forbids it.

    The statement alone is enough but where two transactions do not see each other.
    """
    both = r"AND NOT EXISTS \(SELECT FROM orders other.*?'\)\)"
    stage.run("DROP INDEX uq_orders_one_in_doubt")
    with replaced(orders, "_START", _statement_without(both)):
        yield
    stage.run(
        "TRUNCATE orders; CREATE UNIQUE INDEX uq_orders_one_in_doubt ON orders (book, symbol, side)"
        " WHERE state IN ('SUBMITTING', 'UNKNOWN')"
    )


@contextmanager
def _slot(stage: Stage) -> Iterator[None]:
    """Every claim of a slot is granted."""
    stage.run("ALTER TABLE task_slots DROP CONSTRAINT pk_task_slots")
    yield
    stage.run("TRUNCATE task_slots")
    stage.run("ALTER TABLE task_slots ADD CONSTRAINT pk_task_slots PRIMARY KEY (book, task, slot)")


@contextmanager
def _fence(stage: Stage) -> Iterator[None]:
    """Whoever once had the lease may start a submission."""
    with replaced(
        orders, "_START", _statement_without(r"AND EXISTS \(SELECT FROM leases.*?\(\)\)")
    ):
        yield


@contextmanager
def _leave(stage: Stage) -> Iterator[None]:
    """What was approved before a halt is sent after it."""
    state = r"AND EXISTS \(SELECT FROM book_states b.*?text\[\]\)\)\)"
    with replaced(orders, "_START", _statement_without(state)):
        yield


@contextmanager
def _fills(stage: Stage) -> Iterator[None]:
    """A fill that is told twice is stored twice."""
    stage.run("ALTER TABLE fills DROP CONSTRAINT pk_fills")
    yield
    stage.run("TRUNCATE fills")
    stage.run("ALTER TABLE fills ADD CONSTRAINT pk_fills PRIMARY KEY (broker, execution_id)")


@contextmanager
def _commit_first(stage: Stage) -> Iterator[None]:
    """The order goes out, and what we mean to remember of that is never committed."""
    with replaced(execute, "start", lambda *args, **kwargs: True):
        yield


@contextmanager
def _sent_once(stage: Stage) -> Iterator[None]:
    """The client library sends an order again when it hears nothing."""
    once = Line.submit

    def again(line: Line, order: Order) -> BrokerOrder:
        try:
            return once(line, order)
        except OutcomeUnknown:
            return once(line, order)

    with replaced(Line, "submit", again):
        yield


#: Each guard by its name, with how to play without it.
GUARDS: dict[str, Callable[[Stage], Any]] = {
    "one-in-doubt": _one_in_doubt,
    "slot": _slot,
    "fence": _fence,
    "leave": _leave,
    "fills-once": _fills,
    "commit-first": _commit_first,
    "sent-once": _sent_once,
}
