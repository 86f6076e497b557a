"""Bad data across bars: prices that are none, splits, bad prints and gaps in a symbol's window."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from app.engine.market import Panel

Marks = NDArray[np.bool_]

#: So many bars in a row without a trade, and trades on both sides of them, are a gap.
GAP_BARS = 10
#: How far a move may be from a whole ratio to be called a split.
SPLIT_TOLERANCE = 0.02
_RATIOS = (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 40, 50, 100)


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a window, and the start of the newest bar that shows it."""

    what: str
    at: datetime


def flaws(panel: Panel, max_move: float) -> dict[str, Flaw]:
    """Return by symbol what makes its bars unfit to trade on; sound symbols are absent.

    A price that is not above 0 or not finite; a bar whose high, low or close is more than
    ``max_move`` (a share) away from the close before it: a split where the price stayed there at
    a ratio of n:1 or 1:n, else a bad print; and a gap. Bars before a symbol's first are no flaw:
    the gate ``history`` counts bars.
    """
    if not panel.close.shape[1]:
        return {}
    missing = np.logical_and.accumulate(np.isnan(panel.close), axis=1)
    worthless = ~missing & ~_priced(panel)
    moved = _moved(panel, max_move) & ~worthless
    gaps = _gaps(panel)
    suspects = np.flatnonzero((worthless | moved | gaps).any(axis=1))
    return {
        panel.symbols[row]: _flaw(panel, int(row), (worthless[row], moved[row], gaps[row]))
        for row in suspects
    }


def _priced(panel: Panel) -> Marks:
    """Say of each bar whether all of its prices are above 0 and finite, and volume not below 0."""
    prices = (panel.open, panel.high, panel.low, panel.close)
    sound = (panel.volume >= 0) & np.isfinite(panel.volume)
    for price in prices:
        sound &= (price > 0) & np.isfinite(price)
    return np.asarray(sound)


def _moved(panel: Panel, max_move: float) -> Marks:
    """Mark the bars too far from the close before them; a first bar is compared with its open."""
    before = np.concatenate([panel.open[:, :1], panel.close[:, :-1]], axis=1)
    before = np.where(np.isnan(before), panel.open, before)
    with np.errstate(all="ignore"):
        away = np.maximum(panel.high / before - 1, 1 - panel.low / before)
    return np.asarray(away > max_move)


def _gaps(panel: Panel) -> Marks:
    """Mark the bars that end a gap: the first trade after ``GAP_BARS`` or more without one."""
    still = panel.volume == 0
    for price in (panel.open, panel.high, panel.low):
        still &= price == panel.close
    places = np.arange(still.shape[1])
    last_trade = np.maximum.accumulate(np.where(still, -1, places), axis=1)
    before = np.concatenate([np.full((len(still), 1), -1), last_trade[:, :-1]], axis=1)
    return np.asarray(~still & (before >= 0) & (places - before > GAP_BARS))


def _flaw(panel: Panel, row: int, marks: tuple[Marks, Marks, Marks]) -> Flaw:
    """Describe the oldest bar of the gravest mark: the return from a bad print is a mark too."""
    named = zip(marks, (_worthless, _jump, _gap), strict=True)
    mark, describe = next((mark, name) for mark, name in named if mark.any())
    places = np.flatnonzero(mark)
    at = panel.end - (panel.close.shape[1] - int(places[-1])) * panel.span
    return Flaw(describe(panel, row, int(places[0])), at)


def _worthless(panel: Panel, row: int, place: int) -> str:
    numbers = {
        name: float(getattr(panel, name)[row, place])
        for name in ("open", "high", "low", "close", "volume")
    }
    return "not usable: " + ", ".join(f"{name} {value:g}" for name, value in numbers.items())


def _jump(panel: Panel, row: int, place: int) -> str:
    opened, earlier = panel.open[row, place], panel.close[row, place - 1 : place]
    before = float(earlier[0] if np.isfinite(earlier).any() else opened)
    after, newest = float(panel.close[row, place]), float(panel.close[row, -1])
    ratio = _split(before / after)
    stayed = abs(newest / after - 1) <= SPLIT_TOLERANCE * 2
    kind = f"a split of {ratio}" if ratio and stayed else "a bad print"
    high, low = float(panel.high[row, place]), float(panel.low[row, place])
    away = max(high / before - 1, 1 - low / before)
    return f"{away:.3g} within a bar, {before:g} to {after:g}: {kind}"


def _split(ratio: float) -> str | None:
    """Return the split that a fall from ``ratio`` to 1 may be, or a rise where it is below 1."""
    for new, old in (*((n, 1) for n in _RATIOS), *((1, n) for n in _RATIOS), (3, 2), (2, 3)):
        if abs(ratio * old / new - 1) <= SPLIT_TOLERANCE:
            return f"{new}:{old}"
    return None


def _gap(panel: Panel, row: int, place: int) -> str:
    volumes = panel.volume[row]
    start = place
    while start > 0 and volumes[start - 1] == 0:
        start -= 1
    missing: timedelta = (place - start) * panel.span
    return f"a gap of {missing.total_seconds():g} s before it"
