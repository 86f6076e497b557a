"""The numbers of requirements F5, F6, F9 and F10 in the shipped book, each at its edge."""

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from builders import (
    AT,
    FULL_DAY,
    HALF_DAY,
    MINUTE,
    SECOND,
    D,
    a_route_context,
    a_signal,
    an_exit_context,
    an_exit_policy,
)

from app.config.loading import load
from app.engine import opposite
from app.engine.exits import due
from app.engine.exits.gap import gap_limit
from app.engine.exits.parking import LONGEST_PAUSE, Parked, tried
from app.engine.exits.retry import retry
from app.engine.orders import Purpose
from app.engine.session import SessionHours, clean_up_window, flatten_at, pre_close_at
from app.engine.verdicts import Reason

BOOK = load({}, Path("no such file")).book("us_baskets")
NEW_YORK = ZoneInfo("America/New_York")


def clock(*moments: datetime) -> list[str]:
    """What New York's clock shows."""
    return [f"{moment.astimezone(NEW_YORK):%H:%M:%S}" for moment in moments]


def the_end(hours: SessionHours) -> list[str]:
    return clock(pre_close_at(hours, BOOK.session), flatten_at(hours, BOOK.session))


def the_opening(hours: SessionHours) -> list[str]:
    return clock(*clean_up_window(hours, BOOK.session))


# At their edges: test_engine_opposite.py, test_engine_exits.py, test_engine_exit_rules.py,
# test_engine_parking.py; and here.
NUMBERS = [
    ("F5 opposite score", BOOK.exits.opposite_score, 0.15),
    ("F5 sells half", BOOK.exits.opposite_share, D("0.5")),
    ("F5 stops at the broker", BOOK.exits.broker_stops, True),
    ("F5 without a stop at the broker", BOOK.exits.stop_failure, "hold"),
    ("F6 pre-close and flatten", the_end(FULL_DAY), ["15:48:00", "15:55:00"]),
    ("F6 of a half day", the_end(HALF_DAY), ["12:48:00", "12:55:00"]),
    ("F6 leftovers", the_opening(FULL_DAY), ["09:25:00", "09:35:00"]),
    ("F6 leftovers in winter", the_opening(HALF_DAY), ["09:25:00", "09:35:00"]),
    ("F9 on", gap_limit(BOOK.exits), D("-2.01")),
    ("F10 back-off", BOOK.exits.retry, MINUTE),
    ("F10 longest", LONGEST_PAUSE, 15 * MINUTE),
]


@pytest.mark.parametrize(("requirement", "found", "expected"), NUMBERS)
def test_the_shipped_book_says(requirement: str, found: object, expected: object) -> None:
    assert found == expected, requirement


@pytest.mark.parametrize(("score", "shares"), [(0.14999, None), (0.15, D(5)), (0.15001, D(5))])
def test_f5_a_score_of_fifteen_hundredths_sells_half(score: float, shares: Decimal | None) -> None:
    context = a_route_context(held={"SQQQ": D(10)})
    sold = opposite.sales(BOOK, {}, [a_signal("AAPL", score)], context).intents
    assert [intent.quantity for intent in sold] == ([shares] if shares else [])


@pytest.mark.parametrize(
    ("threshold", "epsilon", "limit"),
    [
        ("-0.0001", "0.0001", None),
        ("0", "0.0001", None),
        ("0.0001", "0.0001", "-0.02"),
        ("0.0001", "0", "-0.01"),
    ],
)
def test_f9_a_threshold_of_nothing_is_off(threshold: str, epsilon: str, limit: str | None) -> None:
    policy = an_exit_policy(gap=D(threshold), gap_epsilon=D(epsilon))
    assert gap_limit(policy) == (None if limit is None else D(limit))


OVERNIGHT = FULL_DAY.open - timedelta(hours=17)


def a_parked_exit(retry_at: datetime) -> Parked:
    return Parked("AAPL", Purpose.FLATTEN, Reason.SESSION_CLOSED, OVERNIGHT, retry_at, 3)


@pytest.mark.parametrize(
    ("at", "sold"),
    [
        (FULL_DAY.open - SECOND, 0),
        (FULL_DAY.open, 1),
        (FULL_DAY.open + SECOND, 1),
        (FULL_DAY.close - SECOND, 1),
        (FULL_DAY.close, 0),
    ],
)
def test_f10_a_parked_exit_is_tried_when_orders_are_possible(at: datetime, sold: int) -> None:
    parked = {"AAPL": a_parked_exit(OVERNIGHT)}
    assert len(retry(BOOK, an_exit_context(at, parked=parked))) == sold


@pytest.mark.parametrize(("after", "sold"), [(SECOND, 0), (MINUTE - SECOND, 0), (MINUTE, 1)])
def test_f10_it_is_tried_once_and_waits_before_it_is_tried_again(
    after: timedelta, sold: int
) -> None:
    """In regular hours the third pause is no longer than the first."""
    parked = {"AAPL": tried(BOOK, a_parked_exit(AT), AT, FULL_DAY)}
    assert len(due(BOOK, an_exit_context(AT + after, parked=parked))) == sold
