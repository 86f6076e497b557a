"""Fills count once; positions, statements and sessions are what was last said."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from store_builders import AT, BOOK, a_fill, the_only

from app.engine.orders import Side
from app.engine.portfolio import Account, Position
from app.io.store import accounts, fills, positions, sessions
from app.io.store.database import Database
from app.io.store.sessions import SessionRow

SECOND = timedelta(seconds=1)
FIRST = a_fill()
REST = a_fill(id="b1:10", quantity=Decimal(6), cumulative=Decimal(10), price=Decimal("10.3"))


def test_an_execution_counts_once_whoever_reports_it(database: Database) -> None:
    with database.begin() as db:
        assert fills.insert_once(db, BOOK, "alpaca", "c1", [FIRST], "stream") == [FIRST]
        assert fills.insert_once(db, BOOK, "alpaca", "c1", [FIRST, REST], "poll") == [REST]
        assert fills.insert_once(db, BOOK, "alpaca", "c1", [FIRST, REST], "poll") == []
        assert fills.insert_once(db, BOOK, "alpaca", "c1", [], "poll") == []
        assert fills.insert_once(db, BOOK, "other", "c1", [FIRST], "poll") == [FIRST]


def test_an_execution_repeated_in_one_report_counts_once(database: Database) -> None:
    with database.begin() as db:
        report = [FIRST, REST, FIRST]
        assert fills.insert_once(db, BOOK, "alpaca", "c1", report, "poll") == [FIRST, REST]


def test_executions_come_oldest_first(database: Database) -> None:
    sale = a_fill(id="b2:1", broker_order_id="b2", side=Side.SELL, at=AT + SECOND, client_id="c2")
    with database.begin() as db:
        fills.insert_once(db, BOOK, "alpaca", "c2", [sale], "poll")
        fills.insert_once(db, BOOK, "alpaca", "c1", [REST, FIRST], "poll")
        assert fills.all(db, BOOK) == [FIRST, REST, sale]
        assert fills.for_order(db, "c1") == [FIRST, REST]
        assert fills.all(db, "other") == []


def test_twenty_threads_count_an_execution_once(database: Database) -> None:
    def report(_: int) -> int:
        with database.begin() as db:
            return len(fills.insert_once(db, BOOK, "alpaca", "c1", [FIRST, REST], "poll"))

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(report, range(20))) == 2
    assert the_only(database, "SELECT sum(quantity) FROM fills") == 10


def test_a_position_is_what_was_last_saved(database: Database) -> None:
    held = Position("SOXS", Decimal(10), Decimal("10.28"), Decimal(0), Decimal("10.12"), AT)
    flat = Position("SQQQ", realised=Decimal("-3.20"))
    with database.begin() as db:
        positions.save(db, BOOK, held, AT)
        positions.save(db, BOOK, flat, AT)
        positions.save(db, "other", flat, AT)
        assert positions.load(db, BOOK, lock=True) == {"SOXS": held, "SQQQ": flat}
        assert positions.held(db, BOOK) == {"SOXS": held}
        closed = Position("SOXS", realised=Decimal(5))
        positions.save(db, BOOK, closed, AT + SECOND)
        assert positions.load(db, BOOK) == {"SOXS": closed, "SQQQ": flat}
        assert positions.held(db, BOOK) == {}


def test_statements_are_found_by_kind_and_time(database: Database) -> None:
    said = [Account(Decimal(n), Decimal(n + 1), Decimal(2 * n), "KRW") for n in range(3)]
    with database.begin() as db:
        assert accounts.latest(db, BOOK) is None
        accounts.add(db, BOOK, AT, "open", said[0])
        accounts.add(db, BOOK, AT + SECOND, "check", said[1])
        accounts.add(db, BOOK, AT + SECOND, "check", said[2])
        assert accounts.latest(db, BOOK) == (AT + SECOND, said[2])
        assert accounts.latest(db, BOOK, "open") == (AT, said[0])
        assert accounts.latest(db, BOOK, "close") is None
        assert [account for _, account in accounts.curve(db, BOOK, AT)] == said
        assert accounts.curve(db, BOOK, AT + 2 * SECOND) == []


def test_a_session_grows_through_its_day(database: Database) -> None:
    friday = SessionRow(date(2026, 3, 20), "READY", AT, AT + timedelta(hours=6))
    monday = SessionRow(date(2026, 3, 23), "OFFLINE", AT, AT)
    opened = SessionRow(friday.date, "TRADING", AT, friday.close_at, Decimal(10000), Decimal(9000))
    with database.begin() as db:
        assert sessions.current(db, BOOK) is None
        sessions.save(db, BOOK, friday, AT)
        sessions.save(db, BOOK, opened, AT + SECOND)
        sessions.save(db, "other", monday, AT)
        assert sessions.load(db, BOOK, friday.date) == opened == sessions.current(db, BOOK)
        sessions.rebase(db, BOOK, friday.date, Decimal(-50), Decimal(-7))
        sessions.save(db, BOOK, replace(opened, state="CLOSING"), AT)  # read before
        moved = replace(opened, state="CLOSING", equity_open=Decimal(9950), cash_open=Decimal(8993))
        assert sessions.load(db, BOOK, friday.date) == moved
        sessions.save(db, BOOK, replace(opened, state="CLOSED"), AT)
        sessions.rebase(db, BOOK, friday.date, Decimal(-50), Decimal(-7))
        assert sessions.load(db, BOOK, friday.date) == replace(moved, state="CLOSED")
        sessions.save(db, BOOK, monday, AT)
        assert sessions.current(db, BOOK) == monday
        assert sessions.load(db, BOOK, date(2026, 3, 19)) is None


def test_the_first_fill_of_a_symbol_locks_what_is_not_there_yet(database: Database) -> None:
    """Two first fills at once: without a row there was nothing to lock, and one was lost."""
    first, second = Position("AAPL", Decimal(4)), Decimal(6)

    def add(quantity: Decimal) -> None:
        with database.begin() as db:
            positions.begin(db, BOOK, "AAPL", AT)
            held = positions.load(db, BOOK, lock=True)["AAPL"]
            positions.save(db, BOOK, replace(held, quantity=held.quantity + quantity), AT)

    with ThreadPoolExecutor(1) as pool:
        with database.begin() as db:
            positions.begin(db, BOOK, "AAPL", AT)
            positions.load(db, BOOK, lock=True)
            waiting = pool.submit(add, second)
            with suppress(TimeoutError):
                waiting.result(timeout=0.3)
            positions.save(db, BOOK, first, AT)
        waiting.result(timeout=10)
    with database.begin() as db:
        assert positions.load(db, BOOK)["AAPL"].quantity == 10
