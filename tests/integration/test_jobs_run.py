"""A slot runs once: claimed, late, failing, broken, and with twenty processes after it."""

import multiprocessing
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.config.fingerprint import fingerprint
from app.engine.errors import Transient
from app.engine.ids import slot_of
from app.io.store import book_states, overrides, settings_log
from app.io.store.database import Database
from app.io.store.schema import task_slots
from app.jobs import root, worker
from app.jobs.run import run_nudged, run_slot
from app.pipeline.services import Services

BOOK = "us_baskets"
NOW = datetime(2026, 3, 20, 15, 0, tzinfo=UTC)
EVERY = timedelta(seconds=15)
SLOT = slot_of(NOW, EVERY)


@dataclass(frozen=True)
class Standing:
    """A market's clock that stands."""

    at: datetime = NOW
    speed: float = 1.0

    def now(self) -> datetime:
        return self.at


def forget() -> None:
    root.forget_connections()
    root.settings.cache_clear()
    root.celery.cache_clear()
    root.sender.cache_clear()
    root.database.cache_clear()


@pytest.fixture
def logged() -> list[tuple[str, dict[str, object]]]:
    return []


@pytest.fixture
def to(
    database_url: str,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    logged: list[tuple[str, dict[str, object]]],
) -> Iterator[Services]:
    """What the composition root wires, but for a standing clock and a log to read."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", redis_url.partition("?")[0])
    monkeypatch.setenv("ALPACA_API_KEY", "k")
    monkeypatch.setenv("ALPACA_SECRET_KEY", "s")
    forget()
    wired = replace(
        root.services(BOOK), clock=Standing(), log=lambda event, **f: logged.append((event, f))
    )
    with wired.database.begin() as db:
        book_states.ensure(db, wired.book, wired.settings, NOW)
    yield wired
    root.leases().close()
    root.streams(BOOK).close()
    wired.database.dispose()
    forget()


def rows(database: Database) -> list[tuple[int, str, str | None]]:
    query = sa.select(task_slots.c.slot, task_slots.c.status, task_slots.c.detail)
    with database.begin() as db:
        return [tuple(row) for row in db.execute(query.order_by(task_slots.c.slot))]


def run(to: Services, slot: int, ran: list[int]) -> None:
    def step(to: Services) -> str:
        ran.append(slot)
        return f"run {len(ran)}"

    run_slot(to, "reconcile", slot, EVERY, step)


def test_a_second_claim_does_nothing(to: Services) -> None:
    ran: list[int] = []
    for _ in range(3):
        run(to, SLOT, ran)
    assert ran == [SLOT]
    assert rows(to.database) == [(SLOT, "done", "run 1")]


def test_a_slot_more_than_one_interval_old_is_skipped_and_counted(to: Services) -> None:
    ran: list[int] = []
    for slot in range(SLOT - 19, SLOT + 1):
        run(to, slot, ran)
    assert ran == [SLOT - 1, SLOT]
    assert Counter(status for _, status, _ in rows(to.database)) == {"skipped": 18, "done": 2}
    assert rows(to.database)[0] == (SLOT - 19, "skipped", "19 slots late")


def test_an_error_with_a_name_is_written_down_and_told_once(
    to: Services, logged: list[tuple[str, dict[str, object]]]
) -> None:
    def step(to: Services) -> str:
        raise Transient("the broker is away")

    run_slot(to, "reconcile", SLOT, EVERY, step)
    assert rows(to.database) == [(SLOT, "failed", "the broker is away")]
    [_, (event, fields)] = logged  # what is in force is told first
    assert event == "task_failed"
    assert fields == {
        "book": BOOK,
        "task": "reconcile",
        "error": "Transient",
        "why": "the broker is away",
    }


def test_a_defect_is_written_down_and_raised(to: Services) -> None:
    def step(to: Services) -> str:
        raise ZeroDivisionError("with a secret in it")

    with pytest.raises(ZeroDivisionError):
        run_slot(to, "reconcile", SLOT, EVERY, step)
    assert rows(to.database) == [(SLOT, "failed", "defect: ZeroDivisionError")]
    with pytest.raises(ZeroDivisionError):
        run_nudged(to, "reconcile", step)


def test_a_failed_slot_is_not_tried_again(to: Services) -> None:
    def step(to: Services) -> str:
        raise Transient("away")

    ran: list[int] = []
    run_slot(to, "reconcile", SLOT, EVERY, step)
    run(to, SLOT, ran)
    assert ran == []


def test_a_database_that_is_away_is_a_line_not_a_traceback(
    to: Services, logged: list[tuple[str, dict[str, object]]]
) -> None:
    away = Database("postgresql+psycopg2://nobody@/none?host=/nowhere", "test")
    ran: list[int] = []
    run(replace(to, database=away), SLOT, ran)
    assert ran == []
    assert [event for event, _ in logged] == ["task_failed"]


def test_a_changed_setting_reaches_the_next_task_of_a_running_process(to: Services) -> None:
    seen: list[Services] = []

    def step(to: Services) -> str:
        seen.append(to)
        return "seen"

    for slot, name in enumerate(("QUOTE_RESERVE_FALLBACK", "GONE"), start=SLOT):
        run_slot(to, "reconcile", slot - 1, EVERY, step)
        with to.database.begin() as db:
            overrides.set(db, BOOK, name, "0", f"rollback:{name}", at=NOW)
    run_slot(to, "check_exits", SLOT, EVERY, step)
    before, after, left_out = seen
    assert before.settings == fingerprint(root.settings())
    assert before.book == root.settings().book(BOOK)
    assert after.book.rate_limits["quotes.reserve"].capacity == 0
    assert left_out.book == after.book
    with to.database.begin() as db:
        entry = settings_log.newest(db, BOOK)
    assert entry is not None
    assert (entry.fingerprint, entry.commit) == (after.settings, to.commit)
    assert entry.values["QUOTE_RESERVE_FALLBACK"] == "0"


def test_one_tasks_slot_is_not_anothers(to: Services) -> None:
    ran: list[int] = []
    run(to, SLOT, ran)
    run_slot(to, "check_exits", SLOT, EVERY, lambda to: "ran")
    assert [status for _, status, _ in rows(to.database)] == ["done", "done"]


def race(ran: Path) -> None:
    """Fork twenty processes that race; done by a process without threads, which may fork."""
    worker.preload()
    fork = multiprocessing.get_context("fork")
    start = fork.Barrier(20)

    def step(to: Services) -> str:
        with ran.open("a") as file:
            file.write("ran\n")
        return "ran"

    def racer() -> None:
        to = replace(root.services(BOOK), clock=Standing())
        start.wait(60)
        run_slot(to, "reconcile", SLOT, EVERY, step)

    racers = [fork.Process(target=racer) for _ in range(20)]
    for process in racers:
        process.start()
    for process in racers:
        process.join(60)
    sys.exit(sum(process.exitcode != 0 for process in racers))


def test_of_twenty_processes_that_race_for_a_slot_one_runs_it(to: Services, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    alone = multiprocessing.get_context("spawn").Process(target=race, args=(ran,))
    alone.start()
    alone.join(120)
    assert alone.exitcode == 0
    assert ran.read_text() == "ran\n"
    assert rows(to.database) == [(SLOT, "done", "ran")]
