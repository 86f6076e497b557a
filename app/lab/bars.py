"""A folder of bars, side by side in memory, and what is wrong with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from app.engine.errors import InvalidData
from app.engine.strategies.plan import Bars
from app.io.barfiles import PRICES, RawBars, bar_files, read_bars

NS = 1_000_000_000
DAY_S = 86_400
#: Days are 23 or 25 hours long twice a year; bars nearer than this share of a step are others.
NEAREST = 0.9


@dataclass(frozen=True, slots=True)
class Loaded:
    """Bars, and a line for each thing that is wrong with them, with how often it is."""

    bars: Bars
    warnings: tuple[str, ...]


def read_folder(folder: Path, symbols: Sequence[str] = ()) -> Loaded:
    """Read a folder's bars, of the given symbols or of all.

    Raises InvalidData, one line naming file, row and remedy: no folder, no such symbol, and what
    makes bars unusable; holes, symbols that begin later or end earlier, and volumes that are NaN
    are warnings.
    """
    files = bar_files(folder)
    lacking = [symbol for symbol in symbols if symbol not in files]
    if lacking:
        raise InvalidData(
            f"--bars {folder}: no file of {', '.join(lacking)}; it has {_some(list(files))}"
        )
    raws = {symbol: read_bars(files[symbol], needed=PRICES) for symbol in symbols or files}
    step = _step_of_all(raws)
    bars = _aligned(raws, step)
    return Loaded(bars, tuple(line for symbol in raws for line in _flaws(symbol, raws, bars, step)))


def _some(names: Sequence[str], most: int = 10) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _step_of_all(raws: dict[str, RawBars]) -> int:
    """Return the seconds from bar to bar, the same for all files."""
    steps = {symbol: step for symbol, raw in raws.items() if (step := _step(raw))}
    by_step = {step: symbol for symbol, step in steps.items()}
    if len(by_step) > 1:
        apart = "; ".join(f"{by_step[step]}'s are {step} s apart" for step in sorted(by_step))
        raise InvalidData(f"bars of several lengths: {apart}; keep one length in a folder")
    return next(iter(by_step), 0)


def _step(raw: RawBars) -> int:
    steps = np.diff(raw.starts)
    if not steps.size:
        return 0
    step = int(np.bincount(np.minimum(steps, DAY_S)).argmax())
    if steps.min() < NEAREST * step:
        odd = int(np.flatnonzero(steps < NEAREST * step)[0])
        what = f"{steps[odd]} s after the row before it, most are {step} s apart"
        raise raw.bad(odd + 1, what, "keep bars of one length")
    return step


def _aligned(raws: dict[str, RawBars], step: int) -> Bars:
    """Put symbols side by side on the union of their times."""
    first, *others = (raw.starts for raw in raws.values())
    alike = all(np.array_equal(first, starts) for starts in others)
    at = first if alike else np.unique(np.concatenate([first, *others]))
    shape = (len(raws), at.size)
    places = [slice(None) if alike else np.searchsorted(at, raw.starts) for raw in raws.values()]
    columns = {}
    for name in (*PRICES, "volume"):
        columns[name] = np.empty(shape) if alike else np.full(shape, np.nan)
        for row, (raw, place) in enumerate(zip(raws.values(), places, strict=True)):
            columns[name][row, place] = raw.columns.pop(name)  # both at once are twice the memory
    return Bars(tuple(raws), step * NS, at * NS, **columns)


def _flaws(symbol: str, raws: dict[str, RawBars], bars: Bars, step: int) -> list[str]:
    raw = raws[symbol]
    found = []
    if holes := _holes(raw, step):
        found.append(f"{symbol}: {holes}")
    if raw.starts[0] * NS > bars.at[0]:
        found.append(f"{symbol}: begins later than others, {_when(raw.starts[0])}")
    if raw.starts[-1] * NS < bars.at[-1]:
        found.append(f"{symbol}: ends earlier than others, {_when(raw.starts[-1])}")
    if unknown := _unknown_volumes(bars, list(raws).index(symbol)):
        found.append(f"{symbol}: the volume of {unknown:,} bars is NaN")
    return found


def _holes(raw: RawBars, step: int) -> str:
    """Say how many bars are missing between two of the same day, UTC."""
    steps = np.diff(raw.starts)
    wide = np.flatnonzero(steps > step)
    wide = wide[raw.starts[wide] // DAY_S == raw.starts[wide + 1] // DAY_S]
    if not wide.size:
        return ""
    missing = int((steps[wide] // step - 1).sum())
    first = _when(raw.starts[wide[0]])
    return f"{missing:,} bars are missing within days, in {wide.size:,} gaps, first after {first}"


def _unknown_volumes(bars: Bars, row: int) -> int:
    return int(np.count_nonzero(np.isnan(bars.volume[row]) & ~np.isnan(bars.close[row])))


def _when(seconds: np.int64) -> str:
    return f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%d %H:%M} UTC"
