"""Every step of a tick by its own hands: quotes, signals, the pass, exits; and what they leave."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pipeline_market import MINUTE, NOON, SECOND, D
from pipeline_world import World, world_of

from app.engine.ids import slot_of
from app.engine.orders import OrderState, Purpose
from app.io.store import chains
from app.pipeline import exits, history, quotes, reconcile, signals
from app.pipeline.invariants import Theirs, check

TICK = 30 * SECOND


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path) as made:
        made.market.drift = {"AAPL": 0.0008, "TSLA": -0.0008, "MSFT": -0.0008}
        assert made.open() == "TRADING"
        yield made


def tick(world: World, moves: dict[str, float]) -> None:
    """Half a minute of the market, and what beat would run in it."""
    world.market.at += TICK
    for symbol, share in moves.items():
        bid, ask = world.market.prices[symbol]
        world.market.prices[symbol] = (
            round(bid * D(str(1 + share)), 2),
            round(ask * D(str(1 + share)), 2) + D("0.01"),
        )
    slot = slot_of(world.market.at, TICK)
    assert "quotes" in quotes.update(world.to, slot)
    signals.generate(world.to, slot)
    world.run()
    exits.check(world.to)
    world.run()


def test_a_rise_is_bought_its_fall_is_sold_and_why_is_kept(world: World) -> None:
    for _ in range(12):
        tick(world, {"AAPL": 0.0006})
    entry = world.order("AAPL")
    assert (entry.purpose, entry.state) == (Purpose.ENTRY, OrderState.FILLED)
    for _ in range(6):
        tick(world, {"AAPL": -0.006})
    assert Purpose.STOP_LOSS in [order.purpose for order in world.orders()]
    world.wait(31 * SECOND)
    world.run()
    assert "AAPL" not in world.held()
    assert reconcile.run(world.to) == "reconciled"
    held = world.broker.ledger.positions().items()
    theirs = Theirs([o.client_id for o in world.theirs()], {s: p.quantity for s, p in held})
    with world.to.database.begin() as db:
        chain = chains.chain(db, world.book.id, "AAPL", entry.created_at + SECOND)
        assert check(db, world.book, theirs, D(100_000)).total == 0
    assert {"signals", "route", "risk", "execute"} <= {said.step for said in chain}


def test_a_fall_of_its_members_buys_the_baskets_etf(world: World) -> None:
    world.market.drift["AAPL"] = -0.0008
    with world.to.database.begin() as db:
        db.exec_driver_sql("DELETE FROM bars_30s")
    history.backfill(world.to)
    down = dict.fromkeys(("AAPL", "MSFT", "TSLA"), -0.0008)
    for _ in range(16):
        tick(world, down)
    entry = world.order("SQQQ")
    assert entry.purpose is Purpose.ENTRY
    assert {order.symbol for order in world.orders()} == {"SQQQ"}


def test_a_slot_that_is_run_twice_makes_its_signals_once(world: World) -> None:
    for _ in range(12):
        tick(world, {"AAPL": 0.0006})
    with world.to.database.begin() as db:
        before = db.exec_driver_sql("SELECT count(*) FROM signals").scalar_one()
    assert before > 0
    signals.generate(world.to, slot_of(world.market.at, TICK))
    world.run()
    with world.to.database.begin() as db:
        assert db.exec_driver_sql("SELECT count(*) FROM signals").scalar_one() == before


def test_nothing_is_asked_for_outside_the_session(world: World) -> None:
    world.market.at = NOON.replace(hour=20) + 2 * MINUTE
    assert quotes.update(world.to, slot_of(world.market.at, TICK)) == "outside the session"
    world.market.at += timedelta(days=1)
    assert quotes.update(world.to, slot_of(world.market.at, TICK)) == "outside the session"
