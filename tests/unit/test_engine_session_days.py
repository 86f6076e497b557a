"""A day over the exchange's real calendar: legal moves only, whoever sleeps or starts when."""

from datetime import UTC, date, datetime, timedelta

import pytest
from builders import a_book
from hypothesis import given
from hypothesis import strategies as st

from app.engine.session import (
    PHASES,
    Phase,
    SessionHours,
    onward,
    phase_at,
    pre_close_at,
    way,
)
from app.io.calendar import ExchangeCalendar

POLICY = a_book().session
NEW_YORK = ExchangeCalendar("XNYS")
MINUTE = timedelta(minutes=1)
ENDED = {Phase.CLOSED, Phase.STOPPED}

#: (date, what it is, open and close in UTC).
DAYS = [
    ("2026-03-20", "a full day", "13:30", "20:00"),
    ("2025-11-28", "the half day after Thanksgiving", "14:30", "18:00"),
    ("2025-12-24", "the half day before Christmas", "14:30", "18:00"),
    ("2026-03-06", "the last day of winter time", "14:30", "21:00"),
    ("2026-03-09", "the first day of summer time", "13:30", "20:00"),
    ("2026-10-30", "the last day of summer time", "13:30", "20:00"),
    ("2026-11-02", "the first day of winter time", "14:30", "21:00"),
]
CLOSED_DAYS = ["2026-03-21", "2026-03-22", "2026-04-03", "2026-07-03", "2026-12-25"]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def wanted(now: datetime) -> Phase:
    return phase_at(NEW_YORK.session_for(now), now, POLICY)


@pytest.mark.parametrize(("day", "what", "opens", "closes"), DAYS)
def test_each_phase_begins_by_the_calendar(day: str, what: str, opens: str, closes: str) -> None:
    begin, end = at(f"{day}T{opens}"), at(f"{day}T{closes}")
    starts = [
        (begin - 35 * MINUTE, Phase.INITIALIZING),
        (begin - 5 * MINUTE, Phase.READY),
        (begin, Phase.TRADING),
        (end - 12 * MINUTE, Phase.CLOSING),
        (end, Phase.CLOSED),
    ]
    before = Phase.OFFLINE
    for start, phase in starts:
        assert wanted(start - MINUTE / 60) is before, what
        assert wanted(start) is phase, what
        before = phase


@pytest.mark.parametrize("day", CLOSED_DAYS)
@pytest.mark.parametrize("hour", [8, 13, 18])
def test_weekends_and_holidays_are_offline(day: str, hour: int) -> None:
    assert wanted(at(f"{day}T{hour:02}:45")) is Phase.OFFLINE


def hours_of(ordinal: int) -> SessionHours:
    """Return the session on or after a date of 2001 to 2039."""
    return NEW_YORK.session_for(
        datetime.combine(date.fromordinal(ordinal), datetime.min.time(), UTC)
    )


DATES = st.integers(date(2001, 1, 1).toordinal(), date(2039, 12, 1).toordinal())


@given(DATES, st.integers(-600, 900))
def test_a_day_is_in_the_phase_that_its_hours_say(ordinal: int, minute: int) -> None:
    hours = hours_of(ordinal)
    now = hours.open + minute * MINUTE
    phase = phase_at(hours, now, POLICY)
    assert (phase in {Phase.TRADING, Phase.CLOSING}) == (hours.open <= now < hours.close)
    assert (phase is Phase.CLOSED) == (now >= hours.close)
    if phase is Phase.CLOSING:
        assert now >= pre_close_at(hours, POLICY)


class Book:
    """The session rows of a book that moves as its pipeline does, with work that may fail."""

    def __init__(self) -> None:
        self.days: dict[date, Phase] = {}
        self.moves: list[tuple[date, Phase, Phase]] = []

    def advance(self, now: datetime, works: bool) -> None:
        hours = NEW_YORK.session_for(now)
        for day in sorted(d for d, p in self.days.items() if d < hours.date and p not in ENDED):
            opened = self.days[day] not in {Phase.OFFLINE, Phase.INITIALIZING}
            for phase in way(self.days[day], Phase.CLOSING if opened else Phase.STOPPED):
                self.move(day, phase)
            if opened and works:
                self.move(day, Phase.CLOSED)
        current = self.days.get(hours.date, Phase.OFFLINE)
        for phase in onward(current, phase_at(hours, now, POLICY)):
            if phase in {Phase.READY, Phase.CLOSED} and not works:
                break
            self.move(hours.date, phase)

    def move(self, day: date, phase: Phase) -> None:
        self.moves.append((day, self.days.get(day, Phase.OFFLINE), phase))
        self.days[day] = phase


@given(DATES, st.lists(st.tuples(st.integers(1, 3000), st.booleans()), max_size=60))
def test_any_sleep_any_start_and_any_failure_makes_legal_moves(
    ordinal: int, ticks: list[tuple[int, bool]]
) -> None:
    """Steps of up to two days: restarts in each phase, days slept through, two days in a row."""
    book, now = Book(), hours_of(ordinal).open - timedelta(hours=6)
    for minutes, works in ticks:
        now += minutes * MINUTE
        book.advance(now, works)
        book.advance(now, works)  # a restart: the same moment again
    assert all(after in PHASES[before] for _, before, after in book.moves)
    # Once its work succeeds, a day is where the clock wants it, and no earlier one is left.
    book.advance(now, works=True)
    today = NEW_YORK.session_for(now)
    assert book.days.get(today.date, Phase.OFFLINE) is phase_at(today, now, POLICY)
    assert all(phase in ENDED for day, phase in book.days.items() if day < today.date)
    ended = [day for day, _, after in book.moves if after in ENDED]
    assert len(ended) == len(set(ended))


@given(st.sampled_from(Phase), st.sampled_from([p for p in Phase if p is not Phase.STOPPED]))
def test_a_day_never_moves_back_and_an_ended_one_never_moves(current: Phase, to: Phase) -> None:
    steps = onward(current, to)
    order = list(Phase)
    if current in ENDED or order.index(to) <= order.index(current):
        assert steps == ()
    else:
        assert steps[-1] is to
        assert [order.index(step) for step in steps] == sorted(order.index(step) for step in steps)
