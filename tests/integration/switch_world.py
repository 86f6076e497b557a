"""What tests of the switch share: commands as people give them, and a worker that carries out."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pipeline_world import World

from app.engine.orders import Order, OrderState
from app.engine.risk import RiskContext
from app.io.clock import pause
from app.io.store import commands, recovery
from app.jobs.run import run_nudged
from app.pipeline import cycle, desk, ledger, reconcile, switch
from app.pipeline.ledger import Ledger
from app.pipeline.services import Services
from app.pipeline.switch import Asked


def ask(world: World, kind: str, by: str = "ann", why: str = "news", **arguments: Any) -> Asked:
    """Ask for another state, as the command line does."""
    with world.to.database.begin() as db:
        return switch.ask(db, world.book.id, kind, arguments, by, why, world.market.at)


def a_working_entry(world: World, symbol: str = "AAPL") -> Order:
    """An entry that the broker has and that does not fill."""
    world.broker.resting = True
    world.signal(symbol)
    world.run()
    world.broker.resting = False
    order = world.order(symbol)
    assert order.state is OrderState.SUBMITTED
    return order


def halt(world: World, *, flatten: bool = False) -> Asked:
    return ask(world, "halt", flatten=flatten)


def cancel(world: World, name: str) -> Asked:
    with world.to.database.begin() as db:
        return switch.ask_cancel(db, [world.book.id], name, "ann", "a mistake")


def sync(world: World, kind: str = "sync", **arguments: Any) -> str:
    """Ask for a comparison and let the owner carry it out; return its result."""
    with world.to.database.begin() as db:
        number = commands.ask(db, world.book.id, kind, arguments, "ann", "it is right")
    reconcile.run(world.to)
    said = result(world, number)
    assert said is not None
    return said


def result(world: World, number: int) -> str | None:
    with world.to.database.begin() as db:
        command = commands.get(db, number)
    assert command is not None
    return command.result


def notes(world: World, kind: str) -> list[str]:
    """Return what was done about each difference of a kind, oldest first."""
    with world.to.database.begin() as db:
        return [d.action for d in recovery.listing(db, world.book.id) if d.kind == kind]


def money(world: World) -> Ledger:
    with world.to.database.begin() as db:
        return ledger.read(db, world.book.id)


def limits(world: World) -> RiskContext:
    """Return what limits and sizes are computed from."""
    with world.to.database.begin() as db:
        seen = desk.look(db, world.book, world.to.calendar, world.market.at)
    return desk.risk_context(world.book, world.to.calendar, seen)


@contextmanager
def working(world: World) -> Iterator[None]:
    """Let a worker make passes and reconcile until the end of the block."""
    ended, to = threading.Event(), world.worker()
    steps: dict[str, Callable[[Services], str]] = {
        "pipeline_e2e": cycle.run,
        "reconcile": reconcile.run,
    }

    def work() -> None:
        while not ended.is_set():
            for name, step in steps.items():
                run_nudged(to, name, step)
            pause(0.05)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
