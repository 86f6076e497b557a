"""Orders in doubt: looked up, adopted, sent again under their id or closed; never sent twice."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pipeline_market import MINUTE, NOON, SECOND
from pipeline_world import World, a_book, world_of
from switch_world import a_working_entry

from app.engine.book import BookStatus
from app.engine.errors import Transient
from app.engine.orders import Order, OrderState, Purpose
from app.engine.verdicts import Reason
from app.engine.withdrawals import withdrawal
from app.io.clock import pause
from app.io.locks import Lease
from app.io.store import recovery
from app.pipeline import execute, resolve, withdraw
from app.pipeline.ownership import BUSY

#: One look-up in each pass; after these many passes an order that is hidden is not there.
PASSES = 3


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path) as made:
        made.open()
        yield made


def an_unsent_order(world: World, symbol: str = "AAPL") -> Order:
    """An order that is approved and that no pass could send."""
    world.broker.line.append("down")
    world.signal(symbol)
    world.run()
    order = world.order(symbol)
    assert order.state is OrderState.NEW
    return order


def actions(world: World) -> list[str]:
    with world.to.database.begin() as db:
        return [difference.action for difference in recovery.listing(db, world.book.id)]


def a_lease(world: World, worker: Any) -> Lease:
    lease = worker.leases.acquire(f"book:{world.book.id}", world.book.id, 20.0)
    assert lease is not None
    return lease


def test_an_order_that_shows_late_is_not_sent_again(world: World) -> None:
    world.broker.line.append("lost")
    world.broker.hidden = PASSES - 1
    world.signal("AAPL")
    world.run()
    assert world.order("AAPL").state is OrderState.UNKNOWN
    world.run(PASSES)
    assert world.order("AAPL").state is OrderState.SUBMITTED
    assert len(world.broker.tried) == 1


def test_refused_before_it_was_sent_comes_back_new_and_is_sent_once(world: World) -> None:
    order = an_unsent_order(world)
    assert world.theirs() == []
    world.run(3)
    assert world.broker.tried == [order.client_id] * 2
    assert len(world.theirs()) == 1


@pytest.mark.parametrize("faults", [["drop"], ["drop", "lost"], ["drop", "drop"]])
def test_an_entry_that_never_arrived_is_sent_again_under_its_id(
    world: World, faults: list[str]
) -> None:
    world.broker.line.extend(faults)
    world.signal("AAPL")
    world.run(3 * PASSES)
    assert len(set(world.broker.tried)) == 1
    assert [theirs.client_id for theirs in world.theirs()] == world.broker.tried[:1]
    assert world.order("AAPL").state is OrderState.SUBMITTED


def test_hidden_longer_than_we_wait_the_broker_refuses_the_second(world: World) -> None:
    world.broker.line.append("lost")
    world.broker.hidden = PASSES + 1
    world.signal("AAPL")
    world.run(2 * PASSES)
    assert len(world.broker.tried) == 2
    assert len(world.theirs()) == 1
    assert world.order("AAPL").state is OrderState.SUBMITTED


def test_an_old_entry_that_never_arrived_is_closed(world: World) -> None:
    world.broker.line.append("drop")
    world.signal("AAPL")
    world.run()
    world.wait(2 * MINUTE)
    world.run(PASSES)
    assert world.order("AAPL").state is OrderState.CANCELLED
    assert world.reasons("execute")[-1] == "expired_intent"
    assert world.theirs() == []


def test_an_old_exit_that_never_arrived_is_sent_again(world: World) -> None:
    world.buy("AAPL")
    world.broker.line.append("drop")
    world.intend("AAPL", Purpose.STOP_LOSS)
    world.run()
    assert world.order("AAPL").state is OrderState.UNKNOWN
    world.wait(10 * MINUTE)
    world.run(PASSES)
    assert world.broker.tried[-2] == world.broker.tried[-1]
    assert world.broker.ledger.positions() == {}


@pytest.mark.parametrize(("fault", "state"), [("drop", "UNKNOWN"), ("down", "NEW")])
def test_e6_after_a_quarter_of_an_hour_it_is_closed_instead(
    world: World, fault: str, state: str
) -> None:
    world.buy("AAPL")
    world.broker.line.extend([fault] * 2)
    world.intend("AAPL", Purpose.STOP_LOSS)
    world.run()
    assert world.order("AAPL").state == state
    world.wait(15 * MINUTE + SECOND)
    tried = len(world.broker.tried)
    world.run(PASSES)
    assert world.order("AAPL").state is OrderState.CANCELLED
    assert len(world.broker.tried) == tried
    assert world.reasons("execute")[-1] == "expired_intent"


def test_an_exit_that_never_arrived_is_not_sent_after_the_close(world: World) -> None:
    """A broker would keep it for the next open; the clean-up then decides anew."""
    world.buy("AAPL")
    world.broker.line.append("drop")
    world.intend("AAPL", Purpose.STOP_LOSS)
    world.run()
    world.at(NOON.replace(hour=20, minute=5))
    world.run(PASSES)
    assert world.order("AAPL").state is OrderState.CANCELLED
    assert len(world.theirs()) == 1


@pytest.mark.parametrize("later", [2 * MINUTE, 6 * 60 * MINUTE])
def test_an_approved_entry_that_waited_too_long_is_not_sent(world: World, later: Any) -> None:
    an_unsent_order(world)
    world.wait(later)
    world.run()
    assert world.theirs() == []
    assert world.order("AAPL").state is OrderState.CANCELLED


def test_look_ups_that_failed_are_not_counted_as_not_found(world: World) -> None:
    """The broker is away while an old entry is in doubt: away is not the same as not there."""
    world.broker.line.append("lost")
    world.broker.hidden = 1
    answer = world.broker.ledger.order_by_client_id

    def away(client_id: str) -> None:
        raise Transient("no route to host")

    world.broker.ledger.order_by_client_id = away  # type: ignore[method-assign,assignment]
    world.signal("AAPL")
    world.run()
    world.run(3 * PASSES)
    world.broker.ledger.order_by_client_id = answer  # type: ignore[method-assign]
    world.wait(5 * MINUTE)
    world.broker.hidden = 1
    world.run()
    assert world.order("AAPL").state is OrderState.UNKNOWN, "it was not there once, and no more"
    world.run()
    assert world.order("AAPL").state is OrderState.SUBMITTED


def test_what_a_dead_owner_left_is_looked_up_by_the_next(world: World) -> None:
    order = an_unsent_order(world)
    dead = world.worker()
    assert execute.start(dead, a_lease(world, dead), order)
    world.broker.ledger.submit(order)  # it reached the broker, and its sender is gone
    dead.leases.close()
    while world.run() == BUSY:  # until PostgreSQL has noticed that the dead one's session is gone
        pause(0.05)
    assert world.order("AAPL").state is OrderState.SUBMITTED
    assert len(world.theirs()) == 1


def test_nobody_works_on_a_book_that_has_an_owner(world: World) -> None:
    other = world.worker()
    lease = a_lease(world, other)
    world.signal("AAPL")
    assert world.run() == BUSY
    other.leases.release(lease)
    world.run()
    assert len(world.theirs()) == 1


def test_a_paused_owner_cannot_start_a_submission(world: World) -> None:
    order = an_unsent_order(world)
    paused = world.worker()
    lease = a_lease(world, paused)
    paused.leases.release(lease)
    newer = world.worker()
    newer.leases.release(a_lease(world, newer))
    assert not execute.start(paused, lease, order)
    assert execute.submit(paused, lease, [order]) == 0
    assert world.order("AAPL").state is OrderState.NEW
    assert world.theirs() == []


def test_a_lease_that_its_own_process_took_again_is_not_held_any_more(world: World) -> None:
    order = an_unsent_order(world)
    worker = world.worker()
    older, newer = a_lease(world, worker), a_lease(world, worker)
    assert newer.fence > older.fence
    assert not execute.start(worker, older, order)
    assert execute.start(worker, newer, order)


@pytest.mark.parametrize("status", [BookStatus.HALTED, BookStatus.REDUCING])
def test_a_paused_owner_does_not_close_what_a_newer_one_has_sent(
    world: World, status: BookStatus
) -> None:
    order = an_unsent_order(world)
    paused = world.worker()
    lease = a_lease(world, paused)
    paused.leases.release(lease)
    world.run()
    assert world.order("AAPL").state is OrderState.SUBMITTED
    world.set_status(status)
    assert execute.submit(paused, lease, [order]) == 0
    assert world.order("AAPL").state is OrderState.SUBMITTED


def test_a_paused_owner_leaves_the_request_of_a_newer_one_alone(world: World) -> None:
    order = an_unsent_order(world)
    paused, newer = world.worker(), world.worker()
    lost = a_lease(world, paused)
    paused.leases.release(lost)
    assert execute.start(newer, a_lease(world, newer), order)
    with pytest.raises(Transient, match="another owner"):
        resolve.resolve(paused, lost)
    assert world.order("AAPL").state is OrderState.SUBMITTING


def test_a_paused_owner_cancels_nothing(world: World) -> None:
    order, paused = a_working_entry(world), world.worker()
    lost = a_lease(world, paused)
    paused.leases.release(lost)
    newer = world.worker()
    newer.leases.release(a_lease(world, newer))
    with pytest.raises(Transient, match="another owner"):
        withdraw.withdraw(paused, lost, [withdrawal(order, Reason.CANCEL_ASKED, "ann")])
    assert [seen.client_id for seen in world.broker.open_orders()] == [order.client_id]


def test_a_paused_owner_that_sends_after_all_is_refused_by_the_broker(world: World) -> None:
    order = an_unsent_order(world)
    paused = world.worker()
    lease = a_lease(world, paused)
    assert execute.start(paused, lease, order)
    paused.leases.release(lease)
    world.run(PASSES)  # the newer owner finds it SUBMITTING and in the end sends it itself
    assert world.order("AAPL").state is OrderState.SUBMITTED
    assert not execute.send(paused, lease, order)
    world.run(2)
    assert world.order("AAPL").state is OrderState.SUBMITTED
    assert len(world.theirs()) == 1


def test_the_rate_fuse_stops_entries_and_is_remembered(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    risk = replace(a_book().risk, orders_per_minute=2)
    with world_of((database_url, redis_url), tmp_path, risk=risk) as world:
        world.open()
        for symbol in ("AAPL", "MSFT", "NVDA"):
            world.signal(symbol)
        world.run()
        assert len(world.theirs()) == 2
        row = world.row()
        assert (row.status, row.set_by) == (BookStatus.REDUCING, "rate_fuse")
        assert world.reasons("execute").count("rate_fuse") == 1
        world.wait(40 * SECOND)
        world.signal("TSLA")
        world.run(2, to=world.worker())
        assert len(world.theirs()) == 2
        assert (world.row().status, world.row().why) == (row.status, row.why)
        assert {o.state for o in world.orders() if o.symbol not in ("AAPL", "MSFT")} <= {
            OrderState.CANCELLED
        }
