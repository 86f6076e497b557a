"""A thousand tasks that fail leave no connection behind.

Guard: ``Database.begin`` and ``Database.keep`` give back what they took, whatever ended the block.
"""

from collections import Counter
from dataclasses import replace

import pytest
import sqlalchemy as sa
from pipeline_market import Market
from pipeline_world import World

from app.engine.errors import Transient
from app.engine.ids import slot_of
from app.io.store.schema import task_slots
from app.jobs.run import run_slot
from app.pipeline.services import Services

COUNT = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"


def connections(to: Services) -> int:
    with to.database.begin() as db:
        return int(db.execute(sa.text(COUNT)).scalar_one())


def test_connections_do_not_grow_when_a_task_fails_a_thousand_times(world: World) -> None:
    every, now = world.book.schedule.reconcile, world.market.at
    first = slot_of(now, every)

    def step(to: Services) -> str:
        with to.database.begin() as db:
            db.execute(sa.text("SELECT 1"))
            if slot % 2:
                raise Transient("away")
            raise ZeroDivisionError

    before = connections(world.to)
    for slot in range(first, first + 1000):
        later = replace(world.to, clock=Market(now + (slot - first) * every))
        if slot % 2:
            run_slot(later, "reconcile", slot, every, step)
        else:
            with pytest.raises(ZeroDivisionError):
                run_slot(later, "reconcile", slot, every, step)
    assert connections(world.to) == before
    with world.to.database.begin() as db:
        told = Counter(db.scalars(sa.select(task_slots.c.status)))
    assert told == {"failed": 1000}
