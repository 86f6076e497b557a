"""Orders move only along the table, are sent only by who holds the lease, and never twice."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import product

import pytest
import sqlalchemy as sa
from store_builders import AT, BOOK, a_guard, an_active_book, an_order, the_only

from app.engine.book import BookStatus
from app.engine.errors import InvalidData
from app.engine.orders import FINAL, TRANSITIONS, Order, OrderState, Side
from app.io.locks import Lease, Leases
from app.io.store import orders
from app.io.store.database import Database
from app.io.store.orders import Guard

S = OrderState
GUARD = a_guard()
LATER = AT + timedelta(seconds=5)


def _stored(database: Database, *made: Order) -> None:
    with database.begin() as db:
        for order in made or (an_order(),):
            assert orders.insert(db, order, "alpaca")


def _start(database: Database, lease: Lease, client_id: str = "c1", guard: Guard = GUARD) -> bool:
    with database.begin() as db:
        return orders.start_submit(db, client_id, lease, guard)


@pytest.fixture
def lease(database: Database) -> Iterator[Lease]:
    an_active_book(database)
    leases = Leases(database, "me")
    taken = leases.acquire("trader", BOOK)
    assert taken is not None
    yield taken
    leases.close()


def test_an_order_comes_back_as_it_was(database: Database) -> None:
    full = an_order(limit_price=Decimal("10.50"), stop_price=Decimal("9.0"), extended_hours=True)
    full = replace(full, reserved_risk=Decimal("15.75"), reserved_notional=Decimal(105))
    _stored(database, full)
    with database.begin() as db:
        assert orders.get(db, "c1") == full
        assert orders.get(db, "none") is None


def test_an_intent_has_one_order(database: Database) -> None:
    _stored(database)
    with database.begin() as db:
        assert not orders.insert(db, an_order(), "alpaca")
        assert not orders.insert(db, an_order(client_id="c2"), "alpaca")
        assert len(orders.listing(db, BOOK)) == 1


def test_only_moves_of_the_table_are_made(database: Database) -> None:
    for before, after in product(S, S):
        name = f"{before}-{after}"
        made = an_order(client_id=name, intent_id=name, symbol=name, state=before)
        _stored(database, made)
        with database.begin() as db:
            if before in FINAL or after is before:
                assert orders.move(db, name, after, LATER).state is before
            elif after in TRANSITIONS[before]:
                assert orders.move(db, name, after, LATER).state is after
            else:
                with pytest.raises(InvalidData, match=f"from {before} to {after}"):
                    orders.move(db, name, after, LATER)
                assert orders.get(db, name) == made


def test_a_move_carries_why(database: Database) -> None:
    _stored(database, an_order(state=S.SUBMITTING))
    with database.begin() as db:
        moved = orders.move(db, "c1", S.UNKNOWN, LATER, error="read timed out")
        assert orders.get(db, "c1", lock=True) == moved
        orders.move(db, "c1", S.SUBMITTED, LATER)
    assert the_only(database, "SELECT updated_at FROM orders") == LATER
    assert the_only(database, "SELECT error FROM orders") == "read timed out"


def test_what_is_no_news_leaves_the_time_of_the_last(database: Database) -> None:
    _stored(database, an_order(state=S.SUBMITTED))
    with database.begin() as db:
        made = orders.get(db, "c1", lock=True)
        assert made is not None
        orders.store(db, made, LATER)
        orders.store(db, made, None)
    assert the_only(database, "SELECT updated_at FROM orders") == LATER


def test_late_news_of_a_finished_order_changes_nothing(database: Database) -> None:
    for final in FINAL:
        made = an_order(client_id=final, intent_id=final, state=final)
        _stored(database, made)
        with database.begin() as db:
            assert orders.move(db, final, S.PARTIAL, LATER, error="late") == made
            assert orders.get(db, final) == made


def test_more_than_the_quantity_cannot_be_filled(database: Database) -> None:
    _stored(database, an_order(state=S.SUBMITTED))
    over = an_order(state=S.PARTIAL, filled_quantity=Decimal(11))
    with pytest.raises(sa.exc.IntegrityError, match="ck_orders_filled"), database.begin() as db:
        orders.store(db, over, LATER)


def test_who_is_not_there_cannot_be_moved(database: Database) -> None:
    with (
        database.begin() as db,
        pytest.raises(InvalidData, match="no order has the client id c9"),
    ):
        orders.move(db, "c9", S.CANCELLED, LATER)


def test_submitting_needs_the_lease(database: Database, lease: Lease) -> None:
    _stored(database)
    for wrong in (
        replace(lease, fence=lease.fence + 1),
        replace(lease, owner="another"),
        replace(lease, name="else"),
        replace(lease, book="else"),
    ):
        assert not _start(database, wrong)
    assert _start(database, lease)
    assert not _start(database, lease)
    with database.begin() as db:
        started = orders.get(db, "c1")
    assert started is not None
    assert (started.state, started.fence) == (S.SUBMITTING, lease.fence)


def test_submitting_needs_a_book_that_may(database: Database, lease: Lease) -> None:
    _stored(database)
    reducing = a_guard(statuses=frozenset({BookStatus.ACTIVE, BookStatus.REDUCING}))
    the_only(database, "UPDATE book_states SET status = 'REDUCING' RETURNING 1")
    assert not _start(database, lease)
    assert _start(database, lease, guard=reducing)


def test_submitting_stops_at_the_rate_fuse(database: Database, lease: Lease) -> None:
    named = [an_order(client_id=f"c{n}", intent_id=f"i{n}", symbol=f"S{n}") for n in range(5)]
    _stored(database, *named)
    three = a_guard(most=3)
    assert [_start(database, lease, o.client_id, three) for o in named] == [True] * 3 + [False] * 2
    assert _start(database, lease, "c4", a_guard(most=3, within_s=0.0))


def test_twenty_threads_start_an_order_once(database: Database, lease: Lease) -> None:
    _stored(database)
    with ThreadPoolExecutor(20) as pool:
        started = list(pool.map(lambda _: _start(database, lease), range(20)))
    assert sum(started) == 1


def test_one_order_in_doubt_a_symbol_and_side(database: Database, lease: Lease) -> None:
    second = an_order(client_id="c2", intent_id="i2")
    other_side = an_order(client_id="c3", intent_id="i3", side=Side.SELL)
    _stored(database, an_order(), second, other_side)
    assert _start(database, lease, "c1")
    assert not _start(database, lease, "c2")
    assert _start(database, lease, "c3")
    with database.begin() as db:
        orders.move(db, "c1", S.UNKNOWN, LATER)
    assert not _start(database, lease, "c2")
    with database.begin() as db:
        orders.move(db, "c1", S.SUBMITTED, LATER)
    assert _start(database, lease, "c2")


def test_the_database_itself_refuses_a_second_one_in_doubt(database: Database) -> None:
    _stored(database, an_order(state=S.UNKNOWN))
    second = "UPDATE orders SET state = 'SUBMITTING' WHERE client_id = 'c2'"
    _stored(database, an_order(client_id="c2", intent_id="i2"))
    with (
        pytest.raises(sa.exc.IntegrityError, match="uq_orders_one_in_doubt"),
        database.begin() as db,
    ):
        db.exec_driver_sql(second)


def test_an_order_in_doubt_is_sent_again_only_from_unknown(
    database: Database, lease: Lease
) -> None:
    _stored(database, an_order(state=S.UNKNOWN))
    assert not _start(database, lease)
    with database.begin() as db:
        assert orders.start_submit(db, "c1", lease, a_guard(), before=S.UNKNOWN)
        assert not orders.start_submit(db, "c1", lease, a_guard(), before=S.UNKNOWN)
        with pytest.raises(InvalidData, match="from FILLED to SUBMITTING"):
            orders.start_submit(db, "c1", lease, a_guard(), before=S.FILLED)
