"""A grid: every combination of the values that some settings are tried with."""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from app.engine.errors import InvalidData

#: Settings that must be the same number are tried together: A+B = [...].
TOGETHER = "+"
ACCEPTED = 'a table of settings and their values, such as RISK_PER_TRADE = ["0.0025", "0.005"]'

Grid = Mapping[str, Sequence[str]]


def read(path: Path) -> Grid:
    """Read a grid from a TOML or JSON file. Raises InvalidData where it is none, or empty."""
    try:
        text = path.read_text(encoding="utf-8")
        table = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise InvalidData(f"--grid: {path} cannot be read: {error.strerror}") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise InvalidData(f"--grid: {path}: {error}; accepted: {ACCEPTED}") from None
    if not isinstance(table, dict) or not table:
        raise InvalidData(f"--grid: {path} is empty; accepted: {ACCEPTED}")
    return {name: _values(path, name, values) for name, values in table.items()}


def _values(path: Path, name: str, values: Any) -> list[str]:
    texts = [_text(value) for value in values] if isinstance(values, list) else []
    if not texts or "" in texts:
        raise InvalidData(f"--grid: {path}: {name}: {values!r:.60}; accepted: a list of values")
    if len(set(texts)) < len(texts):
        raise InvalidData(f"--grid: {path}: {name}: a value is given twice")
    return texts


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value).strip() if isinstance(value, int | float | str) else ""


def trials(grid: Grid, most: int) -> list[dict[str, str]]:
    """Return every combination as changes by setting.

    Raises InvalidData for more than ``most``, and for a setting that is named twice.
    """
    count = 1
    for values in grid.values():
        count *= len(values)
    if count > most:
        raise InvalidData(
            f"--grid: {count:,} combinations; accepted: at most {most:,}, or more with --most"
        )
    names = [name for key in grid for name in key.split(TOGETHER)]
    for name in names:
        if names.count(name) > 1:
            raise InvalidData(f"--grid: {name} is named twice; accepted: each setting once")
    return list(_combined(grid))


def _combined(grid: Grid) -> Iterator[dict[str, str]]:
    for values in product(*grid.values()):
        chosen = zip(grid, values, strict=True)
        yield {name.strip(): value for key, value in chosen for name in key.split(TOGETHER)}
