"""A worker as a process: children that are replaced or killed, old ticks, Redis gone and back."""

import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa
from jobs_processes import BOOK, Process, Stage, exchange, queued, stage, the_book, wait_until

from app.adapters import BROKERS
from app.adapters.port import Connection
from app.config.fingerprint import fingerprint
from app.config.loading import load
from app.engine.ids import slot_of
from app.io.clock import wall
from app.io.store import book_states
from app.io.store.database import Database
from app.io.store.schema import task_slots
from app.jobs.celery_app import make_app
from app.local.binaries import find_valkey

READY = " ready."
ONE_TASK_A_CHILD = (
    "from app.jobs import root, worker;"
    "root.celery().conf.worker_max_tasks_per_child = 1; worker.run()"
)


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


def send(url: str, task: str, *arguments: object, times: int = 1, expires: object = None) -> None:
    socket = url.partition("?")[0].removeprefix("unix")
    app = make_app(f"redis+socket{socket}?virtual_host=0")
    for _ in range(times):
        queue = "default" if task == "advance_session" else "pipeline"
        app.send_task(task, (BOOK, *arguments), queue=queue, expires=expires)
    app.close()


def clock_of(workers: Stage) -> datetime:
    url = workers.environment["ALPACA_TRADING_URL"]
    return BROKERS["alpaca"](Connection(url, "sim", "sim")).clock().at


def rows(database_url: str) -> list[tuple[str, int, str]]:
    database = Database(database_url, "test")
    query = sa.select(task_slots.c.task, task_slots.c.slot, task_slots.c.status)
    with database.begin() as db:
        found = [(row.task, row.slot, row.status) for row in db.execute(query)]
    database.dispose()
    return found


def assert_sound(worker: Process) -> None:
    said = worker.said()
    for bad in ("Timed out waiting for UP", "Traceback", "task_unknown", "superuser"):
        assert bad not in said, said


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


def test_a_child_that_is_replaced_after_each_task_works_too(workers: Stage, redis_url: str) -> None:
    worker = workers.python(ONE_TASK_A_CHILD)
    worker.wait_for(READY)
    before = worker.children()
    send(redis_url, "reconcile", times=10)
    worker.wait_for("succeeded in", times=10)
    assert worker.children().isdisjoint(before)
    assert_sound(worker)


def test_a_worker_whose_child_was_killed_goes_on(workers: Stage, redis_url: str) -> None:
    worker = workers.metronome("worker")
    worker.wait_for(READY)
    for child in worker.children():
        os.kill(child, signal.SIGKILL)
    send(redis_url, "reconcile", times=4)
    worker.wait_for("succeeded in", times=4)


def test_ticks_that_queued_while_no_worker_ran_are_one_run(
    workers: Stage, redis_url: str, database_url: str, client: "redis.Redis[bytes]"
) -> None:
    interval = the_book().schedule.session
    now = clock_of(workers)
    slots = range(slot_of(now, interval) - 19, slot_of(now, interval) + 1)
    for slot in slots:
        # What beat set when it sent the slot's tick: 0.8 of an interval after its begin.
        age = now.timestamp() - slot * interval.total_seconds()
        left = 0.8 * interval.total_seconds() - age
        send(redis_url, "advance_session", slot, expires=wall() + timedelta(seconds=left))
    # And the same tick twenty times, from twenty beats: without an end, so that all arrive.
    send(redis_url, "advance_session", slots[-1], times=20)
    assert len(queued(client)) == 40
    worker = workers.metronome("worker")
    worker.wait_for("succeeded in", times=20)
    wait_until(lambda: not queued(client), "an empty queue")
    wait_until(lambda: "running" not in {status for *_, status in rows(database_url)}, "the end")
    assert [row for row in rows(database_url) if row[2] == "done"] == [
        ("advance_session", slots[-1], "done")
    ]


def test_old_ticks_that_never_expired_are_skipped_and_counted(
    workers: Stage, redis_url: str, database_url: str
) -> None:
    now = clock_of(workers)
    last = slot_of(now, the_book().schedule.session)
    for slot in range(last - 22, last - 2):
        send(redis_url, "advance_session", slot)
    worker = workers.metronome("worker")
    worker.wait_for("succeeded in", times=20)
    assert Counter(status for *_, status in rows(database_url)) == {"skipped": 20}
    assert_sound(worker)


def test_a_message_for_an_unknown_task_is_told_and_does_not_stop_the_worker(
    workers: Stage, redis_url: str
) -> None:
    worker = workers.metronome("worker")
    worker.wait_for(READY)
    send(redis_url, "no_such_task")
    send(redis_url, "reconcile")
    worker.wait_for("succeeded in")
    worker.wait_for("task_unknown")


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


@contextmanager
def valkey(folder: Path) -> Iterator[None]:
    words = ["--port", "0", "--unixsocket", f"{folder}/s", "--dir", f"{folder}", "--save", ""]
    with (folder / "log").open("ab") as log:
        server = subprocess.Popen([str(find_valkey()), *words], stdout=log, stderr=log)
    try:
        with redis.Redis.from_url(f"unix://{folder}/s") as made:
            wait_until(lambda: answers(made), "Valkey")
        yield
    finally:
        server.kill()
        server.wait()


def answers(client: "redis.Redis[bytes]") -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
