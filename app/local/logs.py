"""Log files of the processes: bounded, and followed line by line."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

LARGEST = 10 * 2**20
AT_ONCE = 2**20


def rotate(log: Path, largest: int = LARGEST) -> None:
    """Keep one older copy once the log is too large; a process that writes to it may go on."""
    if log.exists() and log.stat().st_size > largest:
        shutil.copyfile(log, log.with_suffix(".log.1"))
        log.with_suffix(".log.1").chmod(0o600)
        os.truncate(log, 0)


def last_words(log: Path) -> str:
    """Return the last line of a log that says something."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4000))
            lines = file.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return "it wrote nothing"
    return next((line.strip() for line in reversed(lines) if line.strip()), "it wrote nothing")


@dataclass(slots=True)
class Follower:
    """Reads what was added to a log since it was last asked."""

    log: Path
    _offset: int = field(init=False)
    _rest: bytes = b""

    def __post_init__(self) -> None:
        self._offset = self.log.stat().st_size if self.log.exists() else 0

    def new_lines(self) -> list[str]:
        """Return whole lines; a line that is still being written waits for its end."""
        try:
            size = self.log.stat().st_size
        except FileNotFoundError:
            return []
        if size < self._offset:
            self._offset = 0
        if size == self._offset:
            return []
        with self.log.open("rb") as file:
            file.seek(self._offset)
            added = file.read(AT_ONCE)
        self._offset += len(added)
        *lines, self._rest = (self._rest + added).split(b"\n")
        return [line.decode(errors="replace") for line in lines]
