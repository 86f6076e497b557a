"""What every peer's script shares: the bars, the clock, and one line of JSON."""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq

SYMBOLS = {"s1": ("SINGLE",), "s2": tuple(f"P{number:02}" for number in range(10))}
CASH = 1_000_000.0
WARM_UP = 1000


class Bars(NamedTuple):
    """Arrays of the shape (bars, symbols), but ``at``: (bars,), nanoseconds UTC."""

    symbols: tuple[str, ...]
    at: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray


class CameTo(NamedTuple):
    """What a run came to: entries, those still open included, and the equity at the last close."""

    trades: int
    equity: float


def measure(engines: dict[str, Callable[[Bars], CameTo]], warm: bool) -> None:
    """Time the benchmark that the command line names; ``warm`` leaves out a first run."""
    name, folder, rounds = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    bars = _read(folder, SYMBOLS[name])
    times = []
    for _ in range(rounds + warm):
        started = time.monotonic()
        came_to = engines[name](bars)
        times.append(time.monotonic() - started)
    figures = {
        "first_s": times[0],
        "run_s": median(times[1:] if warm else times),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        **came_to._asdict(),
    }
    print(json.dumps(figures))


def _read(folder: Path, symbols: tuple[str, ...]) -> Bars:
    files = {path.stem.upper(): path for path in folder.glob("*.parquet")}
    tables = [pq.read_table(files[symbol]) for symbol in symbols]
    prices = {
        name: np.column_stack([table.column(name).to_numpy() for table in tables])
        for name in ("open", "high", "low", "close")
    }
    return Bars(symbols, tables[0].column("ts").to_numpy().astype(np.int64), **prices)
