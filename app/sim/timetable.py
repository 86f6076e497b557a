"""When the simulated exchange trades: the real sessions of XNYS."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, timedelta

from app.io.calendar import FIRST, LAST, ExchangeCalendar
from app.sim.times import in_new_york


@dataclass(frozen=True, slots=True)
class Session:
    """One trading day; ``open`` and ``close`` are seconds since the epoch."""

    day: date
    open: float
    close: float


class Timetable:
    """Sessions in order, and the questions an exchange asks about them."""

    def __init__(self, sessions: list[Session]) -> None:
        self.sessions = sessions
        self._opens = [s.open for s in sessions]
        self._by_day = {s.day: s for s in sessions}
        #: The last moment that still has a next session: the world's time ends here.
        self.end = sessions[-1].open - 1

    def on(self, day: date) -> Session | None:
        """Return the session of a day, None when there is none."""
        return self._by_day.get(day)

    def at(self, now: float) -> Session | None:
        """Return the session that is open now."""
        last = self.latest(now)
        return last if last is not None and now < last.close else None

    def latest(self, now: float) -> Session | None:
        """Return the session that opened last."""
        index = bisect_right(self._opens, now) - 1
        return self.sessions[index] if index >= 0 else None

    def next_open(self, now: float) -> Session:
        """Return the next session to open."""
        return self.sessions[bisect_right(self._opens, now)]

    def next_close(self, now: float) -> float:
        """Return when the session that is open, or else the next one, closes."""
        return (self.at(now) or self.next_open(now)).close

    def between(self, first: date, last: date) -> list[Session]:
        """Return the sessions from ``first`` to ``last``, both included."""
        return [s for s in self.sessions if first <= s.day <= last]

    def day_of(self, now: float) -> Session | None:
        """Return the session of now's date in New York."""
        return self.on(in_new_york(now).date())


def new_york_sessions(around: date) -> Timetable:
    """Return the XNYS sessions from two years before ``around`` to one year after it."""
    calendar = ExchangeCalendar("XNYS")
    calendar.session_on(around)  # a date that the calendar does not know is refused in its words
    days = (around + timedelta(days=n) for n in range(-730, 367))
    known = (d for d in days if FIRST <= d.isoformat() <= LAST)
    hours = [h for h in map(calendar.session_on, known) if h is not None]
    return Timetable([Session(h.date, h.open.timestamp(), h.close.timestamp()) for h in hours])
