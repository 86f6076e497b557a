"""Beat as a process: one tick a slot, whoever else wants to beat, and an end that is told."""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa
from jobs_processes import (
    BOOK,
    Stage,
    assert_one_tick_a_slot,
    exchange,
    queued,
    stage,
    the_book,
    wait_for_ticks,
    wait_until,
)

from app.io.store import book_states
from app.io.store.database import Database
from app.jobs.schedule import timetables

#: Market seconds per wall second: a slot of 15 s takes 0.125 s, the longest one half a minute.
SPEED = 120.0
READY = "beat: Starting..."


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with exchange(tmp_path_factory.mktemp("exchange"), SPEED) as settings:
        yield settings


@pytest.fixture
def beats(
    tmp_path: Path, database_url: str, redis_url: str, broker: dict[str, str]
) -> Iterator[Stage]:
    with stage(tmp_path, (database_url, redis_url), broker) as made:
        yield made


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis[bytes]"]:
    with redis.Redis.from_url(redis_url) as made:
        yield made


def lose_the_lock(database_url: str) -> None:
    database = Database(database_url, "test")
    query = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name LIKE '%beat-lock%' AND datname = current_database()"
        " AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')"
    )
    with database.begin() as db:
        assert db.execute(sa.text(query)).scalars().all() == [True]
    database.dispose()


def test_beat_sends_every_task_of_the_schedule_once_a_slot(
    beats: Stage, client: "redis.Redis[bytes]"
) -> None:
    beat = beats.metronome("beat")
    scheduled = {row.task for row in timetables(the_book())}
    wait_until(lambda: {name for name, _ in queued(client)} == scheduled, f"all of {scheduled}")
    wait_for_ticks(client, 8)
    assert_one_tick_a_slot(client)
    assert {arguments[0] for _, arguments in queued(client)} == {BOOK}
    beat.popen.send_signal(signal.SIGTERM)
    assert beat.wait() == 0
    assert "Traceback" not in beat.said()


def test_a_beat_that_waits_ends_when_it_is_asked_to(beats: Stage) -> None:
    beats.metronome("beat").wait_for(READY)
    second = beats.metronome("beat")
    second.wait_for("another beat holds the lock")
    second.popen.send_signal(signal.SIGTERM)
    assert second.wait() == 0


def test_a_beat_whose_lock_is_lost_stops_ticking_until_it_has_it_again(
    beats: Stage, client: "redis.Redis[bytes]", database_url: str
) -> None:
    beat = beats.metronome("beat")
    wait_for_ticks(client, 2)
    lose_the_lock(database_url)
    beat.wait_for("the beat lock was lost with its connection")
    beat.wait_for(READY, times=2)
    wait_for_ticks(client, 8)
    assert_one_tick_a_slot(client)
    assert beat.popen.poll() is None
    assert "Traceback" not in beat.said()


def test_a_beat_whose_lock_another_one_took_becomes_the_spare(
    beats: Stage, client: "redis.Redis[bytes]", database_url: str
) -> None:
    first = beats.metronome("beat")
    first.wait_for(READY)
    database = Database(database_url, "test")
    os.kill(first.pid, signal.SIGSTOP)
    lose_the_lock(database_url)
    second = beats.metronome("beat")
    second.wait_for(READY)
    os.kill(first.pid, signal.SIGCONT)
    first.wait_for("another beat holds the lock")
    # What it was sending when it was stopped came a second time; a slot's tasks bear that.
    client.flushdb()
    wait_for_ticks(client, 8)
    assert_one_tick_a_slot(client)
    assert first.said().count(READY) == 1
    database.dispose()


def test_a_new_beat_has_the_book_reconciled_before_it_enters(
    beats: Stage, database_url: str
) -> None:
    first = beats.metronome("beat")
    first.wait_for(READY)
    database = Database(database_url, "test")
    with database.begin() as db:
        book_states.set_reconciled(db, BOOK, datetime(2026, 3, 20, 15, 0, tzinfo=UTC))
    first.popen.send_signal(signal.SIGTERM)
    first.wait()
    beats.metronome("beat").wait_for(READY)
    with database.begin() as db:
        assert book_states.load(db, BOOK).reconciled_at is None
    database.dispose()


def test_a_beat_without_redis_goes_on_and_says_which_tick_was_lost(beats: Stage) -> None:
    beat = beats.metronome("beat", REDIS_URL="unix:///nowhere/redis.sock")
    beat.wait_for("tick_lost", times=8)
    assert beat.popen.poll() is None
    assert "Traceback" not in beat.said()
