"""One supervisor a state folder: a lock that dies with its holder, and who the holder is."""

import contextlib
import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from app.engine.errors import InvalidData
from app.io.clock import monotonic, pause

FILE = "supervisor.json"
CLOCK_JITTER_S = 2.0
PATIENCE_S = 12.0


@dataclass(frozen=True, slots=True)
class Ownership:
    """The held lock of a state folder; keep it as long as the processes run."""

    file: IO[str]

    def release(self) -> None:
        """Let another supervisor have the folder."""
        self.file.seek(0)
        self.file.truncate()
        # Closing alone would not do: a fork of ours may hold the lock open.
        fcntl.flock(self.file, fcntl.LOCK_UN)
        self.file.close()


def claim(folder: Path) -> Ownership:
    """Take the folder, or raise InvalidData naming the process that has it."""
    file = os.fdopen(os.open(folder / FILE, os.O_RDWR | os.O_CREAT, 0o600), "r+")
    if not _locked(file, folder):
        file.close()
        holder = holder_of(folder)
        who = f" (process {holder.pid})" if holder else ""
        raise InvalidData(
            f"Metronome already runs on {folder}{who}: `metronome status` shows it, "
            "`metronome down` stops it, METRONOME_STATE chooses another folder."
        )
    file.truncate()
    json.dump({"pid": os.getpid(), "started": psutil.Process().create_time()}, file)
    file.flush()
    return Ownership(file)


def _locked(file: IO[str], folder: Path) -> bool:
    """Take the lock; where its holder was killed, wait while its processes are taken down."""
    deadline = monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if holder_of(folder) or monotonic() > deadline:
                return False
            pause(0.1)
        else:
            return True


def holder_of(folder: Path) -> psutil.Process | None:
    """Return the supervisor that runs on the folder: the very process that wrote its number."""
    with contextlib.suppress(OSError, ValueError, KeyError, psutil.Error):
        said = json.loads((folder / FILE).read_text())
        process = psutil.Process(int(said["pid"]))
        if abs(process.create_time() - float(said["started"])) < CLOCK_JITTER_S:
            return process
    return None
