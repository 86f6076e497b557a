"""What the supervisor last wrote about its processes, with what they use at this moment."""

import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from app.local.ownership import holder_of
from app.local.supervised import Description

FILE = "status.json"
COLUMNS = ("name", "state", "pid", "restarts", "since", "last_exit", "memory_mb")


def write_status(
    folder: Path, processes: Sequence[Description], urls: Mapping[str, str], *, ready: bool
) -> None:
    """Replace the file that `metronome status` reads; ``urls`` bear no passwords."""
    body = {
        "ready": ready,
        "processes": [process.as_json() for process in processes],
        "urls": dict(urls),
    }
    fresh = folder / f"{FILE}.new"
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(body, out)
    fresh.replace(folder / FILE)


def read_status(folder: Path) -> dict[str, Any]:
    """Return supervisor (a process id or None), ready, processes and urls, as plain values.

    Where the supervisor is gone, so are its processes, whatever it wrote last.
    """
    try:
        said: dict[str, Any] = json.loads((folder / FILE).read_text())
    except (FileNotFoundError, ValueError):
        said = {"ready": False, "processes": [], "urls": {}}
    holder = holder_of(folder)
    if holder is None:
        gone = {"state": "stopped", "pid": None}
        said["processes"] = [{**process, **gone} for process in said["processes"]]
        said.update(ready=False, urls={})
    for process in said["processes"]:
        process["memory_mb"] = memory_mb(process["pid"]) if process["pid"] else None
    return {"supervisor": holder.pid if holder else None, **said}


def memory_mb(pid: int) -> float | None:
    """Return what a process and its children use: shared pages divided, where readable."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return None
    return round(sum(map(_bytes, family)) / 2**20, 1)


def _bytes(process: psutil.Process) -> int:
    try:
        about = process.memory_full_info()
        return int(getattr(about, "pss", about.uss))
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def render(status: Mapping[str, Any], folder: Path) -> str:
    """Return the status as lines of text."""
    if not status["processes"]:
        return f"Nothing has run on {folder} yet: `metronome up` starts it."
    rows = [COLUMNS, *(tuple(_cell(c, p[c]) for c in COLUMNS) for p in status["processes"])]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    lines += [f"{name}: {url}" for name, url in status["urls"].items()]
    if status["supervisor"] is None:
        lines.append("Not running: `metronome up` starts it.")
    return "\n".join(lines)


def _cell(column: str, value: object) -> str:
    if value is None:
        return "-"
    if column == "since":
        return f"{datetime.fromisoformat(str(value)):%Y-%m-%d %H:%M:%S} UTC"
    return str(value)
