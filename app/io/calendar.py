"""Exchange hours behind one function: holidays, half days and daylight saving included."""

import warnings
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Protocol
from zoneinfo import ZoneInfo

from app.engine.errors import InvalidData
from app.engine.session import SessionHours

#: Fixed bounds, so that a replay never depends on the day on which it runs.
FIRST, LAST = "2000-01-01", "2040-12-31"
_A_DAY = timedelta(days=1)


def span_of(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return when a date begins and ends on an exchange's clock: 23 to 25 hours apart."""
    return datetime.combine(day, time(), zone), datetime.combine(day + _A_DAY, time(), zone)


def midnight(at: datetime, zone: ZoneInfo) -> datetime:
    """Return when the date of ``at`` began on an exchange's clock."""
    return span_of(at.astimezone(zone).date(), zone)[0]


class Calendar(Protocol):
    """When an exchange trades. Raises only InvalidData, for dates that it does not know."""

    @property
    def zone(self) -> ZoneInfo:
        """Return the exchange's time zone, in which its trading dates are counted."""

    def session_on(self, day: date) -> SessionHours | None:
        """Return the session of a date, None on a holiday."""

    def session_for(self, at: datetime) -> SessionHours:
        """Return the session on the date of ``at`` in the exchange's zone, else the next one."""

    def previous(self, day: date, n: int = 1) -> SessionHours:
        """Return the n-th session before a date."""

    def next_after(self, day: date) -> SessionHours:
        """Return the first session after a date."""


@dataclass(frozen=True, slots=True)
class _Table:
    """Sessions in order; opens and closes are seconds since the epoch."""

    zone: ZoneInfo
    days: list[date]
    opens: list[int]
    closes: list[int]


@cache
def _table(name: str) -> _Table:
    # Imported here because it pulls pandas, which few commands need.
    import exchange_calendars

    try:
        with warnings.catch_warnings():
            # The library calls what pandas 3.1 announces to change in pandas 4.
            warnings.simplefilter("ignore", DeprecationWarning)
            calendar = exchange_calendars.get_calendar(name, start=FIRST, end=LAST)
    except (exchange_calendars.errors.CalendarError, ValueError) as error:
        raise InvalidData(
            f"calendar {name!r} cannot be used: {error} Accepted: XNYS, XKRX, 24/7 and the other"
            " codes of exchange_calendars"
        ) from error
    return _Table(
        zone=ZoneInfo(str(calendar.tz)),
        days=[stamp.date() for stamp in calendar.sessions],
        opens=[round(stamp.timestamp()) for stamp in calendar.opens],
        closes=[round(stamp.timestamp()) for stamp in calendar.closes],
    )


class ExchangeCalendar:
    """A calendar of the exchange_calendars library, by its code: XNYS, XKRX, 24/7."""

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def zone(self) -> ZoneInfo:
        return _table(self._name).zone

    def session_on(self, day: date) -> SessionHours | None:
        days = _table(self._name).days
        self._require_known(day)
        place = bisect_left(days, day)
        return self._at(place, day) if place < len(days) and days[place] == day else None

    def session_for(self, at: datetime) -> SessionHours:
        day = at.astimezone(self.zone).date()
        self._require_known(day)
        return self._at(bisect_left(_table(self._name).days, day), day)

    def previous(self, day: date, n: int = 1) -> SessionHours:
        self._require_known(day)
        return self._at(bisect_left(_table(self._name).days, day) - n, day)

    def next_after(self, day: date) -> SessionHours:
        self._require_known(day)
        return self._at(bisect_right(_table(self._name).days, day), day)

    def _at(self, place: int, day: date) -> SessionHours:
        table = _table(self._name)
        if not 0 <= place < len(table.days):
            raise self._unknown(day)
        return SessionHours(
            table.days[place],
            datetime.fromtimestamp(table.opens[place], UTC),
            datetime.fromtimestamp(table.closes[place], UTC),
        )

    def _require_known(self, day: date) -> None:
        if not date.fromisoformat(FIRST) <= day <= date.fromisoformat(LAST):
            raise self._unknown(day)

    def _unknown(self, day: date) -> InvalidData:
        return InvalidData(
            f"{day} is outside the calendar {self._name}, which knows {FIRST} to {LAST}"
        )
