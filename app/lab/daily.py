"""Equity day by day: the last value of each of the exchange's dates, and what each day returned."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from app.engine.errors import InvalidData
from app.engine.market import Floats
from app.lab.result import Moments

Dates = NDArray[np.datetime64]
#: Every zone in use changes its offset on a half-hour of UTC.
_HALF_HOUR = 1_800_000_000_000


@dataclass(frozen=True, slots=True)
class Daily:
    """Each date that has a bar, its equity at the end and its return as a share. Shape (days,).

    The first day's return is of the capital, each other's of the equity the day before. What falls
    to 0 or below has lost all, -1, and returns 0 from there on: nothing is left to gain by.
    """

    dates: Dates
    equity: Floats
    returns: Floats


def local(at: Moments, zone: ZoneInfo) -> NDArray[np.datetime64]:
    """Return moments, nanoseconds UTC, as the clock on the wall of ``zone`` shows them."""
    halves, places = np.unique(at // _HALF_HOUR, return_inverse=True)
    offsets = np.array([_offset(int(half), zone) for half in halves], dtype=np.int64)
    shown: NDArray[np.datetime64] = (at + offsets[places]).astype("datetime64[ns]")
    return shown


def daily(at: Moments, equity: Floats, capital: float, zone: ZoneInfo) -> Daily:
    """Return the days of a curve of equity, oldest first.

    Raises InvalidData where the moments do not ascend or an equity is not a number.
    """
    if not np.isfinite(equity).all():
        raise InvalidData(f"{int((~np.isfinite(equity)).sum())} bars have no number as equity")
    if (np.diff(at) < 0).any():
        raise InvalidData("the bars of the curve of equity are not in the order of time")
    dates = local(at, zone).astype("datetime64[D]")
    last = np.flatnonzero(np.append(dates[1:] != dates[:-1], True)[: len(dates)])
    ends = equity[last]
    return Daily(dates[last], ends, _returns(ends, capital))


def monthly(days: Daily) -> dict[tuple[int, int], float]:
    """Return what each month returned, as a share, by its year and its number."""
    grown: dict[tuple[int, int], float] = {}
    for day, gained in zip(days.dates, days.returns, strict=True):
        when: date = day.astype(date)
        grown[when.year, when.month] = grown.get((when.year, when.month), 1.0) * (1 + float(gained))
    return {month: by - 1 for month, by in grown.items()}


def yearly(months: dict[tuple[int, int], float]) -> dict[int, float]:
    """Return what each year returned, as a share, from what its months did."""
    grown: dict[int, float] = {}
    for (year, _), gained in months.items():
        grown[year] = grown.get(year, 1.0) * (1 + gained)
    return {year: by - 1 for year, by in grown.items()}


def _returns(ends: Floats, capital: float) -> Floats:
    before = np.concatenate(([capital], ends))[:-1]
    alive = before > 0
    gained = np.zeros(len(ends))
    gained[alive] = np.maximum(ends[alive] / before[alive] - 1, -1)
    gained[np.cumsum(gained <= -1) - (gained <= -1) > 0] = 0
    return gained


def _offset(half: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(half * 1800, UTC).astimezone(zone).utcoffset()
    if offset is None:
        raise InvalidData(f"{zone} has no offset")
    return int(offset.total_seconds()) * 1_000_000_000
