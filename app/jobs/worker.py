"""The worker process: cheap to start, and every child it forks begins without connections."""

import gc
import warnings
from collections.abc import Sequence
from typing import Any

import structlog
from celery import Celery, signals
from celery.exceptions import SecurityWarning

from app.engine.errors import InvalidData
from app.io.logging import configure
from app.jobs import root
from app.jobs.celery_app import QUEUES, RESEARCH, RESEARCH_MODULES, make_app
from app.jobs.schedule import timetables


def run() -> None:
    """Carry out tasks until SIGTERM.

    Raises InvalidData when a scheduled task is not registered, ConfigError for settings that no
    task could work with.
    """
    settings = root.settings()
    configure(settings.log_level, settings.secrets())
    app = root.celery()
    check_registered(app)
    preload()
    _connect_signals(settings.log_level, settings.secrets())
    _work(app, QUEUES, settings.worker_concurrency)


def research() -> None:
    """Carry out the tasks of research, and none that trades, until SIGTERM; one at a time."""
    settings = root.settings()
    configure(settings.log_level, settings.secrets())
    app = make_app(settings.broker_url(), modules=RESEARCH_MODULES)
    _connect_signals(settings.log_level, settings.secrets())
    _work(app, (RESEARCH,), 1)


def _work(app: Celery, queues: Sequence[str], concurrency: int) -> None:
    # Whether root runs this is the operator's choice; only JSON is accepted from the broker.
    warnings.simplefilter("ignore", SecurityWarning)
    app.worker_main(
        [
            "--quiet",
            "worker",
            f"--queues={','.join(queues)}",
            f"--concurrency={concurrency}",
            f"--loglevel={root.settings().log_level}",
            "--without-gossip",
            "--without-mingle",
        ]
    )


def check_registered(app: Celery) -> None:
    """Refuse to start when the schedule names a task that no worker would run."""
    app.loader.import_default_modules()
    wanted = {row.task for book in root.settings().books for row in timetables(book)}
    if missing := sorted(wanted - set(app.tasks)):
        raise InvalidData(f"scheduled but not registered: {', '.join(missing)}")


def preload() -> None:
    """Load what tasks need before the children are forked; nothing connects to anything.

    Client libraries and calendars take a second and a hundred megabytes: so a replaced child is
    ready at once, and all children share the parent's pages.
    """
    for book in root.settings().books:
        root.services(book.id).calendar.zone  # noqa: B018 - reads the calendar's table
    root.forget_connections()
    gc.collect()
    gc.freeze()


def _connect_signals(level: str, secrets: tuple[str, ...]) -> None:
    @signals.setup_logging.connect(weak=False)
    def set_up_logging(**_: Any) -> None:
        configure(level, secrets)

    @signals.worker_process_init.connect(weak=False)
    def begin_child(**_: Any) -> None:
        # Nothing slow may happen here: a slow child start is killed and forked again, for ever.
        root.forget_connections()
        # What the parent loaded stays: the collector need not walk through it in every child.
        gc.freeze()

    @signals.task_unknown.connect(weak=False)
    def report_unknown(name: str = "", **_: Any) -> None:
        structlog.get_logger("metronome").critical("task_unknown", task=name)
