"""What is in force for a book: its numbers, their short name, and every value as text."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.engine.book import Book


@dataclass(frozen=True, slots=True)
class InForce:
    """A book, the fingerprint of everything that made it, and the texts that did; no secret.

    ``changes`` are the texts that were changed on the running book, by their flat name.
    """

    book: Book
    fingerprint: str
    values: Mapping[str, str]
    changes: Mapping[str, str]
