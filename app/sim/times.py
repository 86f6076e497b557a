"""Times of the simulated world: seconds since the epoch inside, RFC 3339 at its edges."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")


def moment(epoch: float) -> datetime:
    """Return seconds since the epoch as an aware UTC time."""
    return datetime.fromtimestamp(epoch, UTC)


def rfc3339(epoch: float) -> str:
    """Write a time as the exchange does: UTC, nanosecond digits unless it is a whole second."""
    at = moment(epoch)
    if at.microsecond == 0:
        return at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def in_new_york(epoch: float) -> datetime:
    """Return the wall's time in New York."""
    return datetime.fromtimestamp(epoch, NEW_YORK)


def new_york(day: date, at: time = time()) -> float:
    """Return the seconds since the epoch of a New York time of day."""
    return datetime.combine(day, at, NEW_YORK).timestamp()


def parse(text: str, *, end_of_day: bool = False) -> float:
    """Read an RFC 3339 time or a date (New York midnight, or that day's last moment).

    Raises ValueError; a time without a zone is taken as UTC.
    """
    if len(text) == 10:
        day = date.fromisoformat(text)
        return new_york(day, time(23, 59, 59, 999999)) if end_of_day else new_york(day)
    at = datetime.fromisoformat(text.replace(" ", "+"))
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
