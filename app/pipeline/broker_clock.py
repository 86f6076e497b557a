"""What a broker would say of the session at a moment, by the exchange's calendar."""

from datetime import datetime

from app.adapters.port import BrokerClock
from app.io.calendar import Calendar


def session_at(calendar: Calendar, now: datetime) -> BrokerClock:
    """Return the session that is on, or the next one."""
    hours = calendar.session_for(now)
    coming = hours if now < hours.open else calendar.next_after(hours.date)
    closing = hours if now < hours.close else coming
    return BrokerClock(now, hours.open <= now < hours.close, coming.open, closing.close)
