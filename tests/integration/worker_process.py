"""One worker as a process of its own that holds no lease: only the book's row lock is left."""

from dataclasses import dataclass
from datetime import datetime
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pipeline_market import D, Market
from pipeline_world import World

from app.adapters.port import Capabilities
from app.engine.book import Book
from app.engine.errors import Transient
from app.engine.session import SessionHours
from app.pipeline import cycle


@dataclass(frozen=True)
class OneDay:
    """A calendar of one session: reading a whole one takes each process a second."""

    hours: SessionHours
    zone: ZoneInfo

    def session_for(self, at: datetime) -> SessionHours:
        return self.hours


@dataclass(frozen=True)
class Task:
    """What a worker is given: servers, the book, its day, and the (symbol, cause) it wants."""

    urls: tuple[str, str]
    book: Book
    at: datetime
    hours: SessionHours
    wanted: tuple[tuple[str, str], ...]


class OnlyAsked:
    """What a decision may ask of a broker; nothing is sent to it."""

    name = "paper"
    capabilities = Capabilities(client_ids=True, auction_orders=True, stop_orders=True)


def work(start: Barrier, task: Task) -> None:
    """Decide an entry for each that is wanted, a pass each; with none wanted, make one pass."""
    prices = dict.fromkeys((symbol for symbol, _ in task.wanted), (D("49.99"), D("50.01")))
    broker: Any = OnlyAsked()
    world = World(*task.urls, Path(), Market(task.at, prices=prices), broker, task.book)
    calendar: Any = OneDay(task.hours, ZoneInfo("America/New_York"))
    world.worker(calendar=calendar)
    with world.to.database.begin():
        pass  # connected, so that all of them decide at once
    start.wait(60)
    for symbol, cause in task.wanted:
        world.intend(symbol, cause=cause)
        decide(world)
    if not task.wanted:
        decide(world)
    world.close()


def decide(world: World) -> None:
    """Make one pass; again where the lock on the book's row did not come in time."""
    while True:
        try:
            with world.to.database.begin() as db:
                cycle.decide(world.to, db)
            return
        except Transient:
            continue
