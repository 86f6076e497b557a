"""The invariants find what is planted, each its own kind, and nothing in a sound book."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pipeline_market import MINUTE, SECOND, D
from pipeline_world import World, a_book, world_of

from app.engine.orders import Purpose
from app.pipeline import invariants
from app.pipeline.invariants import Breaches, Theirs

SOUND = Breaches(0, 0, 0, 0, 0, 0)


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    """A day with a position that is held, and one that was sold at its stop."""
    with world_of((database_url, redis_url), tmp_path) as made:
        made.open()
        made.buy("AAPL")
        made.buy("MSFT")
        made.intend("MSFT", Purpose.STOP_LOSS)
        made.run()
        made.stream(made.order("MSFT"))
        made.run()
        yield made


def what_they_have(world: World) -> Theirs:
    held = world.broker.ledger.positions().items()
    return Theirs(
        [order.client_id for order in world.theirs()],
        {symbol: position.quantity for symbol, position in held},
    )


def check(world: World, theirs: Theirs | None = None, **risk: Any) -> Breaches:
    book = replace(world.book, risk=replace(world.book.risk, **risk))
    with world.to.database.begin() as db:
        return invariants.check(db, book, theirs or what_they_have(world), D(100_000))


def plant(world: World, statement: str) -> None:
    with world.to.database.begin() as db:
        assert db.exec_driver_sql(statement).rowcount == 1


def test_a_sound_book_has_no_breach(world: World) -> None:
    assert check(world) == SOUND
    assert check(world).total == 0


def test_a_second_order_of_an_intent_is_a_duplicate(world: World) -> None:
    theirs = what_they_have(world)
    twice = replace(theirs, client_ids=[*theirs.client_ids, theirs.client_ids[0]])
    assert check(world, twice) == replace(SOUND, duplicate_orders=1)


def test_an_order_without_a_row_is_a_ghost(world: World) -> None:
    theirs = what_they_have(world)
    more = replace(theirs, client_ids=[*theirs.client_ids, "from nowhere"])
    assert check(world, more) == replace(SOUND, ghost_orders=1)


@pytest.mark.parametrize("state", ["NEW", "SUBMITTING", "UNKNOWN"])
def test_what_is_still_in_doubt_is_unresolved(world: World, state: str) -> None:
    plant(world, f"UPDATE orders SET state = '{state}' WHERE symbol = 'AAPL'")
    assert check(world) == replace(SOUND, unresolved=1)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE positions SET quantity = quantity + 1 WHERE symbol = 'AAPL'",
        "DELETE FROM positions WHERE symbol = 'AAPL'",
        "DELETE FROM fills WHERE symbol = 'AAPL'",
        "UPDATE fills SET side = 'sell' WHERE symbol = 'AAPL'",
    ],
)
def test_a_position_that_is_not_the_sum_of_its_fills_is_a_mismatch(
    world: World, statement: str
) -> None:
    plant(world, statement)
    assert check(world).position_mismatches == 1


def test_a_position_that_the_broker_does_not_have_is_a_mismatch(world: World) -> None:
    theirs = what_they_have(world)
    assert check(world, replace(theirs, positions={})) == replace(SOUND, position_mismatches=1)
    other = {**theirs.positions, "TSLA": D(-1)}
    short = replace(SOUND, position_mismatches=1, short_positions=1)
    assert check(world, replace(theirs, positions=other)) == short


@pytest.mark.parametrize(
    ("risk", "times"),
    [
        ({"max_positions": 1}, 1),
        ({"max_exposure": D("0.30"), "min_slots": 1}, 1),
        ({"min_slots": 5}, 2),
        ({"orders_per_minute": 2}, 1),
    ],
)
def test_a_limit_that_was_passed_is_found(world: World, risk: Any, times: int) -> None:
    """The same day under a limit that it did not have to keep."""
    assert check(world, **risk) == replace(SOUND, limit_breaches=times)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE fills SET side = 'sell' WHERE symbol = 'AAPL'", "a short position"),
        (
            "UPDATE orders SET reserved_notional = 1 WHERE symbol = 'AAPL'",
            "spent more than reserved",
        ),
    ],
)
def test_what_no_order_may_do_is_named(world: World, statement: str, said: str) -> None:
    plant(world, statement)
    assert any(said in line for line in breaches_of(world))


def test_more_on_sale_than_is_held_is_found(world: World) -> None:
    plant(
        world,
        "UPDATE orders SET state = 'SUBMITTED', filled_quantity = 0"
        " WHERE symbol = 'MSFT' AND side = 'sell'",
    )
    assert check(world) == replace(SOUND, limit_breaches=1)


def breaches_of(world: World) -> list[str]:
    with world.to.database.begin() as db:
        executed = invariants.fills.all(db, world.book.id)
    return invariants.breached_limits(world.book, world.orders(), executed, [], D(100_000))


def test_a_conflicting_pair_and_an_etf_inside_its_lock_are_named(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    loose = replace(a_book().routing, conflicts=(), baskets=())
    with world_of((database_url, redis_url), tmp_path, routing=loose) as world:
        world.open()
        world.price("QQQ", "400")
        world.intend("SQQQ")
        world.intend("QQQ")
        world.run()
        for symbol in ("SQQQ", "QQQ"):
            world.stream(world.order(symbol))
        world.run()
        world.wait(SECOND)
        world.intend("SQQQ", Purpose.STOP_LOSS)
        world.run()
        world.stream(world.order("SQQQ"))
        world.wait(MINUTE)
        world.run()
        world.intend("SQQQ", cause="again")
        world.run()
        world.book = a_book()
        said = breaches_of(world)
        assert any("a conflicting pair" in line for line in said)
        assert any("SQQQ twice within its lock" in line for line in said)
