"""Times as others write them: text with a zone in, aware UTC out."""

from collections.abc import Mapping
from datetime import UTC, datetime

from app.engine.errors import InvalidData


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
