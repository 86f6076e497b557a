"""A market from a folder of recorded one-minute bars, one file a symbol."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from app.engine.errors import InvalidData
from app.io.barfiles import RawBars, bar_files, read_bars
from app.sim.derived import inverse, same
from app.sim.market import Market
from app.sim.synthetic import INVERSE, STOCKS
from app.sim.tape import Tape, low_first
from app.sim.times import in_new_york
from app.sim.timetable import Session, Timetable

#: How a symbol without a file is made from another one's.
RULES: dict[str, tuple[str, Callable[[Tape], Tape]]] = {
    "SQQQ": ("QQQ", lambda of: inverse(of, "SQQQ", 3.0, first_price=20.0)),
    "SOXS": ("SMH", lambda of: inverse(of, "SOXS", 3.0, first_price=20.0)),
    "GOOGL": ("GOOG", lambda of: same(of, "GOOGL")),
    "GOOG": ("GOOGL", lambda of: same(of, "GOOG")),
}
UNIVERSE = (*STOCKS, *INVERSE)
#: A day whose bars leave out this much of either end, and lie on the other side, is shifted.
SHIFT_SECONDS = 3600


def recorded_market(folder: Path, timetable: Timetable, session: Session, seed: int) -> Market:
    """Read every file of a folder. Raises InvalidData naming file, row and what to do."""
    tapes: dict[str, Tape] = {}
    warnings: list[str] = []
    span: list[int] = []
    for path in bar_files(folder).values():
        raw = read_bars(path)
        _check_minutes(raw)
        span += [int(raw.starts[0]), int(raw.starts[-1])]
        _check_zone(raw, session)
        tape = _tape(raw, timetable, seed)
        if not _trades_on(tape, session):
            warnings.append(f"{tape.symbol} is left out: {path.name} has no bars on {session.day}")
        else:
            tapes[tape.symbol] = tape
    if not tapes:
        first, last = (in_new_york(at).date() for at in (min(span), max(span)))
        raise InvalidData(
            f"--date {session.day}: {folder} has no bars on that day; it has {first} to {last}"
        )
    _derive(tapes, warnings)
    return Market(tapes, f"recorded bars of {folder.name}, {session.day}", tuple(warnings))


def _check_minutes(raw: RawBars) -> None:
    odd = np.flatnonzero(raw.starts % 60)
    if odd.size:
        raise raw.bad(int(odd[0]), "not on a whole minute", "ts must be the start of a minute")
    steps = np.diff(raw.starts)
    if steps.size and steps.min() > 60:
        raise InvalidData(
            f"{raw.path}: bars are {steps.min() // 60} minutes apart; one-minute bars are needed"
        )


def _check_zone(raw: RawBars, session: Session) -> None:
    """Refuse a day whose bars lie before the open and end early, or the other way round."""
    day = raw.starts[(raw.starts >= session.open - 43_200) & (raw.starts < session.close + 43_200)]
    if not day.size:
        return
    early = day[0] < session.open and day[-1] < session.close - SHIFT_SECONDS
    late = day[-1] >= session.close and day[0] >= session.open + SHIFT_SECONDS
    if not (early or late):
        return
    hours = [f"{in_new_york(float(at)):%H:%M}" for at in (day[0], day[-1] + 60)]
    raise InvalidData(
        f"{raw.path} row {raw.first_row + int(np.searchsorted(raw.starts, day[0]))}: bars of"
        f" {session.day} lie at {hours[0]}-{hours[1]} New York, outside the session; ts must be"
        " true UTC, not local time labelled UTC"
    )


def _tape(raw: RawBars, timetable: Timetable, seed: int) -> Tape:
    """Keep the bars of regular sessions, prices to four decimals."""
    edges = np.array([(s.open, s.close) for s in timetable.sessions], dtype=np.int64)
    place = np.searchsorted(edges[:, 0], raw.starts, side="right") - 1
    inside = (place >= 0) & (raw.starts < edges[np.maximum(place, 0), 1])
    starts = raw.starts[inside]
    open_, high, low, close, volume = (
        np.round(raw.columns[name][inside], 4)
        for name in ("open", "high", "low", "close", "volume")
    )
    symbol = raw.path.stem.upper()
    return Tape(
        symbol=symbol,
        starts=starts,
        open=open_,
        high=np.maximum(high, np.maximum(open_, close)),
        low=np.minimum(low, np.minimum(open_, close)),
        close=close,
        volume=np.floor(volume),
        low_first=low_first(symbol, starts, seed),
    )


def _trades_on(tape: Tape, session: Session) -> bool:
    first, last = tape.span(session.open, session.close - 1)
    return last > first


def _derive(tapes: dict[str, Tape], warnings: list[str]) -> None:
    for symbol in UNIVERSE:
        if symbol in tapes:
            continue
        source, rule = RULES.get(symbol, ("", None))
        if rule is not None and source in tapes:
            tapes[symbol] = rule(tapes[source])
            warnings.append(f"{symbol} has no bars: derived, {tapes[symbol].derived}")
        else:
            warnings.append(f"{symbol} is left out: it has no bars and no rule derives it")
