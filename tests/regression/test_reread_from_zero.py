"""Streams that are read again from their first entry change nothing: no order, no fill, no share.

Guards: messages only wake (``cycle._once`` reads what waits from PostgreSQL), a signal is routed
once (``signals.unrouted``), an intent decided once (``intents.undecided``), and a fill counts once
(``fills.insert_once``).
"""

from typing import Any

import pytest
import redis
from pipeline_market import D
from pipeline_world import World

from app.engine.orders import Purpose
from app.io.store import fills
from app.pipeline.messages import GROUPS


@pytest.fixture
def server(redis_url: str) -> Any:
    return redis.Redis.from_url(redis_url, db=0, decode_responses=True)


def everything(world: World) -> tuple[Any, ...]:
    with world.to.database.begin() as db:
        done = fills.all(db, world.book.id)
        judged = db.exec_driver_sql("SELECT count(*) FROM verdicts").scalar_one()
    return world.orders(), world.held(), done, judged, world.theirs(), world.broker.tried[:]


@pytest.mark.parametrize("how", ["a new group", "the group set back"])
def test_every_message_twice_is_every_order_once(world: World, server: Any, how: str) -> None:
    for symbol in ("AAPL", "MSFT"):
        world.buy(symbol)
    world.intend("MSFT", Purpose.STOP_LOSS)
    world.run(2)
    world.stream(world.order("MSFT"))
    world.run(2)
    before = everything(world)
    assert before[1]["AAPL"].quantity > D(0)
    read_again = 0
    for stream, group in GROUPS.items():
        key = f"{world.book.id}:{stream}"
        if not server.exists(key):
            continue
        if how == "a new group":
            server.xgroup_destroy(key, group)
            server.xgroup_create(key, group, "0")
        else:
            server.xgroup_setid(key, group, "0")
        read_again += server.xlen(key)
    assert read_again > 10
    world.run(3)
    pending = [i for i in world.to.streams.info() if i.pending]
    assert (everything(world), pending) == (before, [])
