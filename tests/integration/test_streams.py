"""Streams: nothing is lost, nothing comes for ever, and a flushed Redis costs a moment."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from app.engine.errors import InvalidData, Transient
from app.io import streams as module
from app.io.streams import Message, Streams

STREAM, GROUP = "signals.raw", "router"
KEY = f"book:{STREAM}"


Open = Callable[..., Streams]


@pytest.fixture
def server(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, decode_responses=True, protocol=2) as client:
        yield client


@pytest.fixture
def consumer(redis_url: str) -> Iterator[Open]:
    """Make streams read under a name; all are closed in the end."""
    opened: list[Streams] = []

    def make(name: str, url: str = redis_url) -> Streams:
        opened.append(Streams(url, "book", name))
        return opened[-1]

    yield make
    for streams in opened:
        streams.close()


@pytest.fixture
def streams(consumer: Open) -> Streams:
    return consumer("worker-1")


@pytest.fixture
def other(consumer: Open) -> Streams:
    return consumer("worker-2")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count every consumer as gone at once instead of after a minute."""
    monkeypatch.setattr(module, "CLAIM_IDLE_MS", 0)


def _numbers(messages: list[Message]) -> list[str]:
    return [message.data["n"] for message in messages]


def _publish(streams: Streams, count: int) -> list[str]:
    return [streams.publish(STREAM, {"n": str(n)}) for n in range(count)]


def _pending(streams: Streams) -> int:
    (info,) = streams.info()
    return info.pending


def test_published_before_the_first_reader_is_read(streams: Streams) -> None:
    ids = _publish(streams, 3)
    messages = streams.read(STREAM, GROUP)
    assert messages == [Message(STREAM, id_, {"n": str(n)}, 1) for n, id_ in enumerate(ids)]


def test_what_is_acknowledged_does_not_come_again(streams: Streams) -> None:
    _publish(streams, 3)
    read = streams.read(STREAM, GROUP, count=2)
    streams.acknowledge(STREAM, GROUP, *(m.id for m in read))
    streams.acknowledge(STREAM, GROUP)
    assert _numbers(streams.read(STREAM, GROUP)) == ["2"]
    assert _pending(streams) == 1


def test_own_messages_come_first_until_they_are_acknowledged(streams: Streams) -> None:
    _publish(streams, 2)
    streams.read(STREAM, GROUP, count=1)
    again = streams.read(STREAM, GROUP)
    assert _numbers(again) == ["0", "1"]
    assert [m.deliveries for m in again] == [2, 1]


def test_each_message_goes_to_one_consumer_and_every_group(
    streams: Streams, other: Streams
) -> None:
    _publish(streams, 40)
    with ThreadPoolExecutor(2) as pool:
        reads = pool.map(lambda s: s.read(STREAM, GROUP, count=25), (streams, other))
    assert sorted(int(n) for read in reads for n in _numbers(read)) == list(range(40))
    assert len(streams.read(STREAM, "another")) == 40


def test_waiting_looks_beyond_what_was_given(streams: Streams) -> None:
    assert not streams.waiting_in({STREAM: GROUP})
    _publish(streams, 2)
    assert streams.waiting_in({STREAM: GROUP})
    streams.read(STREAM, GROUP, count=1)
    assert streams.waiting_in({STREAM: GROUP})
    streams.read(STREAM, GROUP)
    assert not streams.waiting_in({STREAM: GROUP})


def test_entries_deleted_before_anybody_read_them_do_not_wait(
    streams: Streams, server: redis.Redis
) -> None:
    ids = _publish(streams, 2)
    streams.read(STREAM, GROUP, count=1)
    server.xdel(KEY, *ids)
    assert not streams.waiting_in({STREAM: GROUP})


def test_several_streams_are_read_and_acknowledged_at_once(streams: Streams) -> None:
    groups = {"signals.raw": "router", "intents": "risk", "fills": "ledger"}
    assert streams.read_many(groups) == []
    streams.publish_many([])
    streams.publish_many(
        [("fills", {"n": "0"}), ("signals.raw", {"n": "1"}), ("fills", {"n": "2"})]
    )
    assert streams.waiting_in(groups)
    read = streams.read_many(groups)
    assert [(m.stream, m.data["n"]) for m in read] == [
        ("signals.raw", "1"),
        ("fills", "0"),
        ("fills", "2"),
    ]
    assert not streams.waiting_in(groups)
    assert [m.deliveries for m in streams.read_many(groups)] == [2, 2, 2]
    streams.acknowledge_many([(m.stream, groups[m.stream], m.id) for m in read])
    streams.acknowledge_many([])
    assert streams.read_many(groups) == []


def test_a_flushed_redis_gets_its_group_again(streams: Streams, server: redis.Redis) -> None:
    _publish(streams, 2)
    streams.read(STREAM, GROUP)
    server.flushall()
    assert streams.read(STREAM, GROUP) == []
    assert _pending(streams) == 0
    server.flushall()
    streams.publish(STREAM, {"n": "9"})
    assert _numbers(streams.read(STREAM, GROUP)) == ["9"]


def test_a_dead_consumers_messages_are_claimed(
    streams: Streams, other: Streams, at_once: None
) -> None:
    ids = _publish(streams, 250)
    assert len(other.read(STREAM, GROUP, count=250)) == 250
    claimed: list[Message] = []
    while batch := streams.read(STREAM, GROUP):
        claimed += batch
        streams.acknowledge(STREAM, GROUP, *(m.id for m in batch))
    assert [m.id for m in claimed] == ids
    assert {m.deliveries for m in claimed} == {2}


def test_a_living_consumers_messages_are_left_alone(streams: Streams, other: Streams) -> None:
    _publish(streams, 3)
    other.read(STREAM, GROUP)
    assert streams.read(STREAM, GROUP) == []


def _read_and_die(url: str) -> None:
    Streams(url, "book", "worker-9").read(STREAM, GROUP)
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_killed_process_had_read_is_claimed(
    redis_url: str, streams: Streams, at_once: None
) -> None:
    _publish(streams, 5)
    fork = multiprocessing.get_context("fork")
    victim = fork.Process(target=_read_and_die, args=(redis_url,), daemon=True)
    victim.start()
    victim.join(30)
    assert victim.exitcode == -signal.SIGKILL
    assert _numbers(streams.read(STREAM, GROUP)) == list("01234")


def test_entries_deleted_unread_are_counted_as_lost(
    streams: Streams, other: Streams, server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = _publish(streams, 4)
    streams.read(STREAM, GROUP, count=2)
    other.read(STREAM, GROUP, count=2)
    monkeypatch.setattr(module, "CLAIM_IDLE_MS", 0)
    server.xdel(KEY, ids[0], ids[2], ids[3])
    assert set(_numbers(streams.read(STREAM, GROUP))) == {"1"}
    (info,) = streams.info()
    assert (info.lost, info.pending) == (3, 1)


def _fails(streams: Streams, times: int, why: Callable[[int], str] = str) -> None:
    for turn in range(times):
        (message,) = streams.read(STREAM, GROUP)
        assert message.deliveries == turn + 1
        streams.fail(message, GROUP, why(turn))


def test_a_poison_message_goes_to_the_dead_letters_after_five(streams: Streams) -> None:
    (id_,) = _publish(streams, 1)
    _fails(streams, 5, lambda turn: f"failure {turn}")
    assert streams.read(STREAM, GROUP) == []
    assert _pending(streams) == 0
    (letter,) = streams.dead(STREAM)
    assert (letter.group, letter.message_id, letter.deliveries) == (GROUP, id_, 5)
    assert (letter.error, letter.data) == ("failure 4", {"n": "0"})


def test_a_poison_message_that_kills_its_readers_is_buried_too(
    streams: Streams, other: Streams, at_once: None
) -> None:
    _publish(streams, 2)
    for turn in range(5):
        assert len((streams, other)[turn % 2].read(STREAM, GROUP)) == 2
    assert other.read(STREAM, GROUP) == []
    assert [(d.data["n"], d.error) for d in streams.dead(STREAM)] == [
        ("0", "never said why"),
        ("1", "never said why"),
    ]


def test_ten_readers_bury_once(streams: Streams, consumer: Open, at_once: None) -> None:
    _publish(streams, 20)
    for _ in range(5):
        streams.read(STREAM, GROUP)
    readers = [consumer(f"worker-{n}") for n in range(10)]
    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(lambda s: s.read(STREAM, GROUP), readers)) == [[]] * 10
    assert sorted(int(d.data["n"]) for d in streams.dead(STREAM)) == list(range(20))


def test_a_dead_letter_is_requeued_once_or_dropped(streams: Streams) -> None:
    _publish(streams, 1)
    _fails(streams, 5)
    streams.read(STREAM, GROUP)
    (letter,) = streams.dead(STREAM)
    assert streams.requeue(STREAM, letter.id)
    assert not streams.requeue(STREAM, letter.id)
    assert not streams.drop(STREAM, letter.id)
    _fails(streams, 5)
    streams.read(STREAM, GROUP)
    (letter,) = streams.dead(STREAM)
    assert letter.data == {"n": "0"}
    assert streams.drop(STREAM, letter.id)
    assert streams.dead(STREAM) == []


def test_an_acknowledged_message_forgets_its_error(streams: Streams, server: redis.Redis) -> None:
    _publish(streams, 1)
    _fails(streams, 1)
    (message,) = streams.read(STREAM, GROUP)
    streams.acknowledge(STREAM, GROUP, message.id)
    assert not server.exists(f"{KEY}.errors")


def test_blocking_is_bounded(streams: Streams) -> None:
    assert streams.read(STREAM, GROUP, block_s=0.05) == []
    for too_long in (-1, 2.1, 60):
        with pytest.raises(InvalidData, match="cannot block"):
            streams.read(STREAM, GROUP, block_s=too_long)


def test_no_redis_is_transient_and_tells_no_password(consumer: Open) -> None:
    gone = consumer("worker-1", "redis://:secret@127.0.0.1:1/1")
    calls: list[Callable[[], Any]] = [
        lambda: gone.publish(STREAM, {"n": "1"}),
        lambda: gone.read(STREAM, GROUP),
        gone.info,
    ]
    for call in calls:
        with pytest.raises(Transient, match="Redis") as told:
            call()
        assert "secret" not in str(told.value)


def test_another_url_is_refused_without_repeating_it() -> None:
    with pytest.raises(InvalidData, match="REDIS_URL is not a Redis URL") as told:
        Streams("ftp://:secret@here", "book", "worker-1").publish(STREAM, {"n": "1"})
    assert "secret" not in str(told.value)
