"""Sessions: phases by the clock, windows, half days, and the way between phases."""

from datetime import datetime, timedelta

import pytest
from builders import AT, FULL_DAY, HALF_DAY, MINUTE, SECOND, a_book
from hypothesis import given
from hypothesis import strategies as st

from app.engine.errors import InvalidData
from app.engine.orders import TimeInForce
from app.engine.session import (
    PHASES,
    Phase,
    SessionHours,
    check_phase,
    clean_up_window,
    flatten_at,
    phase_at,
    pre_close_at,
    regular,
    takes_orders,
    way,
)

POLICY = a_book().session


def new_york(hours: SessionHours, clock: str) -> datetime:
    """Return a time of the session's date, written as New York's clock shows it."""
    hour, minute = (int(part) for part in clock.split(":"))
    return hours.open + timedelta(hours=hour - 9, minutes=minute - 30)


@pytest.mark.parametrize(
    ("hours", "clock", "phase"),
    [
        (FULL_DAY, "08:54", Phase.OFFLINE),
        (FULL_DAY, "08:55", Phase.INITIALIZING),
        (FULL_DAY, "09:25", Phase.READY),
        (FULL_DAY, "09:30", Phase.TRADING),
        (FULL_DAY, "15:47", Phase.TRADING),
        (FULL_DAY, "15:48", Phase.CLOSING),
        (FULL_DAY, "16:00", Phase.CLOSED),
        (HALF_DAY, "12:47", Phase.TRADING),
        (HALF_DAY, "12:48", Phase.CLOSING),
        (HALF_DAY, "13:00", Phase.CLOSED),
    ],
)
def test_phase_by_the_clock(hours: SessionHours, clock: str, phase: Phase) -> None:
    assert phase_at(hours, new_york(hours, clock), POLICY) is phase


def test_a_day_without_a_session_is_offline() -> None:
    assert phase_at(None, AT, POLICY) is Phase.OFFLINE
    assert not regular(None, AT)
    assert not takes_orders(None, AT, TimeInForce.DAY)


@pytest.mark.parametrize(
    ("hours", "pre_close", "flatten"),
    [(FULL_DAY, "15:48", "15:55"), (HALF_DAY, "12:48", "12:55")],
)
def test_f6_half_days_move_all_times(hours: SessionHours, pre_close: str, flatten: str) -> None:
    assert pre_close_at(hours, POLICY) == new_york(hours, pre_close)
    assert flatten_at(hours, POLICY) == new_york(hours, flatten)
    assert clean_up_window(hours, POLICY) == (new_york(hours, "09:25"), new_york(hours, "09:35"))


def test_regular_hours_include_the_open_and_not_the_close() -> None:
    assert regular(FULL_DAY, FULL_DAY.open)
    assert not regular(FULL_DAY, FULL_DAY.open - SECOND)
    assert regular(FULL_DAY, FULL_DAY.close - SECOND)
    assert not regular(FULL_DAY, FULL_DAY.close)


@pytest.mark.parametrize(
    ("time_in_force", "clock", "taken"),
    [
        (TimeInForce.OPG, "09:27", True),
        (TimeInForce.OPG, "09:28", False),
        (TimeInForce.CLS, "15:49", True),
        (TimeInForce.CLS, "15:50", False),
        (TimeInForce.CLS, "09:29", False),
        (TimeInForce.DAY, "09:29", False),
        (TimeInForce.DAY, "09:30", True),
        (TimeInForce.DAY, "16:00", False),
    ],
)
def test_auctions_close_their_books_early(
    time_in_force: TimeInForce, clock: str, taken: bool
) -> None:
    assert takes_orders(FULL_DAY, new_york(FULL_DAY, clock), time_in_force) is taken


@given(st.sampled_from(Phase), st.sampled_from(Phase))
def test_every_phase_is_reached_by_legal_moves(current: Phase, wanted: Phase) -> None:
    here = current
    for phase in way(current, wanted):
        check_phase(here, phase)
        here = phase
    assert here is wanted


def test_a_start_in_the_middle_of_the_day_opens_the_book_first() -> None:
    assert way(Phase.OFFLINE, Phase.TRADING) == (
        Phase.INITIALIZING,
        Phase.READY,
        Phase.TRADING,
    )


def test_stopped_is_reached_from_anywhere_and_left_through_offline() -> None:
    assert all(Phase.STOPPED in PHASES[p] for p in Phase if p is not Phase.STOPPED)
    assert way(Phase.STOPPED, Phase.READY)[0] is Phase.OFFLINE
    with pytest.raises(InvalidData, match="STOPPED to TRADING"):
        check_phase(Phase.STOPPED, Phase.TRADING)


@given(st.integers(0, 24 * 60))
def test_phases_of_a_day_never_go_back(minute: int) -> None:
    order = list(Phase)
    now = FULL_DAY.open - 8 * 60 * MINUTE + minute * MINUTE
    before, after = (phase_at(FULL_DAY, t, POLICY) for t in (now, now + MINUTE))
    assert order.index(before) <= order.index(after)
