"""Task slots, the book's state, commands, recoveries and reports."""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from store_builders import AT, BOOK, the_only

from app.config.loading import load
from app.engine.book import Book, BookStatus, Mode
from app.engine.errors import InvalidData
from app.engine.state import BasketEvidence, BookState, LastSignal
from app.io.store import book_states, commands, recovery, reports, status_log, task_slots
from app.io.store.database import Database
from app.io.store.recovery import Difference

LATER = AT + timedelta(minutes=5)


def a_book(**changes: object) -> Book:
    """The book that ships with the project."""
    shipped = load({}, env_file=Path("no-such.env")).book(BOOK)
    return replace(shipped, **changes)


def test_a_slot_runs_once(database: Database) -> None:
    with database.begin() as db:
        assert task_slots.claim(db, BOOK, "quotes", 7, "me")
        assert not task_slots.claim(db, BOOK, "quotes", 7, "me")
        assert not task_slots.skip(db, BOOK, "quotes", 7, "me")
        assert task_slots.claim(db, BOOK, "quotes", 8, "me")
        assert task_slots.claim(db, BOOK, "signals", 7, "me")
        assert task_slots.claim(db, "other", "quotes", 7, "me")


def test_twenty_threads_race_for_a_slot(database: Database) -> None:
    def claim(owner: int) -> bool:
        with database.begin() as db:
            return task_slots.claim(db, BOOK, "quotes", 7, str(owner))

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(claim, range(20))) == 1


def _claims(url: str, barrier: object, won: "multiprocessing.Queue[int]") -> None:
    database = Database(url, "racer")
    barrier.wait()  # type: ignore[attr-defined]
    count = 0
    for slot in range(20):
        with database.begin() as db:
            count += task_slots.claim(db, BOOK, "quotes", slot, "me")
    won.put(count)


def test_eight_processes_race_for_twenty_slots(database_url: str) -> None:
    fork = multiprocessing.get_context("fork")
    barrier, won = fork.Barrier(8), fork.Queue()
    racers = [
        fork.Process(target=_claims, args=(database_url, barrier, won), daemon=True)
        for _ in range(8)
    ]
    for racer in racers:
        racer.start()
    assert sum(won.get(timeout=60) for _ in racers) == 20
    for racer in racers:
        racer.join(30)


def test_ends_and_overlaps_are_noted(database: Database) -> None:
    with database.begin() as db:
        for slot in range(3):
            task_slots.claim(db, BOOK, "quotes", slot, "me")
        task_slots.finish(db, BOOK, "quotes", 0, "done")
        task_slots.finish(db, BOOK, "quotes", 1, "failed", "database: gone")
        assert task_slots.skip(db, BOOK, "quotes", 9, "me", "the run before has not ended")
        task_slots.claim(db, "other", "quotes", 1, "me")
        rows = db.exec_driver_sql(
            "SELECT slot, status FROM task_slots WHERE book = %s ORDER BY slot", (BOOK,)
        ).all()
    assert rows == [(0, "done"), (1, "failed"), (2, "running"), (9, "skipped")]
    detail = "SELECT detail FROM task_slots WHERE status = 'failed'"
    assert the_only(database, detail) == "database: gone"


def test_a_book_starts_active_and_stays_what_it_was_set_to(database: Database) -> None:
    book = a_book()
    with database.begin() as db:
        book_states.ensure(db, book, "f00d", AT)
        first = book_states.load(db, BOOK)
        assert (first.status, first.set_by, first.set_at) == (BookStatus.ACTIVE, "start", AT)
        assert (first.engine, first.reconciled_at) == (BookState(), None)
        book_states.set_status(db, BOOK, BookStatus.HALTED, "rate fuse", "guard", LATER)
        book_states.set_reconciled(db, BOOK, LATER)
        book_states.ensure(db, book, "beef", LATER)
        row = book_states.lock(db, BOOK)
    assert (row.status, row.why, row.set_by) == (BookStatus.HALTED, "rate fuse", "guard")
    assert (row.set_at, row.reconciled_at) == (LATER, LATER)
    with database.begin() as db:
        told = status_log.since(db, BOOK, AT)
    assert [(e.at, e.status, e.set_by) for e in told] == [
        (AT, BookStatus.ACTIVE, "start"),
        (LATER, BookStatus.HALTED, "guard"),
    ]
    assert the_only(database, "SELECT settings FROM book_states") == "beef"


def test_what_the_engine_remembers_comes_back(database: Database) -> None:
    state = BookState(
        {"NVDA": LastSignal(AT, -1)},
        {"SEMIS": BasketEvidence({"NVDA": (AT, -0.31, "s1")}, streak=2, last_tick=9)},
        {"SOXS": LATER},
    )
    with database.begin() as db:
        book_states.ensure(db, a_book(), "f00d", AT)
        book_states.save_engine(db, BOOK, state)
        assert book_states.load(db, BOOK).engine == state


def test_paper_and_real_do_not_share_a_database(database: Database) -> None:
    with database.begin() as db:
        book_states.ensure(db, a_book(), "f00d", AT)
        with pytest.raises(InvalidData, match="us_baskets is PAPER in this database and REAL"):
            book_states.ensure(db, a_book(mode=Mode.REAL), "f00d", AT)


def test_a_book_that_never_started_is_named(database: Database) -> None:
    with database.begin() as db:
        with pytest.raises(InvalidData, match="book nobody was never started"):
            book_states.load(db, "nobody")
        with pytest.raises(InvalidData, match="book nobody was never started"):
            book_states.set_reconciled(db, "nobody", AT)


def test_a_command_is_carried_out_once(database: Database) -> None:
    with database.begin() as db:
        first = commands.ask(db, BOOK, "halt", {"flatten": True}, "operator", "news")
        second = commands.ask(db, BOOK, "sync", {}, "api", "on demand")
        commands.ask(db, "other", "sync", {}, "api", "on demand")
    with database.begin() as one, database.begin() as two:
        assert commands.waiting(one, BOOK, {"halt", "sync"}) == [first, second]
        assert commands.waiting(one, BOOK, {"halt"}) == [first]
        taken = commands.take(one, first)
        assert taken is not None
        assert taken.arguments == {"flatten": True}
        assert (taken.asked_by, taken.why, taken.result) == ("operator", "news", None)
        assert commands.take(two, first) is None
        commands.done(one, first, "halted")
    with database.begin() as db:
        assert commands.waiting(db, BOOK, {"halt", "sync"}) == [second]
        later = commands.overtaken(db, taken, {"halt", "sync"})
        assert later is not None
        assert later.id == second
        assert commands.withdraw(db, second)
        assert commands.overtaken(db, taken, {"halt", "sync"}) is None
        carried_out = commands.get(db, first)
        assert carried_out is not None
        assert carried_out.result == "halted"
        assert carried_out.done_wall is not None
        assert commands.get(db, 999) is None


def test_differences_are_kept_in_order(database: Database) -> None:
    first = Difference(AT, "position", "SOXS", "10", "12", "adopted 12")
    second = Difference(LATER, "order", "c1", None, "FILLED", "adopted")
    with database.begin() as db:
        recovery.add(db, BOOK, second)
        recovery.add(db, BOOK, first)
        assert recovery.listing(db, BOOK) == [first, second]
        assert recovery.listing(db, BOOK, LATER) == [second]
        assert recovery.known(db, BOOK, first)
        assert not recovery.known(db, "other", first)


def test_a_report_is_replaced_by_its_newest(database: Database) -> None:
    day = date(2026, 3, 20)
    with database.begin() as db:
        assert reports.load(db, BOOK, day, "end_of_day") is None
        reports.save(db, BOOK, day, "end_of_day", {"pnl": Decimal("1.10")}, "<p>1</p>")
        reports.save(db, BOOK, day, "end_of_day", {"pnl": Decimal("2.20")}, "<p>2</p>")
        reports.save(db, BOOK, day, "briefing", {}, "")
        report = reports.load(db, BOOK, day, "end_of_day")
    assert report is not None
    assert (report.body, report.html) == ({"pnl": "2.2"}, "<p>2</p>")
