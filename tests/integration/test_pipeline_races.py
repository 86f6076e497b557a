"""Many workers over one book: limits hold, and nothing is sent twice."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest
from pipeline_market import CALENDAR, D
from pipeline_world import World, a_book, world_of

from app.adapters.port import Broker
from app.engine.errors import Transient
from app.engine.orders import OrderState
from app.engine.risk import RiskContext
from app.engine.sizing import exposure_in_use, risk_in_use
from app.pipeline import cycle, desk, invariants
from app.pipeline.invariants import Theirs
from app.pipeline.services import Services

SYMBOLS = tuple(f"S{letter}" for letter in "ABCDEFGHIJKLMNOPQRST")


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    risk = replace(a_book().risk, max_positions=6, min_slots=8)
    with world_of((database_url, redis_url), tmp_path, risk=risk) as made:
        for symbol in SYMBOLS:
            made.price(symbol, "50")
        made.open()
        yield made


def race(world: World, workers: int, passes: int) -> list[str]:
    """Let so many workers begin their passes at once, each over its own connections."""
    start = Barrier(workers)
    world.to  # noqa: B018 - the first worker is wired before the others
    made = [world.worker() for _ in range(workers)]

    def work(to: Services) -> list[str]:
        start.wait()
        return [once(to) for _ in range(passes)]

    with ThreadPoolExecutor(workers) as pool:
        return [said for many in pool.map(work, made) for said in many]


def once(to: Services) -> str:
    try:
        return cycle.run(to)
    except Transient as error:  # a database that has no connection left for this one
        return f"transient: {error}"


def in_use(world: World) -> RiskContext:
    with world.to.database.begin() as db:
        return desk.risk_context(world.book, CALENDAR, desk.read(world.to, db))


def breaches(world: World) -> invariants.Breaches:
    ledger: Broker = world.broker.ledger
    theirs = Theirs(
        [order.client_id for order in world.theirs()],
        {symbol: held.quantity for symbol, held in ledger.positions().items()},
    )
    with world.to.database.begin() as db:
        return invariants.check(db, world.book, theirs, D(100_000))


@pytest.mark.parametrize(("workers", "passes"), [(2, 10), (20, 3)])
def test_racing_workers_pass_no_limit_and_send_nothing_twice(
    world: World, workers: int, passes: int
) -> None:
    for symbol in SYMBOLS:
        world.signal(symbol)
    said = race(world, workers, passes)
    assert any("approved" in line for line in said), said
    world.run(2)
    context, risk = in_use(world), world.book.risk
    sent = [order.client_id for order in world.theirs()]
    assert len(sent) == len(set(sent)) == len(set(world.broker.tried)) == len(world.broker.tried)
    assert 1 <= len(sent) <= risk.max_positions
    assert exposure_in_use(risk, context).used <= exposure_in_use(risk, context).limit
    assert risk_in_use(risk, context).used <= risk_in_use(risk, context).limit
    for order in world.orders():
        world.stream(order)
    world.run(2)
    assert breaches(world).total == 0


def test_owners_that_have_lost_their_lease_decide_within_the_limits_and_send_nothing(
    world: World,
) -> None:
    """Paused owners that all wake at once: the lock on the book's row is what holds."""
    start = Barrier(8)
    made = [world.worker() for _ in range(9)][1:]

    def work(to: Services, symbols: tuple[str, ...]) -> None:
        lease = to.leases.acquire(f"book:{world.book.id}", world.book.id, 0.0)
        assert lease is not None, "a lease that has expired at once is free for the next"
        with to.database.begin():
            pass  # connected, so that all of them decide at once
        start.wait()
        for symbol in symbols:
            world.intend(symbol, to=to)
            with pytest.raises(Transient, match="another owner"):
                cycle._once(to, lease)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, made, [SYMBOLS[n::8] for n in range(8)]))
    assert world.theirs() == []
    assert len(world.orders()) == world.book.risk.max_positions
    world.run(2)
    assert len(world.theirs()) == len(world.broker.tried) == world.book.risk.max_positions


def test_workers_that_race_over_a_broken_line_still_send_once(world: World) -> None:
    world.broker.line.extend(["lost", "drop", "down", "lost", "drop", "", "refuse"] * 4)
    for symbol in SYMBOLS[:6]:
        world.signal(symbol)
    race(world, 8, 6)
    world.run(8)
    per_intent = [order.client_id for order in world.theirs()]
    assert len(per_intent) == len(set(per_intent))
    assert not {o.state for o in world.orders()} & {OrderState.UNKNOWN, OrderState.SUBMITTING}
    for order in world.orders():
        if order.state is not OrderState.REJECTED:
            world.stream(order)
    world.run(2)
    assert breaches(world).total == 0


def test_reservations_of_one_pass_count_in_the_next(world: World) -> None:
    """What is ordered and not filled is taken: a second pass gets only what is left."""
    for batch in (SYMBOLS[:4], SYMBOLS[4:10]):
        for symbol in batch:
            world.signal(symbol)
        world.run()
    assert len(world.theirs()) == world.book.risk.max_positions
    assert "max_positions" in world.reasons("risk")
