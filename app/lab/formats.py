"""How numbers, spans and moments are spelt in a report; what has no answer is a dash."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from app.lab.daily import local
from app.lab.result import Moments

NONE = "–"
_MINUTE = 60_000_000_000


def money(amount: float | None) -> str:
    """Return an amount to the cent."""
    return NONE if amount is None else _signed(f"{amount:,.2f}")


def gain(amount: float) -> str:
    """Return an amount to the cent, with its sign."""
    return _signed(f"{amount:+,.2f}")


def percent(share: float | None) -> str:
    """Return a share in percent; what does not fit is told by its power of ten."""
    if share is None:
        return NONE
    return _signed(f"{share:,.2%}" if abs(share) < 1e4 else f"{share * 100:.1e}%")


def ratio(number: float | None) -> str:
    """Return a number with two decimals."""
    return NONE if number is None else _signed(f"{number:,.2f}")


def price(amount: float) -> str:
    """Return a price with as many decimals as a stock of its size is quoted with."""
    return f"{amount:,.2f}" if abs(amount) >= 1 else f"{amount:,.4f}"


def quantity(shares: float) -> str:
    """Return a quantity without decimals that say nothing."""
    return _signed(f"{shares:,.4f}".rstrip("0").rstrip("."))


def span(of: timedelta) -> str:
    """Return a span in its two largest units."""
    days, minutes = of.days, of.seconds // 60
    hours, rest = divmod(minutes, 60)
    if days:
        return f"{days:,} d {hours} h" if hours else f"{days:,} d"
    if hours:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{rest} min" if rest else f"{of.seconds} s"


def moment(at: datetime, zone: ZoneInfo) -> str:
    """Return a moment as the clock on the wall of ``zone`` shows it."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def moments(at: Moments, zone: ZoneInfo) -> NDArray[np.str_]:
    """Return moments on the wall clock of ``zone``, with seconds where any is not on the minute."""
    shown = local(at, zone).astype("datetime64[s]" if (at % _MINUTE).any() else "datetime64[m]")
    return np.array(
        [text.replace("T", " ") for text in np.datetime_as_string(shown)], dtype=np.str_
    )


def ticks(at: Moments, zone: ZoneInfo) -> NDArray[np.str_]:
    """Return the names of bars along an axis: their dates where each has its own, or moments."""
    dates = local(at, zone).astype("datetime64[D]")
    if len(at) > 1 and (dates[1:] > dates[:-1]).all():
        return np.datetime_as_string(dates)
    return moments(at, zone)


def _signed(text: str) -> str:
    """Return a number with a real minus, and none before what is rounded to nothing."""
    if not text.strip("-+0.,%"):
        return text.lstrip("-+")
    return text.replace("-", "−", 1) if text.startswith("-") else text
