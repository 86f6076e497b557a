"""Ticks that queued while no worker ran are at most one run a slot, and never twenty purchases.

Guards: ``task_slots.claim`` and the age of a slot in ``run.run_slot``; that a tick expires
(``schedule.beat_schedule``); and for what runs nevertheless, that a signal is routed once.
"""

from collections import Counter
from datetime import timedelta

import redis
from jobs_processes import (
    Stage,
    assert_sound,
    clock_of,
    queued,
    rows,
    send,
    the_book,
    wait_until,
)
from pipeline_world import World

from app.engine.ids import slot_of
from app.io.clock import wall
from app.io.store import task_slots
from app.jobs.run import run_slot
from app.pipeline import cycle


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


def test_twenty_ticks_over_one_signal_make_one_order(world: World) -> None:
    every = world.book.schedule.pipeline
    slot = slot_of(world.market.at, every)
    world.signal("AAPL")
    for n in (*range(slot - 18, slot + 1), slot):
        run_slot(world.to, "pipeline_e2e", n, every, cycle.run)
    assert len(world.theirs()) == len(world.broker.tried) == 1
    with world.to.database.begin() as db:
        assert not task_slots.claim(db, world.book.id, "pipeline_e2e", slot - 18, "me")
        done = db.exec_driver_sql("SELECT count(*) FROM task_slots WHERE status = 'done'")
        assert done.scalar_one() == 2
