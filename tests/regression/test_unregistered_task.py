"""A task that the schedule names and no worker knows is found at the start, not at the open.

Guards: ``worker.check_registered`` for what is scheduled, and the signal ``task_unknown`` in
``worker._connect_signals`` for what somebody else sends: the library drops such a message.
"""

from jobs_processes import READY, Stage, send

FORGOTTEN = (
    "import sys; from app.jobs import celery_app; celery_app.TASK_MODULES = ();"
    "sys.argv = ['metronome', 'worker']; from app.cli.main import main; main()"
)


def test_a_worker_without_a_scheduled_task_refuses_to_start(workers: Stage) -> None:
    worker = workers.python(FORGOTTEN)
    assert worker.wait() == 1
    [line] = worker.said().strip().splitlines()
    assert line.startswith("metronome: scheduled but not registered: advance_session, check_exits,")


def test_a_message_for_an_unknown_task_is_told_and_does_not_stop_the_worker(
    workers: Stage, redis_url: str
) -> None:
    worker = workers.metronome("worker")
    worker.wait_for(READY)
    send(redis_url, "no_such_task")
    send(redis_url, "reconcile")
    worker.wait_for("succeeded in")
    worker.wait_for("task_unknown")
