"""Trimming removes only what every group has acknowledged; the figures say how far each is."""

from collections.abc import Iterator, Sequence

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.io.streams import GroupInfo, Streams

STREAM = "fills"


@pytest.fixture
def server(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, decode_responses=True, protocol=2) as client:
        yield client


@pytest.fixture
def streams(redis_url: str) -> Iterator[Streams]:
    opened = Streams(redis_url, "book", "worker-1")
    yield opened
    opened.close()


def _left(server: redis.Redis) -> list[str]:
    return [data["n"] for _, data in server.xrange(f"book:{STREAM}")]


def _publish(streams: Streams, count: int) -> None:
    for n in range(count):
        streams.publish(STREAM, {"n": str(n)})


def test_a_stream_that_nobody_reads_is_kept(streams: Streams, server: redis.Redis) -> None:
    _publish(streams, 3)
    assert streams.trim() == 0
    assert _left(server) == ["0", "1", "2"]


def test_what_one_group_has_not_read_is_kept(streams: Streams, server: redis.Redis) -> None:
    _publish(streams, 5)
    for group, count in (("quick", 5), ("slow", 2)):
        read = streams.read(STREAM, group, count=count)
        streams.acknowledge(STREAM, group, *(m.id for m in read))
    assert streams.trim() == 1
    assert _left(server) == ["1", "2", "3", "4"]
    assert [m.data["n"] for m in streams.read(STREAM, "slow")] == ["2", "3", "4"]


def test_dead_letters_are_kept(streams: Streams) -> None:
    _publish(streams, 1)
    for _ in range(6):
        streams.read(STREAM, "group")
    streams.publish(STREAM, {"n": "1"})
    read = streams.read(STREAM, "group")
    streams.acknowledge(STREAM, "group", *(m.id for m in read))
    assert streams.trim() == 1
    assert len(streams.dead(STREAM)) == 1


STEPS = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(1, 4), st.sets(st.integers(0, 3))), max_size=6
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_nothing_unread_or_unacknowledged_is_ever_trimmed(
    streams: Streams, server: redis.Redis, steps: Sequence[tuple[str, int, set[int]]]
) -> None:
    server.flushall()
    _publish(streams, 8)
    done: dict[str, set[str]] = {"a": set(), "b": set()}
    for group in done:
        streams.read(STREAM, group, count=1)
    for group, count, kept in steps:
        read = streams.read(STREAM, group, count=count)
        acknowledged = [m for place, m in enumerate(read) if place not in kept]
        streams.acknowledge(STREAM, group, *(m.id for m in acknowledged))
        done[group] |= {m.data["n"] for m in acknowledged}
        buried = {d.data["n"] for d in streams.dead(STREAM) if d.group == group}
        done[group] |= buried
        streams.trim()
        needed = {str(n) for n in range(8)} - (done["a"] & done["b"])
        assert needed <= set(_left(server))


def test_the_figures(streams: Streams, redis_url: str) -> None:
    _publish(streams, 5)
    read = streams.read(STREAM, "a", count=3)
    streams.acknowledge(STREAM, "a", read[0].id)
    another = Streams(redis_url, "another", "worker-1")
    another.publish(STREAM, {"n": "0"})
    another.close()
    streams.publish("intents", {"n": "0"})
    assert streams.info() == [GroupInfo(STREAM, "a", length=5, lag=2, pending=2, dead=0, lost=0)]
