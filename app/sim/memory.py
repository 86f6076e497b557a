"""The file of an exchange's memory: a JSON object a line, the first about the world and the file.

Each further line says what has changed. ``bytes`` in the first one is how much of the file counts:
it is set after a line was written, so that a line cut short by a kill is as if it had never been,
and a file that lacks something is noticed.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.engine.errors import InvalidData

VERSION = 1
REMEDY = "`metronome up --sim --fresh` deletes it and starts a new world"
#: The file is written anew when it has grown by this many bytes beyond twice what was needed.
GROWTH = 4_000_000
_LENGTH = len('{"bytes": ')
_DIGITS = 15

World = Mapping[str, str | None]


def read(file: Path, world: World) -> list[dict[str, Any]] | None:
    """Return the lines about ``world``, oldest first, None where nothing was. Raises InvalidData.

    The first line has the market's ``market`` and the clock's ``speed`` as typed.
    """
    try:
        body = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise refused(file, f"cannot be read ({error.strerror})") from None
    first = _object(file, 1, body.partition(b"\n")[0])
    if "version" not in first:
        raise damaged(file, "no version")
    if first["version"] != VERSION:
        raise refused(file, f"is of version {first['version']!r}, and this one reads {VERSION}")
    _refuse_other_world(file, first.get("world"), world)
    length = first.get("bytes")
    if not isinstance(length, int) or not 0 < length <= len(body) or body[length - 1] != 0x0A:
        raise damaged(file, f"{len(body)} bytes of {length!r}")
    lines = body[: length - 1].split(b"\n")[1:]
    return [first, *(_object(file, n, line) for n, line in enumerate(lines, start=2))]


def refused(file: Path, why: str) -> InvalidData:
    """The error about a memory that cannot be used, with what to do."""
    return InvalidData(f"The exchange's memory {file} {why}; {REMEDY}.")


def damaged(file: Path, why: str) -> InvalidData:
    """The error about a memory that does not say what it must."""
    return refused(file, f"is damaged ({why})")


class Journal:
    """The file, open for writing."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._descriptor: int | None = None
        self._length = self._needed = 0

    @property
    def wants_rewriting(self) -> bool:
        """Is there no file yet, or has it grown too long?"""
        return self._descriptor is None or self._length > 2 * self._needed + GROWTH

    def rewrite(self, first: Mapping[str, Any], second: Mapping[str, Any]) -> None:
        """Put a new file of two lines in the old one's place, in one go. Raises OSError."""
        lines = f"{json.dumps(first)[1:]}\n{json.dumps(second)}\n".encode()
        length = _LENGTH + _DIGITS + len(", ") + len(lines)
        body = f'{{"bytes": {length:>{_DIGITS}}, '.encode() + lines
        fresh = self._file.with_name(f"{self._file.name}.new")
        descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            _write(descriptor, body, 0)
            fresh.replace(self._file)
        except OSError:
            os.close(descriptor)
            raise
        self.close()
        self._descriptor, self._length, self._needed = descriptor, length, length

    def add(self, line: Mapping[str, Any]) -> None:
        """Write a line; it counts from the moment at which the length says so. Raises OSError."""
        if self._descriptor is None:
            raise ValueError("the journal is not open")
        body = f"{json.dumps(line)}\n".encode()
        _write(self._descriptor, body, self._length)
        length = self._length + len(body)
        _write(self._descriptor, f"{length:>{_DIGITS}}".encode(), _LENGTH)
        self._length = length

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _write(descriptor: int, body: bytes, at: int) -> None:
    """Write all of it: a disk that is nearly full may take a part."""
    while body:
        done = os.pwrite(descriptor, body, at)
        body, at = body[done:], at + done


def _object(file: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        raise damaged(file, f"line {number} is not JSON") from None
    if not isinstance(said, dict):
        raise damaged(file, f"line {number} is not an object")
    return said


def _refuse_other_world(file: Path, said: object, world: World) -> None:
    if not isinstance(said, dict):
        raise damaged(file, "no world")
    differences = [
        f"{name} {_shown(said.get(name))}, not {_shown(wanted)}"
        for name, wanted in world.items()
        if said.get(name) != wanted
    ]
    if differences:
        raise refused(file, f"is of another world ({'; '.join(differences)})")


def _shown(value: object) -> str:
    return "none" if value is None else str(value)


def merged(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the newest of everything: orders by id in the order they came in, and every fill."""
    said: dict[str, Any] = {}
    orders: dict[str, Any] = {}
    fills: list[Any] = []
    for line in lines:
        said.update(line)
        orders.update({entry["id"]: entry for entry in line.get("orders", ())})
        fills += line.get("fills", ())
    return {**said, "orders": list(orders.values()), "fills": fills}
