"""Every ending of the one request for an order: the adapter's word, and the order's state."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from order_outcomes import OUTCOMES, TRANSIENT, UNREACHED, playing, rows
from pipeline_world import World, world_of

from app.adapters import BROKERS
from app.adapters.port import Broker, Connection
from app.config import load
from app.engine.errors import AppError, Rejected
from app.engine.orders import BrokerOrder, Order, OrderState
from app.io.locks import Lease
from app.pipeline import execute
from app.pipeline.services import Services

PAGE = Path(__file__).parents[2] / "docs" / "order-outcomes.md"


@dataclass
class Wired:
    """Submits go out to an address that plays an ending; everything else is the ledger's."""

    ledger: Any
    url: str
    outcome: str = "nothing was sent"

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ledger, name)

    def submit(self, order: Order) -> BrokerOrder:
        told = Connection(self.url, "key", "secret", connect_timeout_s=0.5, read_timeout_s=0.4)
        broker: Broker = BROKERS["alpaca"](told)
        try:
            seen = broker.submit(order)
        except AppError as error:
            code = f" {error.code}" if isinstance(error, Rejected) else ""
            self.outcome = f"`{type(error).__name__}`{code}"
            raise
        self.outcome = "taken"
        return seen


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path) as made:
        made.open()
        made.broker.line.append("down")
        made.signal("AAPL")
        made.run()
        yield made


def ended(world: World, played: AbstractContextManager[str]) -> tuple[str, OrderState]:
    """Send the order, which is NEW, and return what it came to."""
    with played as url:
        wired = Wired(world.broker, url)
        to: Services = world.worker(broker=wired)
        lease = to.leases.acquire(f"book:{world.book.id}", world.book.id, 20.0)
        assert isinstance(lease, Lease)
        order = world.order("AAPL")
        assert execute.start(to, lease, order)
        execute.send(to, lease, order)
        to.leases.release(lease)
    return wired.outcome, world.order("AAPL").state


def anew(world: World) -> None:
    with world.to.database.begin() as db:
        db.exec_driver_sql("DELETE FROM order_links")
        db.exec_driver_sql("UPDATE orders SET state = 'NEW', broker_id = NULL")
    while len(world.services) > 1:
        to = world.services.pop()
        to.leases.close()
        to.streams.close()
        to.buckets.close()
        to.database.dispose()


def test_what_each_ending_is_taken_for(world: World) -> None:
    came_to, meant = {}, {}
    for outcome in OUTCOMES:
        anew(world)
        came_to[outcome.words] = ended(world, playing(outcome, world.order("AAPL")))
        meant[outcome.words] = (outcome.adapter, outcome.state)
    assert came_to == meant


def test_what_was_never_sent_is_sent_later(world: World) -> None:
    for words, played in UNREACHED.items():
        anew(world)
        assert ended(world, played()) == (TRANSIENT, OrderState.NEW), words


def test_the_page_says_the_same() -> None:
    lines = PAGE.read_text().splitlines()
    told = [line for line in lines if line.startswith("| ") and "`" in line.split("|")[3]]
    assert told == rows()


def test_look_ups_come_after_the_delays_that_the_page_names() -> None:
    delays = load({}, Path("no.env")).resolve_delays_s
    assert delays == (2, 5, 15, 60)
    assert "2, 5, 15 and 60 s" in PAGE.read_text()
