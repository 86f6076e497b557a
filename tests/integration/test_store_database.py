"""Connections are bounded, come back whatever a task does, and fail with named errors."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from store_builders import the_only

from app.engine.errors import InvalidData, Transient
from app.io.store.database import Database

OURS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'test-%'"

SLOT = sa.text("INSERT INTO task_slots VALUES ('b', 't', 1, 'me', now(), null, 'running')")


@contextmanager
def _watching(database_url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(database_url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


def test_connections_come_back_when_a_task_fails_a_thousand_times(
    database: Database, database_url: str
) -> None:
    def task() -> None:
        with database.begin() as db:
            db.execute(sa.text("SELECT 1"))
            raise ZeroDivisionError

    with _watching(database_url) as watch:
        for _ in range(1000):
            with pytest.raises(ZeroDivisionError):
                task()
        assert watch.execute(sa.text(OURS)).scalar_one() <= 3
    assert the_only(database, "SELECT 1") == 1


def test_forty_threads_share_three_connections(database: Database, database_url: str) -> None:
    counted: list[int] = []

    def work() -> None:
        with database.begin() as db:
            counted.append(db.execute(sa.text(OURS)).scalar_one())

    threads = [threading.Thread(target=work) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counted) == 40
    assert max(counted) <= 3


def test_an_error_rolls_everything_back(database: Database) -> None:
    def task() -> None:
        with database.begin() as db:
            db.execute(SLOT)
            raise KeyError

    with pytest.raises(KeyError):
        task()
    assert the_only(database, "SELECT count(*) FROM task_slots") == 0


def test_a_connection_that_was_cut_while_idle_is_replaced(
    database: Database, database_url: str
) -> None:
    pid = the_only(database, "SELECT pg_backend_pid()")
    with _watching(database_url) as watch:
        watch.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    assert the_only(database, "SELECT pg_backend_pid()") != pid


def test_a_connection_that_is_cut_in_the_middle_is_transient(
    database: Database, database_url: str
) -> None:
    def task() -> None:
        with database.begin() as db, _watching(database_url) as watch:
            pid = db.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
            watch.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            db.execute(sa.text("SELECT 1"))

    with pytest.raises(Transient, match=r"^database: [^\n]+$"):
        task()
    assert the_only(database, "SELECT 1") == 1


def test_a_lock_that_is_not_given_is_transient(database: Database) -> None:
    def task() -> None:
        with database.begin() as db:
            db.execute(sa.text("SET LOCAL lock_timeout = '50ms'"))
            db.execute(sa.text("LOCK TABLE task_slots IN ACCESS EXCLUSIVE MODE"))

    with database.begin() as first:
        first.execute(sa.text("LOCK TABLE task_slots IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(Transient, match="lock timeout"):
            task()


def test_a_broken_constraint_is_not_transient(database: Database) -> None:
    def task() -> None:
        with database.begin() as db:
            db.execute(SLOT)

    task()
    with pytest.raises(sa.exc.IntegrityError):
        task()


def test_nobody_there_is_transient_and_tells_no_password() -> None:
    database = Database("postgresql://me:secret@127.0.0.1:1/none", "test")
    with pytest.raises(Transient) as told, database.begin():
        pass
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("url", ["", "sqlite:///x", "secret", "redis://me:secret@here"])
def test_another_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InvalidData, match="DATABASE_URL is not a PostgreSQL URL") as told:
        Database(url, "test")
    assert "secret" not in str(told.value)


def test_every_session_has_its_time_outs_and_its_name(database: Database) -> None:
    shown = {
        name: the_only(database, f"SHOW {name}")
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    }
    assert list(shown.values()) == ["10s", "5s", "15s"]
    assert the_only(database, "SHOW timezone") == "UTC"
    assert the_only(database, "SHOW application_name") == f"test-{os.getpid()}"


def test_a_task_may_keep_one_connection(database: Database, database_url: str) -> None:
    one = "SELECT pg_backend_pid()"
    with _watching(database_url) as watch, database.keep(), database.keep():
        pid = the_only(database, one)
        with pytest.raises(sa.exc.IntegrityError):
            _twice(database)
        assert the_only(database, "SELECT count(*) FROM task_slots") == 0
        assert the_only(database, one) == pid
        watch.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
        with pytest.raises(Transient):
            the_only(database, one)
        assert the_only(database, one) != pid
    with database.begin() as first, database.begin() as second:
        assert first is not second


def _twice(database: Database) -> None:
    with database.begin() as db:
        db.execute(SLOT)
        db.execute(SLOT)


def _in_child(database: Database, answers: "multiprocessing.Queue[tuple[int, int]]") -> None:
    database.dispose(close=False)
    mine = the_only(database, "SELECT pg_backend_pid()")
    again = the_only(database, "SELECT pg_backend_pid()")
    answers.put((mine, again))


def test_a_forked_child_has_connections_of_its_own(database: Database) -> None:
    parent = the_only(database, "SELECT pg_backend_pid()")
    fork = multiprocessing.get_context("fork")
    answers: multiprocessing.Queue[tuple[int, int]] = fork.Queue()
    child = fork.Process(target=_in_child, args=(database, answers), daemon=True)
    child.start()
    mine, again = answers.get(timeout=30)
    child.join(30)
    assert child.exitcode == 0
    assert parent not in (mine, again)
    assert mine == again
    assert the_only(database, "SELECT pg_backend_pid()") == parent


def _hold_and_wait(database: Database, ready: "multiprocessing.Queue[int]") -> None:
    with database.begin() as db:
        ready.put(db.execute(sa.text("SELECT pg_backend_pid()")).scalar_one())
        signal.pause()


def test_a_killed_process_leaves_no_connection(database: Database, database_url: str) -> None:
    fork = multiprocessing.get_context("fork")
    ready: multiprocessing.Queue[int] = fork.Queue()
    child = fork.Process(target=_hold_and_wait, args=(database, ready), daemon=True)
    child.start()
    backend = ready.get(timeout=30)
    child.kill()
    child.join(30)
    gone = sa.text("SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = :pid")
    with _watching(database_url) as watch:
        for _ in range(200):
            if watch.execute(gone, {"pid": backend}).scalar_one():
                return
            watch.execute(sa.text("SELECT pg_sleep(0.05)"))
    pytest.fail("the backend outlived its client")
