"""Benchmarks that any engine can run: what they cost here, and what they come to."""

import resource
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TypeVar

from app.engine.errors import InvalidData
from app.engine.strategies import PLANNED
from app.io.clock import monotonic
from app.lab.bars import Loaded, read_folder
from app.lab.planned import FREE, Run, Terms, run

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A strategy, the files that it runs over, and the money that it begins with; no costs."""

    strategy: str
    symbols: tuple[str, ...]
    capital: float = 1_000_000.0


BENCHMARKS = {
    "s1": Benchmark("ema_cross", ("SINGLE",)),
    "s2": Benchmark("breakout", tuple(f"P{number:02}" for number in range(10))),
}


@dataclass(frozen=True, slots=True)
class Figures:
    """What a benchmark came to; bars are counted by symbol, seconds are the wall's.

    ``first_s`` is the first run's, compiling included where no cache holds the machine code;
    ``run_s`` the median of the runs after it: indicators, loop, verdicts and result. ``trades``
    counts entries, those still ``open`` at the end included. ``peak_mb`` is the process's.
    """

    benchmark: str
    strategy: str
    plain: bool
    symbols: int
    bars: int
    load_s: float
    first_s: float
    run_s: float
    rounds: int
    bars_per_s: float
    peak_mb: float
    trades: int
    open: int
    equity: float


def measure(name: str, folder: Path, rounds: int, *, plain: bool) -> tuple[Figures, Run]:
    """Load the bars, run once, and time so many rounds; a plain run's first is one of them.

    Raises InvalidData.
    """
    if name not in BENCHMARKS:
        raise InvalidData(f"bench {name}: no such benchmark; there are {', '.join(BENCHMARKS)}")
    work = BENCHMARKS[name]
    load_s, loaded = _timed(lambda: read_folder(folder, work.symbols))
    times, done = _rounds(work, loaded, rounds if plain else rounds + 1, plain)
    run_s = median(times if plain else times[1:])
    done = replace(done, result=replace(done.result, warnings=loaded.warnings))
    figures = Figures(
        benchmark=name,
        strategy=work.strategy,
        plain=plain,
        symbols=len(work.symbols),
        bars=loaded.bars.close.size,
        load_s=load_s,
        first_s=times[0],
        run_s=run_s,
        rounds=rounds,
        bars_per_s=loaded.bars.close.size / run_s,
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        trades=len(done.result.trades) + done.open.symbol.size,
        open=done.open.symbol.size,
        equity=float(done.result.equity[-1]),
    )
    return figures, done


def _rounds(of: Benchmark, over: Loaded, count: int, plain: bool) -> tuple[list[float], Run]:
    """Return the seconds of each run, and what the last one came to; the others are let go."""
    strategy, terms = PLANNED[of.strategy], Terms(capital=of.capital, costs=FREE)

    def once() -> tuple[float, Run]:
        return _timed(lambda: run(of.strategy, strategy, over.bars, terms, plain=plain))

    times = [once()[0] for _ in range(count - 1)]
    took, done = once()
    return [*times, took], done


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    started = monotonic()
    done = work()
    return monotonic() - started, done
