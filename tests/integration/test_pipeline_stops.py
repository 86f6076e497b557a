"""Stops that rest at the broker: placed, moved, let go of in time, and never a share sold twice."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from pipeline_market import MINUTE, SECOND, D
from pipeline_world import World, world_of
from stops_world import CLOSE, flat, resting, run, sales, settle

from app.engine.book import BookStatus
from app.engine.orders import (
    Order,
    OrderState,
    OrderType,
    Purpose,
    TimeInForce,
)
from app.io.store import recovery
from app.pipeline import exits


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path, stops=True) as made:
        made.open()
        yield made


def test_a_stop_rests_as_soon_as_an_entry_has_filled_and_sells_by_itself(world: World) -> None:
    bought = world.buy("AAPL")
    (stop,) = resting(world)
    assert (stop.type, stop.time_in_force, stop.state) == (
        OrderType.STOP,
        TimeInForce.GTC,
        OrderState.SUBMITTED,
    )
    assert (stop.quantity, stop.stop_price) == (bought.quantity, D("98.50"))
    world.price("AAPL", "98.45")
    exits.check(world.to)
    settle(world)
    assert flat(world)
    assert sales(world) == []
    assert world.order("AAPL").state is OrderState.FILLED
    run(world)
    assert len(world.theirs()) == 2


def test_what_the_stop_does_not_sell_is_sold_by_our_own_rule(world: World) -> None:
    world.buy("AAPL")
    (stop,) = resting(world)
    for _ in range(4):
        # The broker's market has not come to the stop, and ours says that it is far below.
        exits.check(world.to)
        run(world, 2)
        world.wait(30 * SECOND)
        with world.to.database.begin() as db:
            db.exec_driver_sql("UPDATE quotes SET last = 97 WHERE symbol = 'AAPL'")
    settle(world)
    (sale,) = sales(world)
    assert (sale.purpose, sale.state) == (Purpose.STOP_LOSS, OrderState.FILLED)
    assert sale.created_at - stop.created_at > 60 * SECOND
    assert flat(world)


def test_a_stop_follows_the_best_price_without_ever_being_two(world: World) -> None:
    world.buy("AAPL")
    world.price("AAPL", "101.60")
    exits.check(world.to)
    run(world, 2)
    first = resting(world)
    world.price("AAPL", "101.70")  # less than a step further: not worth two calls
    exits.check(world.to)
    run(world, 2)
    assert resting(world) == first
    world.price("AAPL", "102.60")
    exits.check(world.to)
    world.price("AAPL", "102.20")
    run(world)
    assert resting(world) == []
    run(world)
    (moved,) = resting(world)
    assert [o.stop_price for o in (*first, moved)] == [D("100.07"), D("101.06")]
    assert moved.quantity == first[0].quantity
    assert world.held()["AAPL"].peak_price == D("102.60")
    world.price("AAPL", "101")
    settle(world)
    assert flat(world)


def test_a_target_lets_go_of_the_stop_then_sells_and_says_why(world: World) -> None:
    world.buy("AAPL")
    world.price("AAPL", "103.10")
    exits.check(world.to)
    run(world)
    assert (resting(world), sales(world)) == ([], [])
    # Whoever cancelled the stop may be gone by now: the intent is in the store.
    world.run(to=world.worker())
    (sale,) = sales(world)
    assert sale.purpose is Purpose.TAKE_PROFIT
    settle(world)
    assert flat(world)
    with world.to.database.begin() as db:
        row = db.exec_driver_sql(
            "SELECT gate, measured, \"limit\", subject FROM verdicts WHERE step = 'exits'"
        ).one()
    assert tuple(row) == ("take_profit", "103.1", "103.0103", f"intent:{sale.intent_id}")
    assert "exit" in world.logged


def test_a_stop_that_fills_while_it_is_being_cancelled_wins(world: World) -> None:
    world.buy("AAPL")
    world.price("AAPL", "103.10")
    exits.check(world.to)
    world.price("AAPL", "98")
    run(world, 3)
    assert flat(world)
    assert sales(world) == []
    assert world.reasons("risk")[-1] == "no_position"


def test_half_an_exit_leaves_a_stop_for_the_other_half(world: World) -> None:
    whole = world.buy("AAPL").quantity
    half = whole // 2
    world.intend("AAPL", Purpose.OPPOSITE, quantity=half)
    run(world, 2)
    (stop,) = resting(world)
    assert stop.quantity == whole - half
    assert [(s.purpose, s.quantity) for s in sales(world)] == [(Purpose.OPPOSITE, half)]
    settle(world)
    assert world.held()["AAPL"].quantity == whole - half == resting(world)[0].quantity


def test_the_close_is_offered_in_time_although_stops_rest(world: World) -> None:
    world.buy("AAPL")
    world.buy("MSFT")
    world.at(CLOSE - 12 * MINUTE)
    exits.check(world.to)
    run(world, 2)
    assert resting(world) == []
    assert {s.time_in_force for s in sales(world)} == {TimeInForce.CLS}
    assert len(sales(world)) == 2
    world.at(CLOSE + 31 * SECOND)
    run(world, 2)
    assert flat(world)
    assert world.open() == "CLOSED"


def test_a_halt_takes_no_stop_away_and_stops_no_day_from_ending(world: World) -> None:
    world.buy("AAPL")
    before = resting(world)
    world.set_status(BookStatus.HALTED)
    for at in (world.market.at + MINUTE, CLOSE - 11 * MINUTE, CLOSE - 4 * MINUTE):
        world.at(at)
        exits.check(world.to)
        run(world, 2)
    assert resting(world) == before
    world.at(CLOSE + MINUTE)
    assert world.open() == "CLOSED"
    assert [o.state for o in world.broker.ledger.open_orders()] == [OrderState.SUBMITTED]


def told(world: World) -> list[tuple[str, Decimal]]:
    """Return the symbols that were told to be bare, with how many shares."""
    with world.to.database.begin() as db:
        said = [d for d in recovery.listing(db, world.book.id) if d.kind == "stop"]
    return [(d.subject, D((d.ours or "").split()[5])) for d in said]


def test_e11_a_halt_that_refuses_the_sale_a_stop_made_way_for_is_announced_once(
    world: World,
) -> None:
    shares = world.buy("AAPL").quantity
    world.price("AAPL", "103.10")
    exits.check(world.to)
    run(world)
    assert resting(world) == []
    world.set_status(BookStatus.HALTED)
    run(world, 3)
    assert sales(world) == resting(world) == []
    world.wait(2 * MINUTE)
    run(world, 3)
    assert told(world) == [("AAPL", shares)]
    assert world.logged.count("stop_not_placed") == 1
    world.price("AAPL", "102")
    world.set_status(BookStatus.REDUCING)
    run(world)
    assert [stop.quantity for stop in resting(world)] == [shares]


def test_e11_an_entry_that_fills_while_the_halt_cancels_it_is_announced(world: World) -> None:
    world.signal("AAPL")
    run(world)
    world.set_status(BookStatus.HALTED)
    run(world, 3)
    shares = world.held()["AAPL"].quantity
    assert world.order("AAPL").state is OrderState.FILLED
    world.wait(2 * MINUTE)
    run(world)
    assert told(world) == [("AAPL", shares)]


def test_a_stop_of_nothing_is_cancelled_even_when_halted(world: World) -> None:
    world.buy("AAPL")
    with world.to.database.begin() as db:
        db.exec_driver_sql("UPDATE positions SET quantity = 0")
    world.set_status(BookStatus.HALTED)
    world.run()
    assert resting(world) == []
    assert world.broker.ledger.open_orders() == []


@pytest.mark.parametrize("fault", ["lost", "drop"])
def test_a_stop_in_doubt_holds_an_exit_back_until_it_is_known(world: World, fault: str) -> None:
    world.broker.line.extend(["", fault])
    world.broker.hidden = 1
    world.buy("AAPL")
    (stop,) = resting(world)
    assert stop.state is OrderState.UNKNOWN
    world.price("AAPL", "103.10")
    exits.check(world.to)
    run(world, 6)
    settle(world)
    assert flat(world)
    assert [s.purpose for s in sales(world)] == [Purpose.TAKE_PROFIT]


def test_a_person_who_sets_the_book_active_lets_it_try_again(world: World) -> None:
    world.broker.line.extend(["", *["refuse"] * 4])
    world.buy("AAPL")
    for _ in range(8):
        world.wait(15 * SECOND)
        run(world)
    assert (world.row().status, resting(world)) == (BookStatus.REDUCING, [])
    world.wait(MINUTE)
    world.set_status(BookStatus.ACTIVE)
    run(world)
    assert [o.state for o in resting(world)] == [OrderState.SUBMITTED]


def test_an_unsent_stop_gives_way_without_a_word_to_the_broker(world: World) -> None:
    world.broker.line.extend(["", "down", "down"])
    world.buy("AAPL")
    assert [o.state for o in resting(world)] == [OrderState.NEW]
    world.broker.line.clear()
    world.price("AAPL", "103.10")
    exits.check(world.to)
    run(world)
    assert [o.type for o in world.theirs()] == ["limit", "market"]
    settle(world)
    assert flat(world)


def test_an_entry_that_fills_in_part_is_cut_off_and_protected(world: World) -> None:
    order = part_of_an_entry(world)
    run(world)
    assert resting(world) == []  # a broker refuses a sale beside a purchase that works
    world.wait(61 * SECOND)
    run(world, 2)
    (stop,) = resting(world)
    assert (stop.quantity, world.held()["AAPL"].quantity) == (4, 4)
    done = next(o for o in world.orders() if o.client_id == order.client_id)
    assert (done.state, done.filled_quantity) == (OrderState.CANCELLED, 4)


def test_an_exit_cancels_the_entry_that_still_works(world: World) -> None:
    part_of_an_entry(world)
    world.intend("AAPL", Purpose.STOP_LOSS, quantity=D(4))
    run(world, 2)
    (sale,) = sales(world)
    states = {o.state for o in world.orders() if o.purpose is Purpose.ENTRY}
    assert (states, sale.quantity) == ({OrderState.CANCELLED}, 4)
    assert world.broker.ledger.positions() == {}


def part_of_an_entry(world: World) -> Order:
    """An entry of which four shares filled and the rest works; the ledger fills only whole ones."""
    world.broker.resting = True
    world.signal("AAPL")
    world.run()
    world.broker.resting = False
    order = world.order("AAPL")
    world.broker.ledger.submit(replace(order, client_id="the-same-by-hand", quantity=D(4)))
    with world.to.database.begin() as db:
        db.exec_driver_sql(
            "UPDATE orders SET state = 'PARTIAL', filled_quantity = 4, average_price = 100"
        )
        db.exec_driver_sql(
            "INSERT INTO positions (book, symbol, quantity, average_price, realised, opened_at,"
            " stop_price, updated_at) VALUES ('us_baskets', 'AAPL', 4, 100, 0, %s, 98.5, %s)",
            (world.market.at, world.market.at),
        )
    return order


# -- parked exits -------------------------------------------------------------------------------
