"""What scoring costs: seconds beside the reading of the same bars, and the peak of its memory."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

import numpy as np

from app.engine.market import Floats, Panel
from app.engine.score import columns, technical
from app.io.clock import monotonic

WEIGHTS = {"trend": 0.35, "momentum": 0.30, "mean_reversion": 0.15, "volume": 0.20}
ROUNDS = 7
#: One core: whatever library numpy was built with makes no threads of its own.
ONE_CORE = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


@dataclass(frozen=True, slots=True)
class Cost:
    """Median seconds for the newest bar, for every bar, and for one pass over the same arrays.

    ``peak_mb`` is the most that the process ever held, Python and the bars themselves included.
    """

    symbols: int
    bars: int
    newest_s: float
    all_s: float
    floor_s: float
    peak_mb: float


def measure(symbols: int, bars: int) -> Cost:
    """Measure in a process of its own, so that the peak of its memory is that of scoring."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.score", str(symbols), str(bars)],
        env=os.environ | ONE_CORE,
        capture_output=True,
        text=True,
        check=True,
    )
    return Cost(**json.loads(done.stdout))


def in_words(cost: Cost) -> str:
    """Return the figures in one line."""
    newest, whole = cost.newest_s / cost.floor_s, cost.all_s / cost.floor_s
    return (
        f"score of {cost.symbols:,} symbols x {cost.bars} bars: newest bar {cost.newest_s:.3f} s"
        f" ({newest:.1f} x reading the bars once, {cost.floor_s:.4f} s),"
        f" every bar {cost.all_s:.3f} s ({whole:.1f} x); peak {cost.peak_mb:.0f} MB"
    )


def _measured(symbols: int, bars: int) -> Cost:
    panel = _panel(symbols, bars)
    return Cost(
        symbols,
        bars,
        _seconds(lambda: technical(panel, WEIGHTS)),
        _seconds(lambda: columns(panel, WEIGHTS)),
        _seconds(lambda: _read(panel)),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def _panel(symbols: int, bars: int) -> Panel:
    """Draw random walks around 100."""
    draw = np.random.default_rng(1)
    close: Floats = 100 * np.cumprod(1 + draw.normal(0, 0.001, (symbols, bars)), axis=1)
    return Panel(
        symbols=tuple(f"S{number}" for number in range(symbols)),
        end=datetime(2026, 3, 20, 15, 0, tzinfo=UTC),
        span=timedelta(seconds=30),
        open=close,
        high=close * 1.0005,
        low=close * 0.9995,
        close=close,
        volume=draw.uniform(0, 1000, (symbols, bars)),
    )


def _read(panel: Panel) -> float:
    """Do nothing but read what scoring reads: the floor that memory sets."""
    return sum(float(part.sum()) for part in (panel.high, panel.low, panel.close, panel.volume))


def _seconds(work: Callable[[], object]) -> float:
    def once() -> float:
        started = monotonic()
        work()
        return monotonic() - started

    return median(once() for _ in range(ROUNDS))


if __name__ == "__main__":
    print(json.dumps(asdict(_measured(int(sys.argv[1]), int(sys.argv[2])))))
