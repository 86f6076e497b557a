"""Alpaca's snapshots and bars as quotes and bars; raises InvalidData naming what is wrong."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from app.engine.errors import InvalidData
from app.engine.market import Bar, Quote
from app.engine.times import moment
from app.io.feeds.faults import bar_fault, quote_fault
from app.io.feeds.port import BadEntry

T = TypeVar("T", Quote, Bar)

#: The zone of the day that a daily bar stands for.
_NEW_YORK = ZoneInfo("America/New_York")


def quote(symbol: str, value: object) -> Quote:
    """Read one snapshot: the last trade, the best bid and ask, the day's volume."""
    of = record("snapshot", value)
    trade = record("latestTrade", of.get("latestTrade"))
    book = record("latestQuote", of.get("latestQuote"))
    at = moment(trade, "t")
    read = Quote(
        symbol=symbol,
        at=at,
        bid=number(book, "bp"),
        ask=number(book, "ap"),
        last=number(trade, "p"),
        day_volume=_volume_of_day(of.get("dailyBar"), at),
    )
    return _sound(read, quote_fault(read))


def bar(symbol: str, value: object) -> Bar:
    """Read one bar."""
    of = record("bar", value)
    read = Bar(
        symbol=symbol,
        at=moment(of, "t"),
        open=number(of, "o"),
        high=number(of, "h"),
        low=number(of, "l"),
        close=number(of, "c"),
        volume=number(of, "v"),
    )
    return _sound(read, bar_fault(read))


def bad_entry(symbol: str, why: InvalidData, value: object) -> BadEntry:
    """Describe an entry that is left out."""
    return BadEntry(symbol, str(why), json.dumps(value, default=str)[:500])


def record(name: str, value: object) -> Mapping[str, object]:
    """Return a JSON object."""
    if isinstance(value, dict):
        return value
    raise InvalidData(f"{name} is {'missing' if value is None else type(value).__name__}")


def number(of: Mapping[str, object], name: str) -> float:
    """Return a number; whether it is a sensible one is the faults' to say."""
    value = of.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            pass
    raise InvalidData(f"{name} is {ascii(value)[:40]}, not a number")


def _volume_of_day(daily: object, at: datetime) -> float:
    # Before the day's first trade the daily bar is still the previous session's.
    if daily is None:
        return 0.0
    of = record("dailyBar", daily)
    same_day = moment(of, "t").astimezone(_NEW_YORK).date() == at.astimezone(_NEW_YORK).date()
    return number(of, "v") if same_day else 0.0


def _sound(value: T, fault: str | None) -> T:
    if fault is None:
        return value
    raise InvalidData(fault)
