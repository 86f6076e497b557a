"""Times as others write them: an instant with its zone, and how long to leave a server alone."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from app.engine.errors import InvalidData

#: What counts calls counts them by the minute: after one there are new ones.
LONGEST_PAUSE_S = 60.0


def moment(of: Mapping[str, object], name: str) -> datetime:
    """Return a record's ISO 8601 time with its zone as UTC; digits below a microsecond are cut.

    Raises InvalidData.
    """
    value = of.get(name)
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value)
            if parsed.tzinfo is not None:
                return parsed.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise InvalidData(f"{name} is {ascii(value)[:80]}, not a time with its zone")


def pause_told(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait that a refused caller was told, bounded; None where nothing was.

    The limit's reset is an instant on the server's clock, so it is held against the server's Date.
    """
    try:
        if "Retry-After" in headers:
            told = float(headers["Retry-After"])
        else:
            now = parsedate_to_datetime(headers["Date"]).timestamp()
            told = float(headers["X-RateLimit-Reset"]) - now
    except (KeyError, ValueError, OverflowError):
        return None
    # An instant that has passed, as from a clock far from ours, tells nothing; nor does NaN.
    return min(told, LONGEST_PAUSE_S) if told > 0 else None
