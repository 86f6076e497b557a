"""Orders in doubt are due, postponed and counted by the wall's clock."""

from datetime import timedelta

from store_builders import (
    AT,
    BOOK,
    a_guard,
    a_signal,
    an_active_book,
    an_intent,
    an_order,
    the_only,
)

from app.engine.orders import OrderState, Side
from app.io.locks import Leases
from app.io.store import doubts, intents, orders, signals
from app.io.store.database import Database

S = OrderState
LATER = AT + timedelta(minutes=1)


def _store(database: Database, client_id: str, symbol: str, state: S, **changes: object) -> None:
    order = an_order(client_id=client_id, intent_id=f"i-{client_id}", symbol=symbol, state=state)
    with database.begin() as db:
        orders.insert(db, order, "alpaca")
        for column, value in changes.items():
            db.exec_driver_sql(
                f"UPDATE orders SET {column} = %s WHERE client_id = %s", (value, client_id)
            )


def _ago(database: Database, seconds: int) -> object:
    return the_only(database, f"SELECT clock_timestamp() - interval '{seconds} seconds'")


def _due(database: Database) -> list[str]:
    with database.begin() as db:
        return [o.client_id for o in orders.in_doubt(db, BOOK)]


def test_what_is_due(database: Database) -> None:
    _store(database, "fresh", "A", S.SUBMITTING, submitting_wall=_ago(database, 1))
    _store(database, "old", "B", S.SUBMITTING, submitting_wall=_ago(database, 60))
    _store(database, "unknown", "C", S.UNKNOWN)
    _store(database, "later", "D", S.UNKNOWN, resolve_after_wall=_ago(database, -60))
    _store(database, "again", "E", S.UNKNOWN, resolve_after_wall=_ago(database, 1))
    _store(database, "taken", "F", S.SUBMITTED)
    assert _due(database) == ["again", "fresh", "old", "unknown"]
    with database.begin() as db:
        assert orders.in_doubt(db, "other") == []


def test_postponing_counts_and_settling_forgets(database: Database) -> None:
    _store(database, "c1", "A", S.UNKNOWN)
    with database.begin() as db:
        for tries in range(3):
            assert doubts.resolve_tries(db, "c1") == tries
            doubts.postpone(db, "c1", 60)
    assert _due(database) == []
    with database.begin() as db:
        orders.move(db, "c1", S.SUBMITTED, AT)
        assert doubts.resolve_tries(db, "c1") == 0
        orders.move(db, "c1", S.UNKNOWN, AT)
    assert _due(database) == ["c1"]


def test_the_lists(database: Database) -> None:
    for state in S:
        _store(database, state.value, state.value, state)
    with database.begin() as db:
        is_open = {"NEW", "SUBMITTING", "UNKNOWN", "SUBMITTED", "PARTIAL"}
        assert {o.client_id for o in orders.unfinished(db, BOOK)} == is_open
        assert orders.open_symbols(db, BOOK) == is_open
        assert len(orders.listing(db, BOOK)) == len(S)
        assert orders.listing(db, BOOK, LATER) == []
        orders.move(db, "PARTIAL", S.PARTIAL, LATER)
        assert [o.client_id for o in orders.quiet(db, BOOK, AT)] == ["SUBMITTED"]


def test_the_fuse_counts_what_was_sent(database: Database) -> None:
    _store(database, "now", "A", S.SUBMITTING, submitting_wall=_ago(database, 10))
    _store(database, "then", "B", S.FILLED, submitting_wall=_ago(database, 60))
    _store(database, "never", "C", S.NEW)
    stop = {"purpose": "protect", "side": "sell", "submitting_wall": _ago(database, 10)}
    _store(database, "stop", "D", S.SUBMITTED, **stop)
    with database.begin() as db:
        assert orders.sent_within(db, BOOK, 70) == 2
        assert orders.sent_within(db, BOOK, 30) == 1
        assert orders.sent_within(db, "other", 70) == 0


def test_a_latency_runs_from_the_newest_cause_to_the_acceptance(database: Database) -> None:
    an_active_book(database)
    leases = Leases(database, "me")
    lease = leases.acquire("trader", BOOK)
    assert lease is not None
    with database.begin() as db:
        made = [a_signal(id="s1"), a_signal(id="s2", slot=2)]
        signals.insert_once(db, made)
        intents.insert_once(db, [an_intent(signals=("s1", "s2"))])
        orders.insert(db, an_order(), "alpaca")
        sell = an_order(client_id="c2", intent_id="none", side=Side.SELL)
        orders.insert(db, sell, "alpaca")
        assert orders.start_submit(db, "c1", lease, a_guard())
        assert orders.latencies(db, BOOK, AT) == []
        orders.move(db, "c1", S.SUBMITTED, AT)
        db.exec_driver_sql(
            "UPDATE signals SET written_wall = (SELECT accepted_wall FROM orders "
            "WHERE client_id = 'c1') - interval '1 second' * slot"
        )
        assert orders.latencies(db, BOOK, AT) == [1000.0]
        orders.move(db, "c1", S.FILLED, AT)
        assert orders.latencies(db, BOOK, AT) == [1000.0]
        assert orders.latencies(db, BOOK, LATER) == []
    leases.close()
