"""What makes a quote or a bar unusable: the reason, or None for a sound one."""

from datetime import datetime, timedelta
from math import isfinite

from app.engine.market import Bar, Quote

LARGEST_PRICE = 1e9
#: A stream tells of the last minutes; what it says of an older one is a mistake.
OLDEST_MINUTE = timedelta(hours=1)


def quote_fault(quote: Quote) -> str | None:
    """Say what is wrong with a quote; a locked market (bid = ask) is sound."""
    prices = {"last": quote.last, "bid": quote.bid, "ask": quote.ask}
    for name, price in prices.items():
        if not _is_price(price):
            return f"{name} is {price}, not a price"
    if not quote.bid <= quote.ask:
        return f"bid {quote.bid} is above ask {quote.ask}"
    return _volume_fault(quote.day_volume)


def bar_fault(bar: Bar) -> str | None:
    """Say what is wrong with a bar: its prices, their order, or its volume."""
    prices = {"open": bar.open, "high": bar.high, "low": bar.low, "close": bar.close}
    for name, price in prices.items():
        if not _is_price(price):
            return f"{name} is {price}, not a price"
    if not bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
        return f"open {bar.open} or close {bar.close} is outside low {bar.low} to high {bar.high}"
    return _volume_fault(bar.volume)


def _is_price(value: float) -> bool:
    return 0 < value < LARGEST_PRICE


def _volume_fault(volume: float) -> str | None:
    return None if isfinite(volume) and volume >= 0 else f"volume is {volume}"


def minute_fault(bar: Bar, before: Bar | None, now: datetime, most_move: float) -> str | None:
    """Say what is wrong with a streamed minute beside the one before it and the time of day.

    ``before`` is the newest one of its symbol; ``most_move`` the largest believable step from its
    close, as a share: a larger one is a split or a bad print, and the next minute tells which.
    """
    if bar.at != bar.at.replace(second=0, microsecond=0):
        return f"it starts at {bar.at:%H:%M:%S}, not on a minute"
    if bar.at > now:
        return f"it starts at {bar.at:%Y-%m-%d %H:%M}, in the future"
    if now - bar.at > OLDEST_MINUTE:
        return f"it starts at {bar.at:%Y-%m-%d %H:%M}, too long ago"
    if before is None:
        return None
    if bar.at == before.at:
        return f"a second bar at {bar.at:%H:%M}"
    if bar.at < before.at:
        return f"out of order: {bar.at:%H:%M} after {before.at:%H:%M}"
    if not abs(bar.open / before.close - 1) <= most_move:
        return f"from {before.close} to {bar.open}: a split or a bad print"
    return None
