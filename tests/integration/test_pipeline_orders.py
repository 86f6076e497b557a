"""From a signal to a position: by the broker's stream, by the poll alone, and always once."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pipeline_market import MINUTE, NOON, SECOND, D, in_parts
from pipeline_world import World, world_of

from app.engine.book import BookStatus
from app.engine.orders import OrderState, Purpose, Side
from app.io.store import chains
from app.io.streams import MAX_DELIVERIES
from app.pipeline.messages import FILLS, INTENTS, SIGNALS, Update, encode


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path) as made:
        assert made.open() == "TRADING"
        yield made


def test_a_signal_becomes_a_position_with_its_stop(world: World) -> None:
    world.signal("AAPL")
    assert "approved 1, sent 1" in world.run()
    order = world.order("AAPL")
    assert (order.state, order.side, order.purpose) == (
        OrderState.SUBMITTED,
        Side.BUY,
        Purpose.ENTRY,
    )
    world.stream(order)
    world.run()
    filled = world.order("AAPL")
    assert (filled.state, filled.filled_quantity) == (OrderState.FILLED, order.quantity)
    position = world.held()["AAPL"]
    assert position.quantity == order.quantity == world.broker.ledger.positions()["AAPL"].quantity
    assert (position.average_price, position.stop_price) == (D("100.01"), D("98.50"))


def test_what_the_stream_lost_the_poll_finds(world: World) -> None:
    world.signal("AAPL")
    world.run(2)
    assert world.order("AAPL").state is OrderState.SUBMITTED
    world.wait(31 * SECOND)
    assert world.run().endswith("polled 1")
    assert world.order("AAPL").state is OrderState.FILLED
    assert world.held()["AAPL"].quantity == world.order("AAPL").quantity


def test_fills_twice_late_and_backwards_count_once(world: World) -> None:
    world.broker.parts = 4
    world.signal("AAPL")
    world.run()
    order = world.order("AAPL")
    said = world.told(order)
    for update in [*reversed(said), *said, said[2]]:
        world.to.streams.publish(FILLS, encode(update))
        world.run()
    assert world.order("AAPL").state is OrderState.FILLED
    position = world.held()["AAPL"]
    assert (position.quantity, position.average_price) == (order.quantity, D("100.01"))


def test_a_part_is_held_until_the_rest_comes(world: World) -> None:
    world.broker.parts = 3
    world.signal("AAPL")
    world.run()
    order = world.order("AAPL")
    _, first, *_ = world.told(order)
    world.to.streams.publish(FILLS, encode(first))
    world.run()
    assert world.order("AAPL").state is OrderState.PARTIAL
    assert world.held()["AAPL"].quantity == order.quantity // 3
    world.wait(31 * SECOND)
    world.run()
    assert world.order("AAPL").state is OrderState.FILLED
    assert world.held()["AAPL"].quantity == order.quantity


def test_the_last_word_without_its_fills_leaves_the_order_open(world: World) -> None:
    """The broker says filled, and its fills are on their way: nothing is final without them."""
    world.broker.mute = True
    world.signal("AAPL")
    world.run()
    order = world.order("AAPL")
    final = world.told(order)[-1]
    world.to.streams.publish(FILLS, encode(replace(final, execution=None)))
    world.run()
    assert (world.order("AAPL").state, world.held()) == (OrderState.SUBMITTED, {})
    world.broker.mute = False
    world.wait(31 * SECOND)
    world.run()
    assert world.order("AAPL").state is OrderState.FILLED


@pytest.mark.parametrize("state", [OrderState.CANCELLED, OrderState.EXPIRED])
def test_an_end_whose_fills_have_not_come_is_not_the_end(world: World, state: OrderState) -> None:
    """Closed now, what was filled of it would never be asked for again."""
    world.signal("AAPL")
    world.run()
    order = world.order("AAPL")
    said = world.told(order)[0].order
    ended = replace(said, state=state, filled_quantity=order.quantity // 2, average_price=D(100))
    world.to.streams.publish(FILLS, encode(Update(ended, None)))
    world.run()
    assert world.order("AAPL").state is OrderState.SUBMITTED
    world.wait(31 * SECOND)
    world.run()
    assert world.held()["AAPL"].quantity == order.quantity


def test_duplicate_messages_make_one_order(world: World) -> None:
    made = world.signal("AAPL")
    for _ in range(3):
        world.to.streams.publish(SIGNALS, {"id": made.id})
        world.to.streams.publish(INTENTS, {"id": made.id})
        world.run()
    assert len(world.orders()) == len(world.theirs()) == 1


def test_a_signal_that_was_never_published_becomes_an_order_at_the_next_tick(world: World) -> None:
    world.signal("AAPL", publish=False)
    world.run()
    assert len(world.theirs()) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"update": "{"},
        {"other": "field"},
        {"update": "{}"},
        {"update": "[1]"},
        {"update": '{"order": null, "execution": null}'},
    ],
)
def test_what_cannot_be_read_goes_to_the_dead_letters(world: World, fields: dict[str, str]) -> None:
    world.to.streams.publish(FILLS, fields)
    world.signal("AAPL")
    world.run()
    assert len(world.theirs()) == 1, "a bad message must not hold up a good order"
    world.run(MAX_DELIVERIES)
    (letter,) = world.to.streams.dead(FILLS)
    assert "not a broker update" in letter.error
    assert letter.data == fields
    pending = {(info.stream, info.group): info.pending for info in world.to.streams.info()}
    assert pending[FILLS, "ledger"] == 0


@pytest.mark.parametrize("what", ["quantity", "price", "cumulative"])
@pytest.mark.parametrize("number", ["0", "-1", "NaN", "Infinity"])
def test_a_fill_that_is_no_fill_is_refused(world: World, what: str, number: str) -> None:
    world.signal("AAPL")
    world.run()
    update = world.told(world.order("AAPL"))[-1]
    assert update.execution is not None
    bad = replace(update, execution=replace(update.execution, **{what: D(number)}))
    world.to.streams.publish(FILLS, encode(bad))
    world.run()
    assert world.held() == {}
    assert "update_refused" in world.logged


def test_news_of_more_than_was_ordered_is_refused_and_passes_on(world: World) -> None:
    """One order of which the broker says what cannot be does not hold the others up."""
    world.signal("AAPL")
    world.signal("MSFT")
    world.run()
    bad = world.told(world.order("AAPL"))[-1]
    assert bad.execution is not None
    more = bad.execution.quantity * 2
    execution = replace(bad.execution, id="x", quantity=more, cumulative=more)
    order = replace(bad.order, filled_quantity=more)
    world.to.streams.publish(FILLS, encode(replace(bad, order=order, execution=execution)))
    world.stream(world.order("MSFT"))
    world.run()
    assert world.held().keys() == {"MSFT"}


def test_without_auto_mode_everything_is_decided_and_nothing_sent(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    with world_of((database_url, redis_url), tmp_path, auto=False) as world:
        world.open()
        world.signal("AAPL")
        world.run(3)
        assert world.theirs() == world.orders() == []
        assert world.reasons("risk")[-1] == "auto_mode_off"


def test_an_order_that_waits_is_not_sent_once_auto_mode_is_off(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    with world_of((database_url, redis_url), tmp_path) as world:
        world.open()
        world.broker.line.append("down")
        world.signal("AAPL")
        world.run()
        assert world.order("AAPL").state is OrderState.NEW
        world.book = replace(world.book, auto=False)
        world.run(to=world.worker())
        assert world.theirs() == []
        assert world.order("AAPL").state is OrderState.CANCELLED


@pytest.mark.parametrize("status", [BookStatus.HALTED, BookStatus.REDUCING])
def test_a_halt_between_approval_and_sending_cancels_the_entry(
    world: World, status: BookStatus
) -> None:
    world.broker.line.append("down")
    world.signal("AAPL")
    world.run()
    world.set_status(status, "somebody said so")
    world.run()
    assert world.order("AAPL").state is OrderState.CANCELLED
    assert world.theirs() == []
    with world.to.database.begin() as db:
        chain = chains.chain(db, world.book.id, "AAPL", NOON + MINUTE)
    assert chain[-1].reason == f"book_{status.lower()}"


def test_reducing_lets_exits_through_and_halted_does_not(world: World) -> None:
    world.buy("AAPL")
    world.set_status(BookStatus.HALTED)
    world.intend("AAPL", Purpose.STOP_LOSS, "while halted")
    world.run()
    assert len(world.theirs()) == 1
    world.set_status(BookStatus.REDUCING)
    world.intend("AAPL", Purpose.STOP_LOSS, "while reducing")
    world.run()
    assert world.broker.ledger.positions() == {}


def test_parts_add_up() -> None:
    """The builder's own promise, on which the tests above stand."""
    from app.engine.orders import Execution

    whole = Execution("e", "b", "AAPL", Side.BUY, D(11), D(100), D(11), NOON)
    parts = in_parts(whole, 4)
    assert sum(part.quantity for part in parts) == parts[-1].cumulative == D(11)
