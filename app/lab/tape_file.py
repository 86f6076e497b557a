"""A day's tape as one file, so that it travels: from a database to a file, and from a file."""

import gzip
import hashlib
import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from app.engine.errors import InvalidData
from app.io.store.tape import FORMAT, Kind, Row
from app.lab import whole_file

_WHAT = "metronome tape"
#: No day is larger, unpacked.
MOST_BYTES = 1 << 31


@dataclass(frozen=True, slots=True)
class Day:
    """The turns of a book's day, its base first, and the exchange's date of the day."""

    book: str
    date: str
    rows: tuple[Row, ...]


def write(day: Day, path: Path) -> int:
    """Write a day to a file, all of it or nothing; return its size in bytes.

    Raises InvalidData for a place that cannot be written to.
    """
    lines = [json.dumps(_row(row), separators=(",", ":")) for row in day.rows]
    header = {
        "what": _WHAT,
        "format": FORMAT,
        "book": day.book,
        "date": day.date,
        "rows": len(lines),
        "digest": _digest(lines),
    }
    body = gzip.compress("\n".join([json.dumps(header), *lines]).encode(), mtime=0)
    whole_file.write(path, body)
    return len(body)


def read(path: Path) -> Day:
    """Read a day from a file. Raises InvalidData where it is none, cut off, altered, or newer."""
    try:
        with gzip.open(path) as file:
            body = file.read(MOST_BYTES)
            if file.read(1):
                raise InvalidData(f"{path} is larger than any day: it is no tape")
        text = body.decode()
    except OSError as error:
        why = error.strerror or "it is no tape; `metronome tape export` writes one"
        raise InvalidData(f"{path} cannot be read: {why}") from None
    except (EOFError, zlib.error, UnicodeDecodeError):
        raise InvalidData(f"{path} is cut off or damaged: export the day anew") from None
    first, *lines = text.split("\n")
    header = _header(path, first)
    if header["rows"] != len(lines) or header["digest"] != _digest(lines):
        raise InvalidData(f"{path} was altered since it was written: export the day anew")
    return Day(header["book"], header["date"], tuple(_read_row(path, line) for line in lines))


def _header(path: Path, line: str) -> dict[str, Any]:
    try:
        header = json.loads(line)
    except ValueError:
        header = None
    if not isinstance(header, dict) or header.get("what") != _WHAT:
        raise InvalidData(f"{path} is no tape; `metronome tape export` writes one")
    if header.get("format") != FORMAT:
        raise InvalidData(
            f"{path} is written in format {header.get('format')!r}, this version reads {FORMAT}:"
            " play it with the version that wrote it"
        )
    return header


def _row(row: Row) -> list[Any]:
    at = None if row.at is None else row.at.isoformat()
    return [row.id, row.kind, row.step, at, b64encode(row.body).decode()]


def _read_row(path: Path, line: str) -> Row:
    try:
        number, kind, step, at, body = json.loads(line)
        when = None if at is None else datetime.fromisoformat(at)
        return Row(number, Kind(kind), step, when, b64decode(body, validate=True))
    except (ValueError, TypeError) as error:
        raise InvalidData(f"{path} is damaged: {error}; export the day anew") from None


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
