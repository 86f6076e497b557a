"""Buckets in Redis agree with the model, with each other, and are never unlimited."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.engine.book import RateLimit
from app.engine.errors import InvalidData, Transient
from app.io.buckets import Buckets, Fill, spend

AT = datetime(2026, 3, 20, 14, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LIMITS = {
    "quotes": RateLimit(10, timedelta(minutes=1), 1),
    "broker": RateLimit(200, timedelta(minutes=1), 20),
}
NOBODY = "redis://:secret@127.0.0.1:1/1"


@pytest.fixture
def buckets(redis_url: str) -> Iterator[Buckets]:
    opened = Buckets(redis_url, "book", LIMITS)
    yield opened
    opened.close()


@pytest.fixture
def server(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, decode_responses=True, protocol=2) as client:
        yield client


def test_nine_for_all_and_the_last_for_those_who_may(buckets: Buckets) -> None:
    grants = [buckets.take("quotes", AT) for _ in range(10)]
    assert [g.allowed for g in grants] == [True] * 9 + [False]
    assert (grants[-1].retry_after_s, grants[-1].tokens_left) == (6.0, 1.0)
    last = buckets.take("quotes", AT, reserve=True)
    assert (last.allowed, last.from_reserve, last.tokens_left) == (True, True, 0.0)
    assert not buckets.take("quotes", AT, reserve=True).allowed
    assert buckets.take("quotes", AT + 12 * SECOND).allowed
    assert not any(g.local for g in grants)


STEPS = st.lists(
    st.tuples(st.floats(-7200, 7200), st.integers(1, 9), st.booleans(), st.booleans()),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_the_lua_call_is_the_model(
    buckets: Buckets, server: redis.Redis, steps: list[tuple[float, int, bool, bool]]
) -> None:
    server.flushall()
    limit, at, model = LIMITS["quotes"], AT, Fill(10.0, AT.timestamp())
    for step, cost, reserve, penalty in steps:
        at += timedelta(seconds=step)
        if penalty:
            until = at + 5 * SECOND
            buckets.penalise("quotes", until)
            model = Fill(model.tokens, model.at, max(model.blocked, until.timestamp()))
        if not server.hexists("book:bucket:quotes", "at"):
            model = Fill(model.tokens, at.timestamp(), model.blocked)
        model, expected = spend(model, limit, at.timestamp(), cost, reserve)
        grant = buckets.take("quotes", at, cost, reserve)
        assert (grant.allowed, grant.from_reserve) == (expected.allowed, expected.from_reserve)
        assert grant.tokens_left == pytest.approx(expected.tokens_left, abs=1e-6)
        assert grant.retry_after_s == pytest.approx(expected.retry_after_s, abs=1e-6)


def test_fifty_threads_share_one_bucket(buckets: Buckets) -> None:
    with ThreadPoolExecutor(20) as pool:
        grants = list(pool.map(lambda _: buckets.take("quotes", AT), range(50)))
    assert sum(g.allowed for g in grants) == 9
    level = {level.name: level for level in buckets.levels()}["quotes"]
    assert (level.granted, level.refused, level.tokens) == (9, 41, 1.0)


def _ask(url: str, barrier: Any, won: Any) -> None:
    buckets = Buckets(url, "book", LIMITS)
    barrier.wait()
    won.put(sum(buckets.take("broker", AT).allowed for _ in range(50)))
    buckets.close()


def test_eight_processes_share_one_bucket(redis_url: str, buckets: Buckets) -> None:
    assert buckets.take("broker", AT).allowed  # the parent's connection is open when it forks
    fork = multiprocessing.get_context("fork")
    barrier, won = fork.Barrier(8), fork.Queue()
    askers = [
        fork.Process(target=_ask, args=(redis_url, barrier, won), daemon=True) for _ in range(8)
    ]
    for asker in askers:
        asker.start()
    assert sum(won.get(timeout=60) for _ in askers) == 179
    for asker in askers:
        asker.join(30)


def test_books_and_names_do_not_meet(redis_url: str, buckets: Buckets) -> None:
    other = Buckets(redis_url, "other", LIMITS)
    buckets.take("quotes", AT, cost=9)
    assert buckets.take("broker", AT).tokens_left == 199
    assert other.take("quotes", AT).tokens_left == 9
    other.close()


def test_a_penalty_shuts_the_bucket_for_everybody(redis_url: str, buckets: Buckets) -> None:
    other = Buckets(redis_url, "book", LIMITS)
    other.penalise("broker", AT + 30 * SECOND)
    other.penalise("broker", AT + 10 * SECOND)
    refused = buckets.take("broker", AT, reserve=True)
    assert (refused.allowed, refused.retry_after_s) == (False, 30.0)
    assert {level.name: level.blocked_until for level in buckets.levels()} == {
        "quotes": None,
        "broker": AT + 30 * SECOND,
    }
    assert buckets.take("broker", AT + 30 * SECOND).allowed
    other.close()


def test_a_bucket_that_is_not_there_and_a_cost_that_never_fits(buckets: Buckets) -> None:
    with pytest.raises(InvalidData, match="no bucket 'llm'; it has quotes, broker"):
        buckets.take("llm", AT)
    for cost in (0, -1, 10):
        with pytest.raises(InvalidData, match=f"can never give {cost} tokens; it gives 1 to 9"):
            buckets.take("quotes", AT, cost=cost)
    assert buckets.take("quotes", AT, cost=10, reserve=True).allowed


def test_without_redis_half_the_limit_answers() -> None:
    alone = Buckets(NOBODY, "book", LIMITS)
    grants = [alone.take("quotes", AT) for _ in range(20)]
    assert [g.allowed for g in grants] == [True] * 4 + [False] * 16
    assert all(g.local for g in grants)
    assert alone.take("quotes", AT, reserve=True).from_reserve
    later = [alone.take("quotes", AT + timedelta(days=1)) for _ in range(20)]
    assert sum(g.allowed for g in later) == 4
    alone.penalise("quotes", AT + timedelta(days=3))
    assert not alone.take("quotes", AT + timedelta(days=2)).allowed
    with pytest.raises(Transient):
        alone.levels()


def test_a_lost_script_is_loaded_again(buckets: Buckets, server: redis.Redis) -> None:
    buckets.take("quotes", AT)
    server.script_flush()
    server.flushall()
    assert not buckets.take("quotes", AT).local
