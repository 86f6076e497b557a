"""Two exits of one position at once sell what is held, once, and never open a short position.

Guards: ``risk_gates.holding`` counts what unfinished sales, stops at the broker included, sell
already; it is asked under the lock on the book's row (``desk.read``).
"""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from pipeline_market import D
from pipeline_world import World
from stops_world import run, settle

from app.engine.errors import Transient
from app.engine.orders import FINAL, Order, Purpose, Side
from app.pipeline import cycle
from app.pipeline.services import Services

PAIRS = [
    (Purpose.STOP_LOSS, Purpose.TAKE_PROFIT),
    (Purpose.PRE_CLOSE, Purpose.STOP_LOSS),
    (Purpose.FLATTEN, Purpose.PRE_CLOSE),
    (Purpose.TRAILING_STOP, Purpose.OPPOSITE),
]


def sold(world: World) -> list[Order]:
    """Return the sales that were made, but for stops that rest."""
    return [o for o in world.orders() if o.side is Side.SELL and o.purpose is not Purpose.PROTECT]


def assert_sold_once(world: World, bought: Order) -> None:
    total = sum((o.filled_quantity for o in world.theirs() if o.side is Side.SELL), D(0))
    assert total == bought.quantity
    assert world.broker.ledger.positions() == {}
    assert world.held() == {}
    assert all(o.state in FINAL for o in world.orders())


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: "-".join(pair))
def test_two_exits_of_one_pass_sell_once_although_a_stop_rests(
    world: World, pair: tuple[Purpose, Purpose]
) -> None:
    bought = world.buy("AAPL")
    run(world)
    for purpose in pair:
        world.intend("AAPL", purpose)
    run(world, 4)
    settle(world)
    run(world, 2)
    assert len(sold(world)) == 1
    assert_sold_once(world, bought)


def test_exits_that_race_in_eight_processes_sell_once(world: World) -> None:
    bought = world.buy("AAPL")
    for pair in PAIRS:
        for purpose in pair:
            world.intend("AAPL", purpose, cause=f"{pair}")
    start, made = Barrier(8), [world.worker() for _ in range(8)]

    def work(to: Services) -> None:
        start.wait()
        for _ in range(3):
            try:
                cycle.run(to)
            except Transient:
                continue

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, made))
    run(world, 3)
    settle(world)
    run(world, 2)
    assert len(sold(world)) == 1
    assert_sold_once(world, bought)


def test_a_stop_that_fills_while_a_target_asks_leaves_nothing_to_sell(world: World) -> None:
    bought = world.buy("AAPL")
    run(world)
    [stop] = [o for o in world.orders() if o.purpose is Purpose.PROTECT]
    world.price("AAPL", "97")
    world.intend("AAPL", Purpose.TAKE_PROFIT)
    run(world, 3)
    settle(world)
    run(world, 2)
    assert stop.stop_price is not None
    assert_sold_once(world, bought)
