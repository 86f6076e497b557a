"""Two beats send each tick once, and a tick that comes twice runs once all the same.

Guards: the lock that ``beat._wait_for_lock`` waits for, and ``task_slots.claim`` in ``run_slot``.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from jobs_processes import Stage, assert_one_tick_a_slot, exchange, stage, wait_for_ticks
from pipeline_world import World

from app.engine.ids import slot_of
from app.jobs.run import run_slot

READY = "beat: Starting..."


@pytest.fixture
def beats(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    database_url: str,
    redis_url: str,
) -> Iterator[Stage]:
    """A stage over a market in which a slot of 15 s takes a quarter of a second."""
    with (
        exchange(tmp_path_factory.mktemp("exchange"), 60.0) as settings,
        stage(tmp_path, (database_url, redis_url), settings) as made,
    ):
        yield made


def test_a_second_beat_waits_and_takes_over_from_one_that_was_killed(
    beats: Stage, client: "redis.Redis[bytes]"
) -> None:
    first = beats.metronome("beat")
    first.wait_for(READY)
    second = beats.metronome("beat")
    second.wait_for("another beat holds the lock")
    wait_for_ticks(client, 8)
    assert_one_tick_a_slot(client)
    assert READY not in second.said()
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    second.wait_for(READY)
    wait_for_ticks(client, 8)
    assert_one_tick_a_slot(client)


def test_the_tick_of_a_second_beat_finds_its_slot_taken(world: World) -> None:
    every, ran = world.book.schedule.stops, []
    slot = slot_of(world.market.at, every)
    for to in (world.to, world.worker()):
        run_slot(to, "check_exits", slot, every, lambda to: ran.append(to.owner) or "ran")
    assert ran == [world.to.owner]
