"""Times in text become UTC to the microsecond, whatever their zone; anything else is refused."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.errors import InvalidData
from app.engine.times import moment

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=80_000)).map(lambda since: EPOCH + since)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(MOMENTS, ZONES, st.text("0123456789", max_size=3))
def test_any_zone_and_digits_below_a_microsecond(at: datetime, zone: timezone, digits: str) -> None:
    written = at.astimezone(zone).isoformat(timespec="microseconds")
    read = moment({"t": f"{written[:-6]}{digits}{written[-6:]}"}, "t")
    assert (read, read.tzinfo) == (at, UTC)


def test_the_exchanges_own_spelling() -> None:
    told = {"t": "2022-04-28T14:07:04.451420928-04:00", "z": "2026-03-20T16:00:00.5Z"}
    assert moment(told, "t") == datetime(2022, 4, 28, 18, 7, 4, 451420, UTC)
    assert moment(told, "z") == datetime(2026, 3, 20, 16, 0, 0, 500_000, UTC)


@pytest.mark.parametrize(
    "bad",
    [None, "", 1, True, [], "soon", "2026-03-20", "2026-03-20T16:00:00", "0001-01-01T00:00+14:00"],
)
def test_what_is_no_time_with_its_zone_is_refused(bad: object) -> None:
    with pytest.raises(InvalidData, match=r"^t is .*, not a time with its zone$"):
        moment({"t": bad}, "t")


def test_a_long_refusal_is_cut() -> None:
    with pytest.raises(InvalidData) as told:
        moment({"t": "x" * 10_000}, "t")
    assert len(str(told.value)) < 130
