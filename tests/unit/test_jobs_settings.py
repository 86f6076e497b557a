"""Celery's settings, the registered tasks, and what a process loads, as the decisions have it."""

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from celery import Celery, current_app

from app.engine.errors import InvalidData
from app.jobs import root, worker
from app.jobs.celery_app import QUEUES, RESEARCH, VISIBILITY_TIMEOUT, make_app
from app.jobs.nudges import QUEUE
from app.jobs.schedule import timetables

NOWHERE = "unix:///nowhere/redis.sock"


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Celery]:
    monkeypatch.chdir(tmp_path)
    told = {"DATABASE_URL": "postgresql://nowhere/none", "REDIS_URL": NOWHERE}
    for name, value in {**told, "ALPACA_API_KEY": "k", "ALPACA_SECRET_KEY": "s"}.items():
        monkeypatch.setenv(name, value)
    forget()
    yield root.celery()
    forget()


def forget() -> None:
    for made in (
        root.settings,
        root.celery,
        root.sender,
        root.database,
        root.services,
        root.streams,
    ):
        made.cache_clear()
    for made in (root.broker, root.clock, root.leases):
        made.cache_clear()


SETTINGS: list[tuple[str, Any]] = [
    ("timezone", "UTC"),
    ("enable_utc", True),
    ("task_ignore_result", True),
    ("result_backend", None),
    ("task_store_errors_even_if_ignored", False),
    ("task_serializer", "json"),
    ("accept_content", ["json"]),
    ("task_acks_late", False),
    ("worker_prefetch_multiplier", 1),
    ("worker_disable_prefetch", True),
    ("worker_consumer", "app.jobs.consumer:EagerConsumer"),
    ("task_publish_retry", False),
    ("task_default_queue", "default"),
    ("task_create_missing_queues", False),
    ("worker_proc_alive_timeout", 30),
    ("worker_max_memory_per_child", 400_000),
    ("worker_enable_soft_shutdown_on_idle", False),
    ("worker_cancel_long_running_tasks_on_connection_loss", False),
    ("broker_connection_retry_on_startup", True),
    ("broker_connection_max_retries", None),
    ("beat_cron_starting_deadline", 60),
]
TRANSPORT: list[tuple[str, Any]] = [
    ("unacked_restore_interval", 5),
    ("unacked_restore_throttle", 1),
    ("socket_timeout", 30),
    ("socket_keepalive", True),
    ("health_check_interval", 10),
    ("visibility_timeout", 300),
    ("max_retries", 1),
    ("interval_start", 0.1),
]


@pytest.mark.parametrize(("name", "value"), SETTINGS)
def test_a_setting_answers_its_failure(app: Celery, name: str, value: object) -> None:
    assert app.conf[name] == value


@pytest.mark.parametrize(("name", "value"), TRANSPORT)
def test_a_setting_of_the_transport_answers_its_failure(
    app: Celery, name: str, value: object
) -> None:
    assert app.conf.broker_transport_options[name] == value


def test_what_only_sends_has_less_patience_and_leaves_the_workers_tasks_alone(app: Celery) -> None:
    sender = root.sender()
    assert sender.conf.broker_transport_options["socket_timeout"] <= 2
    assert sender.conf.task_publish_retry is False
    assert current_app._get_current_object() is app


def test_the_stop_of_a_worker_is_short_and_its_children_do_not_live_for_ever(app: Celery) -> None:
    assert 0 < app.conf.worker_soft_shutdown_timeout <= 20
    assert 0 < app.conf.worker_max_tasks_per_child <= 10_000


def test_the_queues_of_trading_and_that_of_research_are_declared_and_no_other(app: Celery) -> None:
    assert set(QUEUES) == {"default", "pipeline"}
    assert {queue.name for queue in app.conf.task_queues} == {*QUEUES, RESEARCH}
    assert set(QUEUE.values()) <= set(QUEUES)


def test_no_task_may_run_as_long_as_its_message_is_invisible(app: Celery) -> None:
    app.loader.import_default_modules()
    import_module("app.lab.tasks")
    ours = [task for task in app.tasks.values() if not task.name.startswith("celery.")]
    assert "play_trial" in {task.name for task in ours}
    assert len(ours) >= 6
    for task in ours:
        hard = task.time_limit or app.conf.task_time_limit
        soft = task.soft_time_limit or app.conf.task_soft_time_limit
        assert 0 < soft < hard < VISIBILITY_TIMEOUT.total_seconds(), task.name
    assert app.conf.visibility_timeout == VISIBILITY_TIMEOUT.total_seconds()


def test_every_scheduled_and_every_nudged_task_is_registered(app: Celery) -> None:
    worker.check_registered(app)
    scheduled = {row.task for book in root.settings().books for row in timetables(book)}
    assert scheduled <= set(app.tasks)
    assert set(QUEUE) <= set(app.tasks)


def test_a_task_that_no_worker_knows_refuses_the_start(app: Celery) -> None:
    bare = make_app("memory://")
    bare.finalize()
    app.loader.import_default_modules()
    del bare.tasks["check_exits"]
    with pytest.raises(InvalidData, match=r"^scheduled but not registered: check_exits$"):
        worker.check_registered(bare)


def test_a_task_is_loaded_before_the_fork_and_nothing_is_asked(app: Celery) -> None:
    # This test may open no socket at all.
    worker.check_registered(app)
    worker.preload()
    assert {"alpaca", "exchange_calendars", "numpy"} <= set(sys.modules)
    assert root.services.cache_info().currsize == 0


@pytest.mark.parametrize(
    ("modules", "not_loaded"),
    [
        ("app.jobs.beat, app.jobs.feed, app.jobs.tasks", {"pandas", "alpaca", "fastapi"}),
        ("app.api.server", {"pandas", "alpaca", "celery"}),
    ],
)
def test_a_process_does_not_load_what_it_does_not_use(modules: str, not_loaded: set[str]) -> None:
    never = {"exchange_calendars", "alembic", "pyarrow"}
    look = f"import sys, {modules}; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert (not_loaded | never).isdisjoint(said.stdout.split())
