"""Parked exits: how long they wait, when they are tried, and what of it is news (F10)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from builders import (
    AT,
    FULL_DAY,
    HALF_DAY,
    MINUTE,
    SECOND,
    D,
    a_book,
    a_position,
    a_quote,
    an_exit_context,
    by_symbol,
)

from app.engine.exits import due
from app.engine.exits.end_of_day import refused
from app.engine.exits.parking import LONGEST_PAUSE, Parked, is_news, park, tried
from app.engine.orders import Purpose, TimeInForce
from app.engine.session import SessionHours
from app.engine.verdicts import Reason

BOOK = a_book()
OVERNIGHT = FULL_DAY.open - timedelta(hours=20)


def a_parked_exit(**changes: Any) -> Parked:
    parked = Parked("AAPL", Purpose.FLATTEN, Reason.SESSION_CLOSED, AT - MINUTE, AT, 1)
    return replace(parked, **changes)


@pytest.mark.parametrize(("until", "sold"), [(0, True), (-60, True), (1, False)])
def test_f10_a_parked_exit_is_tried_when_its_pause_is_over(until: int, sold: bool) -> None:
    parked = {"AAPL": a_parked_exit(retry_at=AT + until * SECOND)}
    sales = due(BOOK, an_exit_context(parked=parked))
    assert [s.intent.purpose for s in sales] == ([Purpose.FLATTEN] if sold else [])


@pytest.mark.parametrize(
    ("parked", "last", "sold"),
    [
        (Purpose.TAKE_PROFIT, 90.0, [Purpose.STOP_LOSS]),
        (Purpose.TAKE_PROFIT, 104.0, []),
        (Purpose.STOP_LOSS, 90.0, []),
        (Purpose.GAP, 100.0, []),
    ],
)
def test_f10_a_pause_holds_back_what_is_parked_and_no_other_rule(
    parked: Purpose, last: float, sold: list[Purpose]
) -> None:
    waits = {"AAPL": a_parked_exit(purpose=parked, retry_at=AT + MINUTE)}
    night = FULL_DAY.close + MINUTE
    assert due(BOOK, an_exit_context(at=night, parked=waits)) == []
    sales = due(BOOK, an_exit_context(quotes={"AAPL": a_quote(last=last)}, parked=waits))
    assert [s.intent.purpose for s in sales] == sold


def test_f10_a_paused_sale_does_not_come_by_a_later_rule() -> None:
    """Both its stop and its trailing stop want it sold; the first is what is parked."""
    waits = {"AAPL": a_parked_exit(purpose=Purpose.STOP_LOSS, retry_at=AT + MINUTE)}
    fallen = by_symbol(replace(a_position(), peak_price=D(110)))
    context = an_exit_context(quotes={"AAPL": a_quote(last=90.0)}, positions=fallen, parked=waits)
    assert due(BOOK, context) == []
    sold = due(BOOK, replace(context, parked={}))
    assert [s.intent.purpose for s in sold] == [Purpose.STOP_LOSS]


@pytest.mark.parametrize("last", [90.0, 100.0])
@pytest.mark.parametrize("purpose", [Purpose.STOP_LOSS, Purpose.PRE_CLOSE, Purpose.FLATTEN])
@pytest.mark.parametrize(("before", "ends"), [(12, Purpose.PRE_CLOSE), (5, Purpose.FLATTEN)])
def test_f6_the_end_of_the_day_waits_for_no_pause(
    last: float, purpose: Purpose, before: int, ends: Purpose
) -> None:
    at = FULL_DAY.close - before * MINUTE
    waits = {"AAPL": a_parked_exit(purpose=purpose, retry_at=at + LONGEST_PAUSE)}
    quotes = {"AAPL": a_quote(last=last, at=at)}
    (sale,) = due(BOOK, an_exit_context(at, quotes=quotes, parked=waits))
    stops_first = last < 98.5 and purpose is not Purpose.STOP_LOSS
    assert sale.intent.purpose is (Purpose.STOP_LOSS if stops_first else ends)


def parked_often(at: datetime, hours: SessionHours | None, times: int) -> list[float]:
    """Return the minutes of each pause of an exit that is refused again and again."""
    parked: Parked | None = None
    found = []
    for _ in range(times):
        wanted = ("AAPL", Purpose.STOP_LOSS, Reason.SESSION_CLOSED)
        parked = park(BOOK, parked, wanted, at, hours)
        found.append((parked.retry_at - at) / MINUTE)
    return found


def test_f10_pauses_double_at_night_and_not_in_the_session() -> None:
    night = FULL_DAY.close + MINUTE
    assert parked_often(night, FULL_DAY, 7) == [1, 2, 4, 8, 15, 15, 15]
    assert parked_often(night, None, 11)[-1] == 15
    assert parked_often(AT, FULL_DAY, 5) == [1] * 5
    often = a_parked_exit(tries=10**6)
    assert tried(BOOK, often, night, FULL_DAY).retry_at == night + LONGEST_PAUSE
    assert tried(BOOK, often, AT, FULL_DAY).retry_at == AT + MINUTE


@pytest.mark.parametrize(
    "turn",
    [FULL_DAY.open, FULL_DAY.close - 12 * MINUTE, FULL_DAY.close - 5 * MINUTE],
)
def test_f10_no_pause_lasts_beyond_the_open_the_pre_close_or_the_flatten(turn: datetime) -> None:
    at = turn - 20 * SECOND
    assert tried(BOOK, a_parked_exit(tries=5), at, FULL_DAY).retry_at == turn
    assert tried(BOOK, a_parked_exit(tries=5), turn, FULL_DAY).retry_at > turn


def test_f10_only_changes_are_news() -> None:
    first = park(BOOK, None, ("AAPL", Purpose.FLATTEN, Reason.SESSION_CLOSED), AT, FULL_DAY)
    again = park(BOOK, first, ("AAPL", Purpose.FLATTEN, first.reason), AT + MINUTE, FULL_DAY)
    assert (is_news(None, first), is_news(first, again)) == (True, False)
    assert is_news(first, replace(first, purpose=Purpose.CLEAN_UP))
    assert (again.parked_at, again.tries) == (AT, 2)


@pytest.mark.parametrize(
    ("at", "asked"),
    [
        (FULL_DAY.close - MINUTE, []),
        (FULL_DAY.close, [Purpose.FLATTEN]),
        (FULL_DAY.close + 60 * MINUTE, [Purpose.FLATTEN]),
        (FULL_DAY.open - 60 * MINUTE, []),
        (FULL_DAY.open - MINUTE, [Purpose.CLEAN_UP]),
    ],
)
def test_f10_what_the_closed_market_refuses_is_named(at: Any, asked: list[Purpose]) -> None:
    held = by_symbol(replace(a_position(), opened_at=OVERNIGHT))
    found = refused(BOOK, an_exit_context(at, positions=held))
    assert [s.intent.purpose for s in found] == asked


def test_f6_half_days_move_what_is_refused_too() -> None:
    held = by_symbol(replace(a_position(), opened_at=HALF_DAY.open + MINUTE))
    found = refused(BOOK, an_exit_context(HALF_DAY.close, hours=HALF_DAY, positions=held))
    assert [(s.intent.purpose, s.intent.time_in_force) for s in found] == [
        (Purpose.FLATTEN, TimeInForce.DAY)
    ]
