"""A worker as a process: children that are replaced or killed, old ticks, Redis gone and back."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from jobs_processes import READY, Stage, assert_sound, exchange, send, stage, the_book, valkey

from app.config.fingerprint import fingerprint
from app.config.loading import load
from app.io.clock import wall
from app.io.store import book_states
from app.io.store.database import Database


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with exchange(tmp_path_factory.mktemp("exchange"), 1.0) as settings:
        yield settings


@pytest.fixture
def workers(
    tmp_path: Path, database_url: str, redis_url: str, broker: dict[str, str]
) -> Iterator[Stage]:
    database = Database(database_url, "test")
    settings = load({}, Path("/nowhere/.env"))
    with database.begin() as db:
        book_states.ensure(db, the_book(), fingerprint(settings), wall())
    database.dispose()
    with stage(tmp_path, (database_url, redis_url), broker) as made:
        yield made


def test_a_worker_is_ready_and_an_idle_one_stops_when_it_is_asked_to(workers: Stage) -> None:
    worker = workers.metronome("worker", REMAP_SIGTERM="SIGQUIT")
    worker.wait_for(READY)
    children = worker.children()
    worker.popen.send_signal(signal.SIGTERM)
    # Shorter than the time that a soft shutdown may take with a task in hand.
    assert worker.popen.wait(20) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)
    assert_sound(worker)


def test_a_worker_without_redis_tries_again_at_least_every_two_seconds(workers: Stage) -> None:
    worker = workers.metronome("worker", REDIS_URL="unix:///nowhere/redis.sock")
    worker.wait_for("(10/None)")
    pauses = [float(told) for told in re.findall(r"again in ([0-9.]+) second", worker.said())]
    assert pauses
    assert max(pauses) <= 2.0


def test_a_worker_whose_child_was_killed_goes_on(workers: Stage, redis_url: str) -> None:
    worker = workers.metronome("worker")
    worker.wait_for(READY)
    for child in worker.children():
        os.kill(child, signal.SIGKILL)
    send(redis_url, "reconcile", times=4)
    worker.wait_for("succeeded in", times=4)


def test_settings_that_no_task_could_work_with_refuse_the_start(workers: Stage) -> None:
    worker = workers.metronome("worker", ALPACA_API_KEY="")
    assert worker.wait() == 2
    assert "ALPACA_API_KEY: " in worker.said()
    assert_sound(worker)


def test_a_worker_consumes_again_after_redis_was_restarted(
    workers: Stage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("r")
    url = f"unix://{folder}/s"
    with valkey(folder):
        worker = workers.metronome("worker", REDIS_URL=url)
        worker.wait_for(READY)
        send(url, "reconcile")
        worker.wait_for("succeeded in")
    worker.wait_for("Connection to broker lost")
    with valkey(folder):
        send(url, "reconcile")
        worker.wait_for("succeeded in", times=2)
        assert worker.popen.poll() is None
        worker.popen.send_signal(signal.SIGTERM)
        worker.wait()


# -- what the tests stand on -----------------------------------------------------------------------


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis[bytes]"]:
    with redis.Redis.from_url(redis_url) as made:
        yield made
