"""A purchase that the broker took and whose answer was lost is found and adopted, not repeated.

Guards: an order is ``UNKNOWN`` after a lost answer (``execute._doubt``), one that was left
``SUBMITTING`` by a process that died is in doubt too (``orders.in_doubt``), and what is in doubt is
looked up by its client id before it may be sent again (``resolve._settle``).
"""

import pytest
from pipeline_market import D
from pipeline_world import World

from app.engine.orders import OrderState, Purpose
from app.io.store import recovery
from app.pipeline import cycle


def actions(world: World) -> list[str]:
    with world.to.database.begin() as db:
        return [difference.action for difference in recovery.listing(db, world.book.id)]


def test_an_answer_that_was_lost_is_looked_up_and_adopted(world: World) -> None:
    world.broker.line.append("lost")
    world.signal("AAPL")
    assert world.run().endswith("approved 1, sent 0, withdrawn 0, resolved 1, polled 0")
    assert world.order("AAPL").state is OrderState.SUBMITTED
    world.run(5)
    assert len(world.broker.tried) == len(world.theirs()) == 1
    assert actions(world) == ["adopted"]


class Killed(BaseException):
    """The process ends here: nothing after it runs."""


def test_a_process_that_died_before_the_answer_leaves_one_order_to_the_next(world: World) -> None:
    arrived = world.broker.ledger

    def die_after_it_arrived(order: object) -> None:
        arrived.submit(order)
        raise Killed

    world.broker.meanwhile = die_after_it_arrived
    world.signal("AAPL")
    with pytest.raises(Killed):
        world.run()
    assert world.order("AAPL").state is OrderState.SUBMITTING
    world.broker.meanwhile = lambda order: None
    world.to.leases.close()  # with the process goes its session, and with that its lease
    again = world.worker()
    for _ in range(3):
        cycle.run(again)
    [bought] = world.theirs()
    assert len(world.broker.tried) == 1
    assert world.order("AAPL").broker_id == bought.broker_id
    world.stream(world.order("AAPL"))
    cycle.run(again)
    assert world.held()["AAPL"].quantity == bought.quantity > D(0)
    assert [o.purpose for o in world.orders()].count(Purpose.ENTRY) == 1
