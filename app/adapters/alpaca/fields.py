"""Read fields of an untrusted JSON record strictly into our types; anything else is InvalidData."""

import re
from collections.abc import Mapping
from decimal import Decimal

from app.engine.errors import InvalidData

Record = Mapping[str, object]

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d{1,2})?", re.ASCII)
_LONGEST_NUMBER = 64
_LARGEST_NUMBER = Decimal(10) ** 15
_LONGEST_TEXT = 256


def record(value: object) -> Record:
    """Return a JSON object."""
    if isinstance(value, dict):
        return value
    raise InvalidData(f"expected an object, got {_shown(value)}")


def records(value: object) -> list[Record]:
    """Return a JSON list of objects."""
    if isinstance(value, list):
        return [record(item) for item in value]
    raise InvalidData(f"expected a list, got {_shown(value)}")


def text(of: Record, name: str) -> str:
    """Return a text that is not empty."""
    value = of.get(name)
    if isinstance(value, str) and 0 < len(value) <= _LONGEST_TEXT and value.isprintable():
        return value
    raise InvalidData(f"{name} is {_shown(value)}, not a text")


def optional_text(of: Record, name: str) -> str | None:
    """Return a text, None where it is absent, null or empty."""
    return text(of, name) if of.get(name) not in (None, "") else None


def number(of: Record, name: str) -> Decimal:
    """Return a finite decimal, sent as text or as a number."""
    value = of.get(name)
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        spelled = str(value)
        if len(spelled) <= _LONGEST_NUMBER and _NUMBER.fullmatch(spelled):
            exact = Decimal(spelled)
            if abs(exact) < _LARGEST_NUMBER:
                return exact
    raise InvalidData(f"{name} is {_shown(value)}, not a number")


def optional_number(of: Record, name: str) -> Decimal | None:
    """Return a finite decimal, None where it is absent, null or empty."""
    return number(of, name) if of.get(name) not in (None, "") else None


def amount(of: Record, name: str) -> Decimal:
    """Return a number that is not negative."""
    value = number(of, name)
    if value >= 0:
        return value
    raise InvalidData(f"{name} is {value}, below zero")


def positive(of: Record, name: str) -> Decimal:
    """Return a number above zero."""
    value = number(of, name)
    if value > 0:
        return value
    raise InvalidData(f"{name} is {value}, not above zero")


def flag(of: Record, name: str) -> bool:
    """Return true or false."""
    value = of.get(name)
    if isinstance(value, bool):
        return value
    raise InvalidData(f"{name} is {_shown(value)}, not true or false")


def _shown(value: object) -> str:
    shown = ascii(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."
