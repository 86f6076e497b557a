"""The arithmetic of a bucket: never more than its limit, whatever the clock and the askers do."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.book import RateLimit
from app.io.buckets import Fill, halved, spend

MINUTE = timedelta(minutes=1)
LIMITS = st.builds(
    lambda capacity, share, per: RateLimit(
        capacity, timedelta(seconds=per), int(share * (capacity - 1))
    ),
    st.integers(1, 50),
    st.floats(0, 1),
    st.integers(1, 600),
)
#: Steps of the clock (some of them back), costs, and whether the reserve may be used.
ASKED = st.lists(
    st.tuples(st.floats(-20, 120), st.integers(1, 3), st.booleans()), min_size=1, max_size=60
)


def _run(limit: RateLimit, asked: Sequence[tuple[float, int, bool]]) -> list[tuple[float, int]]:
    """Return (time, cost) of what was granted, times as the bucket sees them."""
    fill, now, granted = Fill(limit.capacity, 1000.0), 1000.0, []
    for step, cost, reserve in asked:
        now += step
        fill, grant = spend(fill, limit, now, cost, reserve)
        assert -1e-6 <= fill.tokens <= limit.capacity
        if grant.allowed:
            granted.append((fill.at, cost))
    return granted


@given(LIMITS, ASKED)
def test_no_window_grants_more_than_capacity_and_refill(
    limit: RateLimit, asked: list[tuple[float, int, bool]]
) -> None:
    granted = _run(limit, asked)
    rate = limit.capacity / limit.per.total_seconds()
    for first, (start, _) in enumerate(granted):
        spent = 0
        for at, cost in granted[first:]:
            spent += cost
            assert spent <= limit.capacity + (at - start) * rate + 1e-6


@given(LIMITS, ASKED, st.integers(1, 3))
def test_the_reserve_is_left_to_those_who_may_use_it(
    limit: RateLimit, asked: list[tuple[float, int, bool]], cost: int
) -> None:
    fill = Fill(limit.capacity, 1000.0)
    for step, _, _ in asked:
        fill, grant = spend(fill, limit, fill.at + max(step, 0), cost, reserve=False)
        assert fill.tokens >= limit.reserve - 1e-6
        assert not grant.from_reserve


@given(LIMITS, ASKED, st.booleans())
def test_after_the_wait_it_is_granted(
    limit: RateLimit, asked: list[tuple[float, int, bool]], reserve: bool
) -> None:
    fill, now = Fill(limit.capacity, 1000.0), 1000.0
    for step, _, _ in asked:
        now = max(now + step, 0)
        fill, grant = spend(fill, limit, now, 1, reserve)
        if not grant.allowed:
            assert grant.retry_after_s > 0
            early = grant.retry_after_s * 0.9 - 1e-3
            if early > 0:
                assert not spend(fill, limit, now + early, 1, reserve)[1].allowed
            assert spend(fill, limit, now + grant.retry_after_s + 1e-3, 1, reserve)[1].allowed


def test_a_shut_bucket_opens_when_it_was_told() -> None:
    limit, fill = RateLimit(10, MINUTE, 1), Fill(10, 1000.0, blocked=1030.0)
    fill, refused = spend(fill, limit, 1010.0, 1, reserve=True)
    assert (refused.allowed, refused.retry_after_s) == (False, 20.0)
    assert spend(fill, limit, 1030.0, 1, reserve=False)[1].allowed


def test_only_a_clock_set_far_back_is_believed() -> None:
    limit, fill = RateLimit(10, MINUTE, 0), Fill(0.0, 100_000.0, blocked=100_060.0)
    skewed, grant = spend(fill, limit, 99_000.0, 1, reserve=False)
    assert (skewed.at, grant.allowed) == (100_000.0, False)
    another_day, grant = spend(fill, limit, 10_000.0, 1, reserve=False)
    assert (another_day.at, grant.allowed, grant.retry_after_s) == (10_000.0, False, 6.0)


@pytest.mark.parametrize(
    ("capacity", "reserve", "half", "kept"),
    [(10, 1, 5, 1), (200, 20, 100, 20), (1, 0, 1, 0), (3, 2, 1, 0)],
)
def test_half_of_a_limit_is_never_nothing(
    capacity: int, reserve: int, half: int, kept: int
) -> None:
    assert halved(RateLimit(capacity, MINUTE, reserve)) == RateLimit(half, MINUTE, kept)
