"""Benchmarks side by side with other engines, each in an environment and a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bench import bars

METRONOME = Path(sys.executable).parent / "metronome"
HERE = Path(__file__).parent
#: What the aims ask for; seconds are those of two quiet cores.
MOST_S = {"s1": 0.05, "s2": 0.08}
LEAST, MOST_MB = 5.0, 400
LONGER, TURNS, MOST_LONGER = 10, 3, 10.5
OURS, OURS_LONGER = "metronome", f"metronome, {LONGER} x"


@dataclass(frozen=True, slots=True)
class Peer:
    """An engine to install, its script in ``bench/peer``, and the benchmarks that it can run."""

    name: str
    requirement: str
    benchmarks: tuple[str, ...]
    rounds: int


PEERS = (
    Peer("vectorbt", "vectorbt==1.2.0", ("s1", "s2"), rounds=5),
    Peer("backtesting", "backtesting==0.6.6", ("s1",), rounds=1),
    Peer("backtrader", "backtrader==1.9.78.123", ("s2",), rounds=1),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a benchmark cost an engine; ``ratio`` is to what it cost here in the same minutes."""

    engine: str
    benchmark: str
    run_s: float
    first_s: float
    peak_mb: float
    trades: int
    equity: float
    ratio: float = 1.0


def cache() -> Path:
    """Return the folder outside of the repository that keeps peers and bars."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "metronome-bench"


def measure(folder: Path | None = None) -> list[Cost]:
    """Run what can be run, our own engine right after each peer; say in a line what cannot."""
    told = folder or bars.write(cache() / "bars")
    costs = []
    for peer in PEERS:
        if (python := _installed(peer)) is None:
            continue
        for benchmark in peer.benchmarks:
            theirs, ours = _theirs(peer, python, told, benchmark), _ours(benchmark, told)
            costs += [ours, *(_beside(ours, cost) for cost in theirs)]
    return [*costs, *_longer(told)]


def _installed(peer: Peer) -> Path | None:
    """Return the Python that has a peer, installing it where there is none yet."""
    home = cache() / peer.requirement.replace("==", "-")
    python, done = home / "bin" / "python", home / "installed"
    try:
        if not done.exists():
            needed = [peer.requirement, "pandas", "pyarrow"]
            _quiet([sys.executable, "-m", "venv", "--clear", str(home)])
            _quiet([str(python), "-m", "pip", "install", "--quiet", *needed])
            done.touch()
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"{peer.requirement} cannot be installed, so it is left out: {_why(error)}")
        return None
    return python


def _theirs(peer: Peer, python: Path, folder: Path, benchmark: str) -> list[Cost]:
    script = str(HERE / "peer" / f"with_{peer.name}.py")
    words = [str(python), script, benchmark, str(folder), str(peer.rounds)]
    try:
        told = json.loads(_quiet(words).splitlines()[-1])
    except subprocess.CalledProcessError as error:
        print(f"{peer.requirement} cannot run {benchmark}: {_why(error)}")
        return []
    return [Cost(peer.requirement, benchmark, **told)]


def _beside(ours: Cost, cost: Cost) -> Cost:
    return replace(cost, ratio=cost.run_s / ours.run_s)


def _ours(benchmark: str, folder: Path) -> Cost:
    with TemporaryDirectory() as place:
        path = Path(place) / "figures.json"
        words = ["bench", benchmark, "--bars", str(folder), "--json", str(path), "--rounds", "15"]
        _quiet([str(METRONOME), *words])
        told = json.loads(path.read_text())
    kept = {name: told[name] for name in ("run_s", "first_s", "peak_mb", "trades", "equity")}
    return Cost(OURS, benchmark, **kept)


def _longer(folder: Path) -> Iterator[Cost]:
    """Run over ten times the bars and over as many as usual in turns; the best of each counts."""
    longer = bars.write(cache() / f"bars-x{LONGER}", LONGER)
    for benchmark in MOST_S:
        turns = [(_ours(benchmark, folder), _ours(benchmark, longer)) for _ in range(TURNS)]
        usual, cost = (min(of, key=lambda cost: cost.run_s) for of in zip(*turns, strict=True))
        yield _beside(usual, replace(cost, engine=OURS_LONGER))


def _quiet(words: list[str]) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True, cwd="/").stdout


def _why(error: OSError | subprocess.CalledProcessError) -> str:
    told = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
    lines = [line for line in told.splitlines() if line.strip() and "WARNING" not in line]
    return lines[-1] if lines else str(error)


def report(folder: Path | None, path: Path | None) -> None:
    """Measure, print a table and what of the aims was reached, and write JSON if asked."""
    costs = measure(folder and folder.resolve())
    table = Table(title="benchmarks, side by side", box=SIMPLE_HEAD)
    for column in ("benchmark", "engine", "run s", "x ours", "first s", "peak MB", "trades"):
        table.add_column(column, justify="left" if column in ("benchmark", "engine") else "right")
    for cost in sorted(costs, key=lambda cost: cost.benchmark):
        numbers = (f"{cost.run_s:.4f}", f"{cost.ratio:.1f}", f"{cost.first_s:.1f}")
        counts = (f"{cost.peak_mb:.0f}", f"{cost.trades:,}")
        table.add_row(cost.benchmark, cost.engine, *numbers, *counts)
    Console().print(table)
    for what, reached in (aim for cost in costs for aim in _aims(cost)):
        print(f"{'reached' if reached else 'MISSED '}  {what}")
    if path:
        path.write_text(json.dumps([asdict(cost) for cost in costs], indent=2) + "\n")


def _aims(cost: Cost) -> Iterator[tuple[str, bool]]:
    """Yield what the aims ask of a row of the table, and whether it was reached."""
    name = f"{cost.benchmark} {cost.engine}"
    if cost.engine == OURS:
        most_s = MOST_S[cost.benchmark]
        yield f"{name}: run {cost.run_s:.4f} s, at most {most_s}", cost.run_s <= most_s
        yield f"{name}: peak {cost.peak_mb:.0f} MB, at most {MOST_MB}", cost.peak_mb <= MOST_MB
    if cost.engine == OURS_LONGER:
        reached = cost.ratio <= MOST_LONGER
        yield f"{name}: {cost.ratio:.1f} x the time, at most {MOST_LONGER}", reached
    if cost.engine.startswith("vectorbt"):
        yield f"{name}: {cost.ratio:.1f} x ours, at least {LEAST}", cost.ratio >= LEAST
