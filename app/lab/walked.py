"""What a walk through bars has left so far, and what it needs to go on after an interruption."""

import gzip
import zlib
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from app.engine.errors import InvalidData
from app.engine.orders import Execution
from app.io.memory.state import State
from app.lab import whole_file
from app.lab.exchange import Entry
from app.lab.tallies import Tallies


@dataclass(slots=True)
class Walked:
    """What a walk left: equity and the value held at the close of each bar, fills, and verdicts.

    ``at`` are the bars' ends, nanoseconds UTC. ``fees`` are by fill, ``purposes`` and ``causes`` (a
    basket, or a signal) by order. ``digests`` are of everything that was decided and done until the
    close of each bar since the one before, one for each bar that there was, empty outside of
    regular hours.
    """

    digests: list[str]
    at: list[int] = field(default_factory=list)
    equity: list[float] = field(default_factory=list)
    exposure: list[float] = field(default_factory=list)
    fills: list[Execution] = field(default_factory=list)
    fees: dict[str, Decimal] = field(default_factory=dict)
    purposes: dict[str, str] = field(default_factory=dict)
    causes: dict[str, str] = field(default_factory=dict)
    tallies: Tallies = field(default_factory=Tallies)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A walk after so many sessions: the book, what rests at the exchange, and what it left."""

    sessions: int
    state: State
    resting: dict[str, Entry]
    walked: Walked


class Kept(Protocol):
    """Where a walk that may be interrupted is kept."""

    def load(self) -> Checkpoint | None:
        """Return what was kept of this very walk, if anything was."""

    def save(self, checkpoint: Checkpoint) -> None:
        """Keep a walk in the place of what was kept."""


class CheckpointFile:
    """A walk kept in a file that bears its name; what cannot be read is as good as not there."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Checkpoint | None:
        """Return what was kept of this very walk, if anything was."""
        try:
            made: Checkpoint = _CHECKPOINT.validate_json(gzip.decompress(self._path.read_bytes()))
        except (OSError, EOFError, zlib.error, ValidationError):
            return None
        return made

    def save(self, checkpoint: Checkpoint) -> None:
        """Keep a walk in the place of what was kept. Raises InvalidData where that cannot be."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidData(f"{self._path.parent} cannot be made: {error.strerror}") from None
        body = to_json(checkpoint, inf_nan_mode="constants")
        whole_file.write(self._path, gzip.compress(body, compresslevel=1))

    def forget(self) -> None:
        """Forget a walk that has come to its end."""
        self._path.unlink(missing_ok=True)


_CHECKPOINT = TypeAdapter(Checkpoint)
