"""The turns of a day, read: its base, its decisions, and what each slot of signals had seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from app.engine.book import Book
from app.engine.errors import InvalidData
from app.io.store.tape import Kind, Row
from app.lab import frames, tape_reader
from app.lab.tape_reader import Base
from app.pipeline import signals
from app.pipeline.model import Asked


@dataclass(frozen=True, slots=True)
class SignalsGiven:
    """What a slot of signals was handed: its number, the last turn it saw, the model's word."""

    slot: int
    as_of: int
    asked: Asked


@dataclass(frozen=True, slots=True)
class Taped:
    """A decision as the tape has it; ``said`` is None where only its digest was kept."""

    at: datetime
    settings: str
    given: dict[str, Any]
    heard: list[timedelta]
    digest: str
    said: list[Any] | None

    def given_signals(self, row: Row) -> SignalsGiven:
        """Return what a slot of signals was handed."""
        given: SignalsGiven = tape_reader.read(_GIVEN, self.given, row)
        return given


_TAPED, _GIVEN = TypeAdapter(Taped), TypeAdapter(SignalsGiven)


def begun(rows: Sequence[Row]) -> Base:
    """Return what a day begins with. Raises InvalidData where the tape is cut off before it."""
    if not rows or rows[0].kind is not Kind.BASE:
        raise InvalidData("the tape does not begin with a day's base: it was cut off")
    return tape_reader.base(rows[0])


def book_of(book_id: str, rows: Sequence[Row]) -> Book:
    """Return the book as it was when a day began. Raises InvalidData as ``begun``."""
    base = begun(rows)
    if not base.state.settings:
        raise InvalidData("the tape does not say what the settings of the day were")
    (entry,) = base.state.settings.values()
    return frames.book_of(book_id, entry, base.mode, base.auto)


def taped_of(rows: Sequence[Row]) -> dict[int, Taped]:
    """Return the decisions by the numbers of their turns."""
    return {row.id: _taped(row) for row in rows if row.kind is Kind.DECISION}


def _taped(row: Row) -> Taped:
    body = row.read()
    told = body | {"at": row.at} if isinstance(body, dict) else body
    taped: Taped = tape_reader.read(_TAPED, told, row)
    return taped


def seen_after(
    rows: Sequence[Row], taped: Mapping[int, Taped]
) -> dict[int, list[tuple[int, SignalsGiven]]]:
    """Return by the number of a turn which slots of signals looked at the state after it."""
    first = rows[0].id
    found: dict[int, list[tuple[int, SignalsGiven]]] = {}
    for row in rows:
        if row.id in taped and row.step == signals.STEP:
            given = taped[row.id].given_signals(row)
            found.setdefault(max(given.as_of, first), []).append((row.id, given))
    return found
