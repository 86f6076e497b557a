"""Historical bars of any length, made from minute bars that are over, page by page."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.sim.data_json import bar_json, dated, merged_bars
from app.sim.market import Market
from app.sim.refusals import invalid
from app.sim.selection import moment_in, whole_in
from app.sim.tape import Tape
from app.sim.times import in_new_york, new_york
from app.sim.timetable import Timetable

_TIMEFRAME = re.compile(r"(\d+)?(Min|T|Hour|H|Day|D)")
_SECONDS = {"Min": 60, "T": 60, "Hour": 3600, "H": 3600, "Day": 86_400, "D": 86_400}
_LARGEST = {60: 59, 3600: 23, 86_400: 1}


@dataclass(frozen=True, slots=True)
class BarQuery:
    """Which bars are wanted: length in seconds (86400 for a session's), start and end included."""

    symbols: tuple[str, ...]
    seconds: int
    start: float
    end: float
    limit: int
    newest_first: bool
    after: tuple[str, float] | None


def read_query(query: Mapping[str, Any], symbols: tuple[str, ...], now: float) -> BarQuery:
    """Read a request for bars. Raises Refused."""
    start, end = moment_in(query, "start"), moment_in(query, "end", end_of_day=True)
    return BarQuery(
        symbols=symbols,
        seconds=_timeframe(query.get("timeframe", "")),
        start=new_york(in_new_york(now).date()) if start is None else start,
        end=now if end is None else min(end, now),
        limit=whole_in(query, "limit", 1000, 10_000),
        newest_first=query.get("sort", "asc") == "desc",
        after=read_token(query.get("page_token")),
    )


def _timeframe(given: str) -> int:
    found = _TIMEFRAME.fullmatch(given)
    if found:
        unit = _SECONDS[found[2]]
        count = int(found[1] or 1)
        if 1 <= count <= _LARGEST[unit]:
            return unit * count
    raise invalid(f"invalid timeframe: {given!r}; accepted: 1-59Min, 1-23Hour, 1Day")


def token(symbol: str, at: float) -> str:
    """Return where a page ended."""
    return base64.urlsafe_b64encode(f"{symbol}|{at:.0f}".encode()).decode()


def read_token(given: str | None) -> tuple[str, float] | None:
    """Read a page token. Raises Refused."""
    if not given:
        return None
    try:
        symbol, _, at = base64.urlsafe_b64decode(given).decode().partition("|")
        return symbol, float(at)
    except (binascii.Error, ValueError):
        raise invalid("invalid page_token") from None


def page(market: Market, timetable: Timetable, wanted: BarQuery, now: float) -> dict[str, Any]:
    """Return one page: bars by symbol, then time, at most ``limit`` in all."""
    result: dict[str, list[dict[str, Any]]] = {}
    count, last = 0, ("", 0.0)
    for symbol, bar in _bars(market, timetable, wanted, now):
        if count == wanted.limit:
            return {"bars": result, "next_page_token": token(*last), "currency": "USD"}
        result.setdefault(symbol, []).append(dated(bar))
        count, last = count + 1, (symbol, bar["t"])
    return {"bars": result, "next_page_token": None, "currency": "USD"}


def _bars(
    market: Market, timetable: Timetable, wanted: BarQuery, now: float
) -> Iterator[tuple[str, dict[str, Any]]]:
    for symbol in sorted(set(wanted.symbols) & set(market.tapes)):
        if wanted.after and symbol < wanted.after[0]:
            continue
        bars = completed_bars(market.tapes[symbol], timetable, wanted, now)
        if wanted.newest_first:
            bars.reverse()
        for bar in bars:
            if not _is_behind(wanted, symbol, bar["t"]):
                yield symbol, bar


def _is_behind(wanted: BarQuery, symbol: str, at: float) -> bool:
    """Was this bar on an earlier page?"""
    if wanted.after is None or symbol != wanted.after[0]:
        return False
    return at >= wanted.after[1] if wanted.newest_first else at <= wanted.after[1]


def completed_bars(
    tape: Tape, timetable: Timetable, wanted: BarQuery, now: float
) -> list[dict[str, Any]]:
    """Return the bars that start in the wanted span and are over by ``now``, oldest first."""
    if wanted.seconds == 60:
        first, last = tape.span(wanted.start, wanted.end)
        return [bar_json(tape, i) for i in range(first, min(last, tape.completed(now)))]
    # A longer bar needs all of its minutes, also those beyond the wanted span.
    first, last = tape.span(wanted.start - 86_400, min(wanted.end + 86_400, now - 60))
    if first >= last:
        return []
    starts = tape.starts[first:last]
    keys = starts // wanted.seconds if wanted.seconds < 86_400 else _days(starts)
    groups = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    if wanted.seconds < 86_400:
        begins = [float(keys[g] * wanted.seconds) for g in groups]
        ends = [b + wanted.seconds for b in begins]
    else:
        days = [in_new_york(float(starts[g])).date() for g in groups]
        begins = [new_york(day) for day in days]
        ends = [s.close if (s := timetable.on(day)) else new_york(day) for day in days]
    bars = merged_bars(tape, first, last, groups.tolist(), begins)
    return [
        bar
        for bar, end in zip(bars, ends, strict=True)
        if wanted.start <= bar["t"] <= wanted.end and end <= now
    ]


def _days(starts: Any) -> Any:
    """Number minutes by day; New York's trading hours never cross midnight UTC."""
    return starts // 86_400
