"""A book of real money begins with a tenth of a size and one symbol, whatever happens meanwhile."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from threading import Barrier

import pytest
from pipeline_market import NOON, SECOND, D
from pipeline_world import World, a_book, world_of

from app.engine.book import Mode
from app.engine.debut import SHARE
from app.engine.errors import InvalidData, Transient
from app.engine.orders import OPEN, Order, OrderState, Purpose
from app.engine.sizing import position_limit
from app.pipeline import cycle, sessions
from app.pipeline.services import Services

SYMBOLS = ("AAPL", "MSFT", "NVDA", "TSLA")
#: 100,000 x 0.8 / 3 in shares at 1.01 x the ask.
WHOLE = {"AAPL": D(264), "MSFT": D(132), "NVDA": D(528), "TSLA": D(330)}


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path, mode=Mode.REAL) as made:
        made.open()
        yield made


def entries(world: World) -> list[Order]:
    return [o for o in world.orders() if o.purpose is Purpose.ENTRY]


def test_the_first_order_is_a_tenth_and_the_second_of_that_symbol_is_whole(world: World) -> None:
    first = world.buy("NVDA")
    assert first.quantity * 10 <= position_limit(world.book.risk, D(100_000)) / D("50.5")
    assert first.quantity == D(52)
    world.intend("NVDA", Purpose.STOP_LOSS, quantity=first.quantity)
    world.run()
    sale = world.order("NVDA")
    assert (sale.purpose, sale.quantity) == (Purpose.STOP_LOSS, first.quantity)
    world.stream(sale)
    world.run()
    world.wait(timedelta(minutes=2))
    world.intend("NVDA", cause="again")
    world.run()
    assert world.order("NVDA").quantity > 9 * first.quantity


def test_two_intents_of_one_pass_make_one_order_of_a_tenth(world: World) -> None:
    for symbol in ("AAPL", "NVDA"):
        world.signal(symbol)
    world.run()
    [only] = entries(world)
    assert only.quantity * 10 <= WHOLE[only.symbol]
    assert "first_real_day" in world.reasons("risk")


def test_a_crash_between_the_two_changes_nothing(world: World) -> None:
    """The first order was committed and the process died before it asked the broker."""
    world.intend("AAPL")
    with world.to.database.begin() as db:
        cycle.decide(world.to, db)
    world.intend("NVDA")
    again = world.worker()
    cycle.run(again)
    [only] = entries(world)
    assert (only.symbol, only.quantity) == ("AAPL", D(26))


def test_while_the_first_is_in_doubt_the_next_is_no_larger(world: World) -> None:
    world.broker.line.append("drop")
    world.broker.hidden = 5
    world.intend("NVDA")
    world.run()
    assert world.order("NVDA").state is OrderState.UNKNOWN
    world.intend("AAPL")
    world.run()
    assert [o.symbol for o in entries(world)] == ["NVDA"]


def test_what_the_broker_refused_was_not_the_first(world: World) -> None:
    world.broker.line.append("refuse")
    world.intend("NVDA")
    world.run()
    assert world.order("NVDA").state is OrderState.REJECTED
    world.intend("AAPL")
    world.run()
    taken = world.order("AAPL")
    assert taken.broker_id
    assert taken.quantity == D(26)


def test_on_the_second_day_a_real_book_is_like_any_other(world: World) -> None:
    world.buy("NVDA")
    world.at(NOON + timedelta(days=3))  # Monday
    assert sessions.advance(world.to) == "TRADING"
    for symbol in ("AAPL", "MSFT"):
        world.intend(symbol)
    world.run()
    made = {o.symbol: o.quantity for o in entries(world) if o.symbol != "NVDA"}
    assert set(made) == {"AAPL", "MSFT"}
    assert made["AAPL"] > D(200)


def test_a_paper_book_begins_whole(database_url: str, redis_url: str, tmp_path: Path) -> None:
    with world_of((database_url, redis_url), tmp_path) as made:
        made.open()
        for symbol in ("AAPL", "NVDA"):
            made.intend(symbol)
        made.run()
        assert made.order("AAPL").quantity == WHOLE["AAPL"]
        assert made.order("NVDA").quantity > D(500)


def test_twenty_workers_begin_with_one_order(world: World) -> None:
    start = Barrier(20)
    made = [world.worker() for _ in range(20)]
    for symbol in SYMBOLS:
        world.intend(symbol)

    def work(to: Services) -> None:
        start.wait()
        try:
            cycle.run(to)
        except Transient:
            return  # no connection was left for this one

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(work, made))
    world.run()
    [only] = entries(world)
    assert only.quantity * 10 <= WHOLE[only.symbol]


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_events_keeps_the_first_day_to_one_small_start(
    world: World, seed: int
) -> None:
    rng = Random(seed)
    for n in range(25):
        world.broker.line.extend(rng.choices(["", "lost", "drop", "down", "refuse"], k=1))
        world.broker.hidden = rng.choice([0, 0, 1])
        world.intend(rng.choice(SYMBOLS), cause=f"{seed}-{n}")
        taken = any(o.state is not OrderState.REJECTED for o in world.theirs())
        before = {o.client_id for o in entries(world)}
        world.run(to=world.to if rng.random() < 0.8 or len(world.services) > 6 else world.worker())
        for order in entries(world):
            if order.client_id not in before and not taken:
                assert order.quantity * 10 <= WHOLE[order.symbol], order
        at_broker = {o.symbol for o in world.theirs()}
        alive = {o.symbol for o in entries(world) if o.state in OPEN}
        assert len(at_broker | alive) <= 1
        world.wait(7 * SECOND)
    assert world.theirs()


def test_real_money_needs_a_database_of_its_own(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    with world_of((database_url, redis_url), tmp_path) as paper:
        paper.open()
        real = replace(paper.to, book=a_book(mode=Mode.REAL))
        with pytest.raises(InvalidData, match="a database of its own"):
            sessions.advance(real)


def test_a_tenth_is_a_tenth() -> None:
    assert D("0.1") == SHARE
