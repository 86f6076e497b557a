"""Fields of untrusted articles and filings, read strictly; anything else is InvalidData."""

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any

from app.engine.classify import cleaned
from app.engine.errors import InvalidData, Transient
from app.io.feeds.port import BadEntry

LONGEST_TITLE, LONGEST_SUMMARY, LONGEST_URL = 300, 2_000, 500


def document(name: str, body: bytes) -> Mapping[str, Any]:
    """Return a JSON object that a source answered. Raises Transient for anything else."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        page = body[:200].lstrip().lower().startswith((b"<!doctype", b"<html"))
        raise Transient(f"{name} answered {'HTML' if page else 'no JSON'}") from None
    if isinstance(said, dict):
        return said
    raise Transient(f"{name} answered a {type(said).__name__}, not an object")


def title(of: Mapping[str, object], name: str) -> str:
    """Return a title: cleaned, and not empty."""
    value = of.get(name)
    shown = cleaned(value, LONGEST_TITLE) if isinstance(value, str) else ""
    if shown:
        return shown
    raise InvalidData(f"{name} is {_shown(value)}, not a title")


def text(of: Mapping[str, object], name: str, limit: int = LONGEST_SUMMARY) -> str:
    """Return a text, cleaned; empty where it is absent or null."""
    value = of.get(name)
    if value is None:
        return ""
    if isinstance(value, str):
        return cleaned(value, limit)
    raise InvalidData(f"{name} is {_shown(value)}, not a text")


def share(of: Mapping[str, object], name: str, least: float = 0.0) -> float:
    """Return a number from ``least`` to 1, sent as a number or as text."""
    value = of.get(name)
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = float("nan")
        if isfinite(number) and least <= number <= 1:
            return number
    raise InvalidData(f"{name} is {_shown(value)}, not a number from {least:g} to 1")


def words(of: Mapping[str, object], name: str, most: int) -> list[str]:
    """Return a list of at most ``most`` texts."""
    value = of.get(name)
    if isinstance(value, list) and len(value) <= most and all(isinstance(v, str) for v in value):
        return value
    raise InvalidData(f"{name} is {_shown(value)}, not a list of at most {most} texts")


def bad(symbol: str, why: InvalidData, value: object) -> BadEntry:
    """Describe an entry that is left out."""
    return BadEntry(symbol, str(why), json.dumps(value, default=str)[:500])


def _shown(value: object) -> str:
    return "missing" if value is None else ascii(value)[:60]
