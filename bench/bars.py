"""The benchmarks' bars, drawn anew: the same on every machine, whole cents, 390 a session."""

from math import exp, log
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DAY = 390
MINUTE_NS = 60_000_000_000
#: Regimes (up, down, chop, wild): drift and deviation of a minute's log return, and their shares.
DRIFT = np.array([6e-5, -6e-5, 0.0, 0.0])
SIGMA = np.array([0.0010, 0.0012, 0.0007, 0.0045])
SHARE = np.array([0.32, 0.28, 0.32, 0.08])
REGIME_BARS = 600
#: How strongly the log price is pulled towards that of its beginning.
PULL, BEGINNING = 1e-5, 100.0

Floats = NDArray[np.float64]


def write(folder: Path, times: int = 1) -> Path:
    """Write SINGLE (1,000,000 bars) and P00 to P09 (100,000 each), so many times as long."""
    seeds = {"SINGLE": (1_000_000, 20260101)}
    seeds |= {f"P{number:02}": (100_000, 7000 + number) for number in range(10)}
    folder.mkdir(parents=True, exist_ok=True)
    for symbol, (count, seed) in seeds.items():
        if not (path := folder / f"{symbol}.parquet").exists():
            _write(path, drawn(count * times, seed))
    return folder


def _write(path: Path, bars: dict[str, NDArray[np.generic]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = bars | {"ts": pa.array(bars["ts"], type=pa.timestamp("ns", tz="UTC"))}
    unfinished = path.with_suffix(".unfinished")
    pq.write_table(pa.table(columns), unfinished, compression="zstd")
    unfinished.replace(path)


def drawn(count: int, seed: int) -> dict[str, NDArray[np.generic]]:
    """Draw bars; the order in which numbers are drawn is part of what they are."""
    draw = np.random.Generator(np.random.PCG64(seed))
    regime = _regimes(draw, count)
    sigma = SIGMA[regime]
    step = DRIFT[regime] + sigma * draw.standard_normal(count)
    night = np.where(np.arange(count) % DAY == 0, 0.004 * draw.standard_normal(count), 0.0)
    tick = np.where(draw.random(count) < 0.20, draw.integers(-3, 4, count) * 0.01, 0.0)
    up = np.abs(draw.standard_normal(count)) * 0.55 * sigma
    down = np.abs(draw.standard_normal(count)) * 0.55 * sigma
    crowd = draw.standard_normal(count)
    opened, closed = _path(step, night, tick)
    top, bottom = np.maximum(opened, closed), np.minimum(opened, closed)
    return {
        "ts": _starts(count),
        "open": opened,
        "high": np.maximum(np.round(top * (1 + up), 2), top),
        "low": np.minimum(np.round(bottom * (1 - down), 2), bottom),
        "close": closed,
        "volume": _volume(crowd),
    }


def _regimes(draw: np.random.Generator, count: int) -> NDArray[np.int64]:
    rounds = count // 300 + 50
    lengths = draw.geometric(1 / REGIME_BARS, rounds)
    regimes = np.repeat(draw.choice(4, size=rounds, p=SHARE), lengths)
    while regimes.size < count:
        kinds = draw.choice(4, size=rounds, p=SHARE)
        more = np.repeat(kinds, draw.geometric(1 / REGIME_BARS, rounds))
        regimes = np.concatenate([regimes, more])
    return regimes[:count]


def _path(step: Floats, night: Floats, tick: Floats) -> tuple[Floats, Floats]:
    """Walk bar by bar, because each opens at what the one before closed at, in cents."""
    last, middle = BEGINNING, log(BEGINNING)
    opened, closed = [], []
    for moved, overnight, jumped in zip(step.tolist(), night.tolist(), tick.tolist(), strict=True):
        price = round(last * exp(overnight) + jumped, 2)
        at = log(price)
        last = round(exp(at + moved - PULL * (at - middle)), 2)
        opened.append(price)
        closed.append(last)
    return np.array(opened), np.array(closed)


def _volume(crowd: Floats) -> NDArray[np.int64]:
    middle = (DAY - 1) / 2
    smile = 1.0 + 1.5 * ((np.arange(crowd.size) % DAY - middle) / middle) ** 2
    return np.maximum(np.exp(10.3 + 0.5 * crowd) * smile, 1000).astype(np.int64)


def _starts(count: int) -> NDArray[np.int64]:
    """Return weekdays from 2014 on, 13:30 to 20:00 UTC."""
    days = np.busday_offset("2014-01-01", np.arange(-(-count // DAY)), roll="forward")
    opens = days.astype("datetime64[ns]").astype(np.int64) + (13 * 60 + 30) * MINUTE_NS
    return (opens[:, None] + np.arange(DAY) * MINUTE_NS).ravel()[:count]
