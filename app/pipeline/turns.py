"""Turns: a decision is alone in its book, at one moment, and on the tape with what it was given."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from app.io.store.taping import Decision, begin_decision
from app.pipeline.services import Services


@dataclass(frozen=True, slots=True)
class Still:
    """A clock that stands still: the moment at which something is decided."""

    at: datetime
    speed: float

    def now(self) -> datetime:
        """Return that moment."""
        return self.at


@contextmanager
def deciding(
    to: Services, step: str, given: Mapping[str, Any] | None = None
) -> Iterator[tuple[Services, Connection]]:
    """Yield the services as of one moment, and a transaction that is alone in the book.

    ``given`` is what the step has besides the book's state: with both it can be decided again.
    """
    # Asked before the row is locked: it may take a call to the broker.
    now = to.clock.now()
    with to.database.begin() as db:
        begin_decision(db, Decision(step, now, to.settings, given or {}))
        yield replace(to, clock=Still(now, to.clock.speed)), db
