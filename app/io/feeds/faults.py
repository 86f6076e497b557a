"""What makes a quote or a bar unusable: the reason, or None for a sound one."""

from math import isfinite

from app.engine.market import Bar, Quote

LARGEST_PRICE = 1e9


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
