"""Children of a worker that start slowly are not killed and forked again, for ever.

Guards: ``worker_proc_alive_timeout`` in ``celery_app.make_app`` (the library's own 4 s kill a child
of 6 s), and that ``worker._connect_signals`` begins a child with next to nothing.
"""

from jobs_processes import READY, Stage, assert_sound, send

ONE_TASK_A_CHILD = (
    "from app.jobs import root, worker;"
    "root.celery().conf.worker_max_tasks_per_child = 1; worker.run()"
)
SLOW = (
    "import time; from celery import signals;"
    "signals.worker_process_init.connect(lambda **_: time.sleep(6), weak=False);"
)


def test_a_child_that_is_replaced_after_each_task_works_too(workers: Stage, redis_url: str) -> None:
    worker = workers.python(ONE_TASK_A_CHILD)
    worker.wait_for(READY)
    before = worker.children()
    send(redis_url, "reconcile", times=10)
    worker.wait_for("succeeded in", times=10)
    assert worker.children().isdisjoint(before)
    assert_sound(worker)


def test_children_that_take_six_seconds_to_start_are_waited_for(
    workers: Stage, redis_url: str
) -> None:
    """Only a child that replaces another is watched: each of these four does."""
    worker = workers.python(SLOW + ONE_TASK_A_CHILD)
    worker.wait_for(READY)
    send(redis_url, "reconcile", times=4)
    worker.wait_for("succeeded in", times=4)
    assert_sound(worker)
    assert "SIGKILL" not in worker.said()
