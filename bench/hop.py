"""A bare Celery hop: from sending a task that does nothing to its first line."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence

import redis

from app.jobs.celery_app import make_app

URL = os.environ.get("REDIS_URL", "")
KEY = "bench:hops"
PATIENCE_S = 30.0

app = make_app(f"redis+socket{URL.removeprefix('unix')}?virtual_host=2")


@app.task(name="bench.stamp")
def stamp(sent: float) -> None:
    """Note how long ago the task was sent."""
    redis.Redis.from_url(f"{URL}?db=3").rpush(KEY, (time.time() - sent) * 1000)


def measure(url: str, count: int) -> Sequence[float]:
    """Return the milliseconds of ``count`` hops, one after the other, sorted."""
    kept = redis.Redis.from_url(f"{url}?db=3")
    sender = make_app(f"redis+socket{url.removeprefix('unix')}?virtual_host=2")
    words = ["worker", "--queues=default", "--concurrency=2", "--loglevel=ERROR"]
    quiet = ["--without-gossip", "--without-mingle"]
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "--app=bench.hop", *words, *quiet],
        env={**os.environ, "REDIS_URL": url, "PYTHONPATH": os.getcwd()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for number in range(1 - 20, count + 1):
            sender.send_task("bench.stamp", (time.time(),), queue="default")
            _wait(kept, number + 20)
    finally:
        worker.terminate()
        worker.wait(20)
    return sorted(float(ms) for ms in kept.lrange(KEY, 20, -1))


def _wait(kept: redis.Redis, length: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while kept.llen(KEY) < length:
        if time.monotonic() > deadline:
            raise SystemExit(f"the hop's worker did not answer within {PATIENCE_S:.0f} s")
        time.sleep(0.005)
