"""What the clock says of a trading session: its phase, its windows, and the way between phases.

Every time is relative to the open and the close that the exchange's calendar gave, so that half
days and daylight saving move all of them.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from app.engine.book import SessionPolicy
from app.engine.errors import InvalidData
from app.engine.orders import TimeInForce

#: How long before the first possible order a book is opened: settings, account, recovery.
PREPARATION = timedelta(minutes=30)
#: Exchanges stop taking orders for an auction this long before it.
OPENING_AUCTION_CUTOFF = timedelta(minutes=2)
CLOSING_AUCTION_CUTOFF = timedelta(minutes=10)
#: Extended hours of US exchanges: 04:00 before an open at 09:30, and four hours after the close,
#: which is 20:00, and 17:00 on a half day.
EXTENDED_BEFORE, EXTENDED_AFTER = timedelta(hours=5, minutes=30), timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class SessionHours:
    """The regular hours of one trading day, aware UTC; ``date`` is the exchange's own."""

    date: date
    open: datetime
    close: datetime


class Phase(StrEnum):
    """Where a book is in its day."""

    OFFLINE = "OFFLINE"
    INITIALIZING = "INITIALIZING"
    READY = "READY"
    TRADING = "TRADING"
    CLOSING = "CLOSING"
    CLOSED = "CLOSED"
    STOPPED = "STOPPED"


_DAY = (
    Phase.OFFLINE,
    Phase.INITIALIZING,
    Phase.READY,
    Phase.TRADING,
    Phase.CLOSING,
    Phase.CLOSED,
)

#: Every legal move: one step along the day, STOPPED from anywhere, and a new day after it.
PHASES: dict[Phase, frozenset[Phase]] = {
    Phase.OFFLINE: frozenset({Phase.INITIALIZING, Phase.STOPPED}),
    Phase.INITIALIZING: frozenset({Phase.READY, Phase.STOPPED}),
    Phase.READY: frozenset({Phase.TRADING, Phase.STOPPED}),
    Phase.TRADING: frozenset({Phase.CLOSING, Phase.STOPPED}),
    Phase.CLOSING: frozenset({Phase.CLOSED, Phase.STOPPED}),
    Phase.CLOSED: frozenset({Phase.OFFLINE, Phase.STOPPED}),
    Phase.STOPPED: frozenset({Phase.OFFLINE}),
}


def check_phase(before: Phase, after: Phase) -> None:
    """Raise InvalidData unless a session may move from ``before`` to ``after``."""
    if after not in PHASES[before]:
        raise InvalidData(f"a session cannot go from {before} to {after}")


def way(current: Phase, wanted: Phase) -> tuple[Phase, ...]:
    """Return the phases to pass through from ``current`` to ``wanted``, the latter included.

    A process that starts in the middle of a day opens its book first: OFFLINE to TRADING leads
    through INITIALIZING and READY. A phase behind the current one belongs to the next day.
    """
    if current is wanted:
        return ()
    if wanted is Phase.STOPPED:
        return (Phase.STOPPED,)
    if current is Phase.STOPPED:
        return (Phase.OFFLINE, *way(Phase.OFFLINE, wanted))
    here, there = _DAY.index(current), _DAY.index(wanted)
    if here < there:
        return _DAY[here + 1 : there + 1]
    return (*_DAY[here + 1 :], *_DAY[: there + 1])


def onward(current: Phase, wanted: Phase) -> tuple[Phase, ...]:
    """Return the phases that a day has still to pass through; none where it is over.

    Clocks of two processes differ a little: a day that has moved on never moves back.
    """
    if current in (Phase.CLOSED, Phase.STOPPED) or _DAY.index(wanted) < _DAY.index(current):
        return ()
    return way(current, wanted)


def phase_at(hours: SessionHours | None, now: datetime, policy: SessionPolicy) -> Phase:
    """Return the phase that the clock asks for; no hours (a day without a session) is OFFLINE."""
    if hours is None:
        return Phase.OFFLINE
    first_order = hours.open - policy.clean_up_before_open
    starts = (
        (hours.close, Phase.CLOSED),
        (pre_close_at(hours, policy), Phase.CLOSING),
        (hours.open, Phase.TRADING),
        (first_order, Phase.READY),
        (first_order - PREPARATION, Phase.INITIALIZING),
    )
    return next((phase for start, phase in starts if now >= start), Phase.OFFLINE)


def regular(hours: SessionHours | None, now: datetime) -> bool:
    """Is ``now`` inside the regular hours? The open belongs to them, the close does not."""
    return hours is not None and hours.open <= now < hours.close


def trading_hours(hours: SessionHours, *, extended: bool) -> tuple[datetime, datetime]:
    """Return from when until when prices move: the regular hours, or the extended ones."""
    if not extended:
        return hours.open, hours.close
    return hours.open - EXTENDED_BEFORE, hours.close + EXTENDED_AFTER


def pre_close_at(hours: SessionHours, policy: SessionPolicy) -> datetime:
    """Return when entries end and positions are offered to the closing auction."""
    return hours.close - policy.pre_close_before


def flatten_at(hours: SessionHours, policy: SessionPolicy) -> datetime:
    """Return when what is still held is sold at the market."""
    return hours.close - policy.flatten_before


def clean_up_window(hours: SessionHours, policy: SessionPolicy) -> tuple[datetime, datetime]:
    """Return from when until when leftovers of earlier sessions are sold around the open."""
    return hours.open - policy.clean_up_before_open, hours.open + policy.clean_up_after_open


def takes_orders(hours: SessionHours | None, now: datetime, time_in_force: TimeInForce) -> bool:
    """Would the exchange work an order of this time in force if it were sent now?"""
    if hours is None:
        return False
    if time_in_force is TimeInForce.OPG:
        return now < hours.open - OPENING_AUCTION_CUTOFF
    if time_in_force is TimeInForce.CLS:
        return hours.open <= now < hours.close - CLOSING_AUCTION_CUTOFF
    return regular(hours, now)
