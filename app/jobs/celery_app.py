"""The Celery application: Celery delivers ticks and nudges, never money.

Each setting answers a measured failure; docs/decisions/0003-celery-settings.md says which.
"""

from collections.abc import Sequence
from datetime import timedelta

from celery import Celery
from kombu.entity import Queue

TASK_MODULES = ("app.jobs.tasks",)
QUEUES = ("default", "pipeline")
#: Research waits in a queue of its own, which no worker that trades listens to.
RESEARCH_MODULES = ("app.lab.tasks",)
RESEARCH = "research"
VISIBILITY_TIMEOUT = timedelta(seconds=300)


def make_app(
    broker_url: str, *, only_sends: bool = False, modules: Sequence[str] | None = None
) -> Celery:
    """Return the application for one broker; nothing connects before the first message.

    Its tasks are those of trading, unless other modules of tasks are named.

    One that ``only_sends`` gives up on a Redis that hangs in time for the step that it is used in.
    """
    app = Celery(
        "metronome",
        broker=broker_url,
        include=list(TASK_MODULES if modules is None else modules),
        set_as_current=not only_sends,
    )
    app.conf.update(
        timezone="UTC",
        enable_utc=True,
        task_ignore_result=True,
        result_backend=None,
        task_store_errors_even_if_ignored=False,
        task_serializer="json",
        accept_content=["json"],
        task_acks_late=False,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        worker_consumer="app.jobs.consumer:EagerConsumer",
        task_publish_retry=False,
        task_soft_time_limit=45,
        task_time_limit=60,
        task_default_queue="default",
        task_create_missing_queues=False,
        task_queues=[Queue(name) for name in (*QUEUES, RESEARCH)],
        worker_proc_alive_timeout=30,
        worker_max_tasks_per_child=5000,
        worker_max_memory_per_child=400_000,
        worker_soft_shutdown_timeout=5,
        worker_enable_soft_shutdown_on_idle=False,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_pool_limit=4,
        visibility_timeout=VISIBILITY_TIMEOUT.total_seconds(),
        broker_transport_options={
            "visibility_timeout": VISIBILITY_TIMEOUT.total_seconds(),
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "socket_timeout": 2 if only_sends else 30,
            "socket_connect_timeout": 3,
            "socket_keepalive": True,
            "health_check_interval": 10,
            "client_name": "celery",
            # Only what is published waits no longer: a consumer has its own, endless patience.
            "max_retries": 1,
            "interval_start": 0.1,
        },
        beat_max_loop_interval=5,
        beat_cron_starting_deadline=60,
    )
    return app
