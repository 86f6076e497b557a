"""Moments and dates as people type them: a clock time of the newest session, or ISO 8601."""

import re
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from app.engine.errors import InvalidData

if TYPE_CHECKING:
    from datetime import date as Date

    from app.cli.reading import Reader

ACCEPTED = "HH:MM on the exchange's clock, or ISO 8601 such as 2026-03-20T10:31"
_CLOCK = re.compile(r"\d\d?:\d\d(:\d\d)?")


def moment(reader: "Reader", name: str, text: str) -> datetime:
    """Read a time: HH:MM is one of the newest session, a time without zone is the exchange's.

    Raises InvalidData that names the option.
    """
    zone = reader.calendar.zone
    try:
        if _CLOCK.fullmatch(text):
            clock = time.fromisoformat(text.zfill(5))
            said = datetime.combine(_newest_day(reader), clock)
        elif "T" not in text and " " not in text:
            raise ValueError(text)
        else:
            said = datetime.fromisoformat(text)
        return (said if said.tzinfo else said.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidData(f"{name}: {text[:60]!r}; accepted: {ACCEPTED}.") from error


def date(name: str, text: str) -> "Date":
    """Read a date of the exchange. Raises InvalidData that names the option."""
    from app.api.questions import day

    try:
        return day(text)
    except ValueError as error:
        raise InvalidData(f"{name}: {text[:40]!r}; {error}") from error


def _newest_day(reader: "Reader") -> datetime:
    from app.io.store import sessions

    with reader.database.begin() as db:
        session = sessions.current(db, reader.book.id)
    if session is None:
        raise InvalidData(f"{reader.book.id} has had no session yet: give a date too.")
    return datetime.combine(session.date, time())
