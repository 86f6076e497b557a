"""Exchange hours: holidays, half days, daylight saving, and the recorded sessions of 14 years."""

import csv
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from app.engine.errors import InvalidData
from app.io.calendar import ExchangeCalendar

RECORDED = Path(__file__).parents[2].parent / "shared" / "data" / "calendar"
NEW_YORK = ExchangeCalendar("XNYS")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        (date(2026, 3, 6), "14:30", "21:00"),  # winter
        (date(2026, 3, 9), "13:30", "20:00"),  # the Monday after clocks went forward
        (date(2026, 11, 2), "14:30", "21:00"),  # the Monday after they went back
        (date(2025, 11, 28), "14:30", "18:00"),  # the half day after Thanksgiving
        (date(2025, 7, 3), "13:30", "17:00"),  # the half day before Independence Day
    ],
)
def test_hours(day: date, opens: str, closes: str) -> None:
    session = NEW_YORK.session_on(day)
    assert session is not None
    assert session.date == day
    assert session.open == at(f"{day}T{opens}")
    assert session.close == at(f"{day}T{closes}")


@pytest.mark.parametrize(
    "day",
    [date(2026, 3, 21), date(2026, 4, 3), date(2025, 1, 9), date(2026, 7, 3), date(2012, 10, 29)],
)
def test_no_session_on_weekends_and_holidays(day: date) -> None:
    assert NEW_YORK.session_on(day) is None


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-03-20T03:59", date(2026, 3, 19)),  # still the evening before in New York
        ("2026-03-20T04:00", date(2026, 3, 20)),
        ("2026-03-20T16:00", date(2026, 3, 20)),
        ("2026-03-21T03:59", date(2026, 3, 20)),  # after the close it stays that day's session
        ("2026-03-21T04:00", date(2026, 3, 23)),  # a weekend belongs to Monday's
    ],
)
def test_the_session_of_a_moment(moment: str, day: date) -> None:
    assert NEW_YORK.session_for(at(moment)).date == day


def test_sessions_before_and_after_a_date() -> None:
    saturday = date(2026, 3, 21)
    assert NEW_YORK.previous(saturday).date == date(2026, 3, 20)
    assert NEW_YORK.previous(date(2026, 3, 20), 5).date == date(2026, 3, 13)
    assert NEW_YORK.next_after(saturday).date == date(2026, 3, 23)
    assert NEW_YORK.next_after(date(2026, 3, 23)).date == date(2026, 3, 24)


def test_the_zone_is_the_exchanges() -> None:
    assert NEW_YORK.zone.key == "America/New_York"


def test_a_market_that_never_closes() -> None:
    session = ExchangeCalendar("24/7").session_for(at("2026-03-21T12:00"))
    assert (session.open, session.close) == (at("2026-03-21T00:00"), at("2026-03-22T00:00"))


@pytest.mark.parametrize("day", [date(1999, 12, 31), date(2041, 1, 1)])
def test_a_date_out_of_range_is_one_clear_line(day: date) -> None:
    with pytest.raises(InvalidData, match=rf"^{day} .*2000-01-01 to 2040-12-31$"):
        NEW_YORK.session_on(day)


def test_nothing_follows_the_last_session() -> None:
    with pytest.raises(InvalidData):
        NEW_YORK.next_after(date(2040, 12, 31))


def test_nothing_precedes_the_first_session() -> None:
    with pytest.raises(InvalidData):
        NEW_YORK.previous(date(2000, 1, 4), 2)


def test_an_unknown_exchange_is_named() -> None:
    with pytest.raises(InvalidData, match="'XNYZ' cannot be used"):
        ExchangeCalendar("XNYZ").session_on(date(2026, 3, 20))


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded calendar is not on this machine")
def test_every_recorded_session() -> None:
    path = RECORDED / "us_sessions_2013_2026.csv"
    rows = list(csv.DictReader(path.read_text().splitlines()))
    recorded = {date.fromisoformat(r["date"]): (r["open_utc"], r["close_utc"]) for r in rows}
    for number in range(min(recorded).toordinal(), max(recorded).toordinal() + 1):
        day = date.fromordinal(number)
        session = NEW_YORK.session_on(day)
        said = (str(session.open), str(session.close)) if session else None
        assert said == recorded.get(day), day


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded calendar is not on this machine")
def test_every_recorded_holiday_and_early_close() -> None:
    path = RECORDED / "us_market_holidays_2013_2026.csv"
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert {row["kind"] for row in rows} == {"closed", "early_close"}
    for row in rows:
        session = NEW_YORK.session_on(date.fromisoformat(row["date"]))
        if row["kind"] == "closed":
            assert session is None, row
        else:
            assert session is not None
            local = session.close.astimezone(NEW_YORK.zone)
            assert f"{local:%H:%M}" == row["name_or_close_local"][:5], row
