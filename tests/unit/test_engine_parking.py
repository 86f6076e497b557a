"""Parked exits: how long they wait, when they are tried, and what of it is news (F10)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from builders import (
    AT,
    FULL_DAY,
    HALF_DAY,
    MINUTE,
    SECOND,
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


def test_f10_a_parked_exit_waits_for_a_session_and_no_other_rule_asks_meanwhile() -> None:
    night = FULL_DAY.close + MINUTE
    parked = {"AAPL": a_parked_exit(retry_at=AT + MINUTE)}
    assert due(BOOK, an_exit_context(at=night, parked=parked)) == []
    fallen = {"AAPL": a_quote(last=90.0)}
    assert due(BOOK, an_exit_context(quotes=fallen, parked=parked)) == []


def test_f10_pauses_double_and_are_capped_and_only_changes_are_news() -> None:
    parked: Parked | None = None
    pauses, news = [], []
    for _ in range(7):
        before = parked
        parked = park(before, ("AAPL", Purpose.FLATTEN, Reason.SESSION_CLOSED), AT, MINUTE)
        pauses.append((parked.retry_at - AT) / MINUTE)
        news.append(is_news(before, parked))
    assert pauses == [1, 2, 4, 8, 15, 15, 15]
    assert news == [True, *[False] * 6]
    assert parked is not None
    assert is_news(parked, replace(parked, purpose=Purpose.CLEAN_UP))
    assert parked.parked_at == AT
    assert tried(a_parked_exit(tries=2), AT, MINUTE).retry_at == AT + 2 * MINUTE
    many = park(replace(parked, tries=10**6), ("AAPL", Purpose.GAP, parked.reason), AT, MINUTE)
    assert many.retry_at == AT + LONGEST_PAUSE


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
