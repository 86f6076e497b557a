"""Leases: one holder, rising fences, free again at once when the holder dies."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.process import BaseProcess
from typing import Any

import pytest
from sqlalchemy import text
from store_builders import BOOK, a_guard, an_active_book, an_order, the_only

from app.engine.errors import Transient
from app.engine.orders import OrderState
from app.io import locks
from app.io.locks import Lease, Leases, alone, beat_lock
from app.io.store import orders
from app.io.store.database import Database

FORK = multiprocessing.get_context("fork")
EXPIRE = "UPDATE leases SET expires_wall = clock_timestamp() - interval '1 second' RETURNING fence"


@pytest.fixture
def other(database_url: str) -> Iterator[Leases]:
    """Another process's leases, as far as the server can tell."""
    database = Database(database_url, "other")
    leases = Leases(database, "other")
    yield leases
    leases.close()
    database.dispose()


@pytest.fixture
def mine(database: Database) -> Iterator[Leases]:
    leases = Leases(database, "me")
    yield leases
    leases.close()


def _held(database: Database, lease: Lease) -> bool:
    with database.begin() as db:
        return locks.held(db, lease)


def _taken(leases: Leases, ttl_s: float = 15) -> Lease:
    lease = leases.acquire("trader", BOOK, ttl_s)
    assert lease is not None
    return lease


def test_one_holder(database: Database, mine: Leases, other: Leases) -> None:
    lease = _taken(mine)
    assert other.acquire("trader", BOOK) is None
    assert other.acquire("trader", "another book") is not None
    assert other.acquire("another name", BOOK) is not None
    assert _held(database, lease)


def test_a_released_lease_is_free_and_its_fence_goes_on(
    database: Database, mine: Leases, other: Leases
) -> None:
    lease = _taken(mine)
    mine.release(lease)
    assert not _held(database, lease)
    assert not mine.renew(lease)
    assert _taken(other).fence == lease.fence + 1


def test_an_expired_lease_is_taken_over_and_its_owner_is_refused(
    database: Database, mine: Leases, other: Leases
) -> None:
    lease = _taken(mine)
    the_only(database, EXPIRE)
    assert not _held(database, lease)
    assert not mine.renew(lease)
    successor = _taken(other)
    assert successor.fence == lease.fence + 1
    mine.release(lease)
    assert _held(database, successor)


def test_renewal_moves_the_end(database: Database, mine: Leases) -> None:
    lease = _taken(mine, ttl_s=15)
    left = "SELECT extract(epoch FROM expires_wall - renewed_wall)::float FROM leases"
    assert the_only(database, left) == pytest.approx(15, abs=0.1)
    assert mine.renew(lease, ttl_s=60)
    assert the_only(database, left) == pytest.approx(60, abs=0.1)


def test_taking_ones_own_again_outdates_the_first(database: Database, mine: Leases) -> None:
    first, second = _taken(mine), _taken(mine)
    assert second.fence == first.fence + 1
    assert not _held(database, first)
    assert _held(database, second)


def test_a_paused_old_owner_can_send_nothing(
    database: Database, mine: Leases, other: Leases
) -> None:
    """It took the lease, was paused past its end, wakes up, and its write is refused."""
    an_active_book(database)
    with database.begin() as db:
        orders.insert(db, an_order(), "alpaca")
    paused = _taken(mine)
    the_only(database, EXPIRE)
    successor = _taken(other)
    with database.begin() as db:
        assert not orders.start_submit(db, "c1", paused, a_guard())
        assert orders.start_submit(db, "c1", successor, a_guard())
        started = orders.get(db, "c1")
    assert started is not None
    assert (started.state, started.fence) == (OrderState.SUBMITTING, successor.fence)


def test_threads_of_one_process_exclude_each_other(mine: Leases) -> None:
    gate = FORK.Barrier(1)
    inside: list[int] = []

    def work(n: int) -> bool:
        with mine.hold("trader", BOOK) as lease:
            if lease is None:
                return False
            inside.append(n)
            assert inside == [n]
            gate.wait(1)
            inside.remove(n)
            return True

    with ThreadPoolExecutor(20) as pool:
        assert any(pool.map(work, range(200)))


def test_hold_gives_back_whatever_happens(mine: Leases, other: Leases) -> None:
    def fail() -> None:
        with mine.hold("trader", BOOK) as lease:
            assert lease is not None
            with mine.hold("trader", BOOK) as second:
                assert second is None
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with other.hold("trader", BOOK) as lease:
        assert lease is not None
        with mine.hold("trader", BOOK) as second:
            assert second is None


def _race(url: str, barrier: Any, won: Any, done: Any) -> None:
    leases = Leases(Database(url, "racer"), "racer")  # one name for all: sessions tell them apart
    barrier.wait()
    lease = leases.acquire("trader", BOOK)
    won.put(lease.fence if lease else 0)
    done.wait(60)


def test_twenty_processes_race_for_a_lease(database_url: str) -> None:
    barrier, won, done = FORK.Barrier(20), FORK.Queue(), FORK.Event()
    racers = [
        FORK.Process(target=_race, args=(database_url, barrier, won, done), daemon=True)
        for _ in range(20)
    ]
    for racer in racers:
        racer.start()
    fences = sorted(won.get(timeout=60) for _ in racers)
    done.set()
    for racer in racers:
        racer.join(30)
    assert fences == [0] * 19 + [1]


def _take_and_sleep(url: str, ready: Any) -> None:
    leases = Leases(Database(url, "victim"), "victim")
    ready.put(leases.acquire("trader", BOOK, ttl_s=3600))
    signal.pause()


def _victim(url: str) -> tuple[BaseProcess, Lease]:
    ready = FORK.Queue()
    process = FORK.Process(target=_take_and_sleep, args=(url, ready), daemon=True)
    process.start()
    return process, ready.get(timeout=30)


def test_a_killed_holder_is_replaced_without_waiting_for_the_end(
    database: Database, database_url: str, mine: Leases
) -> None:
    victim, lease = _victim(database_url)
    assert mine.acquire("trader", BOOK) is None
    os.kill(victim.pid or 0, signal.SIGKILL)
    victim.join(30)
    with database.begin() as db:
        for _ in range(100):  # a second at most, of an hour's lease
            if (successor := mine.acquire("trader", BOOK)) is not None:
                break
            db.execute(text("SELECT pg_sleep(0.01)"))
    assert successor is not None
    assert successor.fence == lease.fence + 1
    assert not _held(database, lease)


def test_a_stopped_holder_keeps_its_lease(database_url: str, mine: Leases) -> None:
    victim, _ = _victim(database_url)
    os.kill(victim.pid or 0, signal.SIGSTOP)
    try:
        assert mine.acquire("trader", BOOK) is None
    finally:
        os.kill(victim.pid or 0, signal.SIGKILL)
        victim.join(30)


def test_a_lost_connection_is_made_anew(database: Database, mine: Leases, other: Leases) -> None:
    lease = _taken(mine)
    the_only(database, f"SELECT pg_terminate_backend({lease.backend_pid}, 5000)")
    with pytest.raises(Transient):
        mine.renew(lease)
    assert mine.renew(lease)
    assert other.acquire("trader", BOOK) is None


def test_a_key_runs_alone_until_its_block_ends(database: Database, database_url: str) -> None:
    other = Database(database_url, "other")
    with database.keep(), other.keep():
        with alone(database, "us:quotes") as first, alone(other, "us:quotes") as second:
            assert (first, second) == (True, False)
            with alone(other, "kr:quotes") as elsewhere:
                assert elsewhere
        with alone(other, "us:quotes") as after:
            assert after
    other.dispose()


def test_a_key_is_free_when_its_session_is_gone(database: Database, database_url: str) -> None:
    other = Database(database_url, "other")
    with database.keep(), alone(database, "us:quotes") as first:
        assert first
        with database.begin() as db:
            pid = db.scalar(text("SELECT pg_backend_pid()"))
        the_only(other, f"SELECT pg_terminate_backend({pid}, 5000)")
    with other.keep(), alone(other, "us:quotes") as second:
        assert second
    other.dispose()


def test_a_second_beat_waits_until_the_first_is_gone(database: Database) -> None:
    first = beat_lock(database)
    assert first is not None
    assert beat_lock(database) is None
    assert first.alive()
    first.close()
    second = beat_lock(database)
    assert second is not None
    second.close()


def test_a_beat_notices_that_its_session_is_gone(database: Database) -> None:
    lock = beat_lock(database)
    assert lock is not None
    mine = f"SELECT pid FROM pg_stat_activity WHERE application_name = 'beat-lock-{os.getpid()}'"
    the_only(database, f"SELECT pg_terminate_backend(({mine}), 5000)")
    assert not lock.alive()
    assert not lock.alive()
    lock.close()
    successor = beat_lock(database)
    assert successor is not None
    assert successor.alive()
    successor.close()
