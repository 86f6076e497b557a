"""What is on a tape, as values: each change read as the function of the store takes it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from inspect import signature
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from app.adapters.port import Capabilities
from app.engine.book import Mode
from app.engine.errors import InvalidData
from app.io.memory.memory import Memory
from app.io.memory.state import State
from app.io.store.tape import FORMAT, Row


@dataclass(frozen=True, slots=True)
class Venue:
    """What a decision may know of a broker."""

    name: str
    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class Base:
    """What a day begins with; ``auto`` as in Book."""

    format: int
    broker: Venue
    mode: Mode
    auto: bool
    state: State


_BASE = TypeAdapter(Base)


def base(row: Row) -> Base:
    """Read a day's base. Raises InvalidData where it is damaged or of another version."""
    body = row.read()
    written = body.get("format") if isinstance(body, dict) else None
    if written != FORMAT:
        raise InvalidData(
            f"the tape is written in format {written!r}, this version reads {FORMAT}:"
            " play it with the version that wrote it"
        )
    made: Base = read(_BASE, body, row)
    return made


def read(kind: TypeAdapter[Any], body: Any, row: Row) -> Any:
    """Return a body's values as a type. Raises InvalidData where they are none of it."""
    try:
        return kind.validate_python(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InvalidData(f"tape row {row.id} is damaged: {where}: {first['msg']}") from None


def anything(name: str, args: Sequence[Any]) -> bool:
    """Let every change be made."""
    return True


def apply(
    memory: Memory, row: Row, wanted: Callable[[str, Sequence[Any]], bool] = anything
) -> None:
    """Make the changes of a turn that are wanted.

    Raises InvalidData for what is no change of this version.
    """
    for call in row.read():
        try:
            name, args, named = call
            if not wanted(name, args):
                continue
            function = memory.function(name)
            kinds = _kinds(getattr(function, "__func__", function))
            told = [
                read(kind, value, row) for kind, value in zip(kinds.values(), args, strict=False)
            ]
            by_name = {key: read(kinds[key], value, row) for key, value in named.items()}
        except (ValueError, TypeError, KeyError, AttributeError):
            raise InvalidData(f"tape row {row.id}: {str(call)[:60]!r} is no change") from None
        function(*told, **by_name)


@cache
def _kinds(function: Callable[..., Any]) -> Mapping[str, TypeAdapter[Any]]:
    """Return what a function takes, by name and in its order."""
    hints = get_type_hints(function)
    names = [name for name in signature(function).parameters if name != "self"]
    return {name: TypeAdapter(hints[name]) for name in names}
