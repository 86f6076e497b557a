"""Settings changed on a running book: seen by the next task, written down, ended when wrong."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pipeline_market import MINUTE, NOON, SECOND
from pipeline_world import World, world_of

from app.engine.book import Book
from app.engine.experiments import Experiment, State
from app.engine.ids import slot_of
from app.io.store import experiments, overrides, settings_log
from app.io.store.overrides import Override
from app.jobs.run import run_nudged, run_slot
from app.pipeline import cycle, in_force
from app.pipeline.services import Services

EVERY = 15 * SECOND


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path) as made:
        yield made


def change(world: World, source: str, until: timedelta | None = None, **values: str) -> None:
    now = world.market.at
    with world.to.database.begin() as db:
        for name, value in values.items():
            ends = None if until is None else now + until
            overrides.set(db, world.book.id, name, value, source, at=now, until=ends)


def given(world: World, to: Services | None = None) -> Services:
    """Run a task and return the services that its step was given."""
    seen: list[Services] = []

    def step(to: Services) -> str:
        seen.append(to)
        return "seen"

    run_nudged(to or world.to, "a_task", step)
    return seen[0]


def active(world: World) -> list[Override]:
    with world.to.database.begin() as db:
        return overrides.active(db, world.book.id, world.market.at)


def log(world: World) -> list[tuple[str, str]]:
    with world.to.database.begin() as db:
        rows = db.exec_driver_sql("SELECT fingerprint, why FROM settings_log ORDER BY id")
        return [(row.fingerprint, row.why) for row in rows]


def test_a_change_reaches_the_next_task_of_every_worker_and_ends_in_time(world: World) -> None:
    other = world.worker()
    assert given(world).book == given(world, other).book == world.book
    change(world, "experiment:calm", until=MINUTE, CUTOFF_DELTA="-0.03", MAX_POSITIONS="2")
    for to in (world.to, other):
        book = given(world, to).book
        assert (book.signals.cutoff_delta, book.risk.max_positions) == (-0.03, 2)
        assert book.broker == world.book.broker
    world.wait(MINUTE)
    for to in (world.to, other):
        assert given(world, to).book == world.book
        assert given(world, to).settings == "fingerprint"
    changed = log(world)[1][0]
    assert log(world) == [
        ("fingerprint", "the settings of the start"),
        (changed, "experiment:calm"),
        ("fingerprint", "the settings of the start"),
    ]


def test_a_step_sees_one_book_whatever_is_changed_meanwhile(world: World) -> None:
    seen: list[Book] = []

    def step(to: Services) -> str:
        change(world, "experiment:calm", MAX_POSITIONS="2")
        seen.append(to.book)
        return "seen"

    run_slot(world.to, "a_task", slot_of(NOON, EVERY), EVERY, step)
    assert [book.risk.max_positions for book in seen] == [4]
    assert given(world).book.risk.max_positions == 2


def test_verdicts_bear_the_fingerprint_of_what_was_in_force(world: World) -> None:
    assert world.open() == "TRADING"
    change(world, "experiment:calm", MAX_POSITIONS="1")
    world.signal("AAPL")
    run_nudged(world.to, "pipeline_e2e", cycle.run)
    fingerprint = given(world).settings
    assert fingerprint != "fingerprint"
    with world.to.database.begin() as db:
        said = set(db.exec_driver_sql("SELECT settings FROM verdicts").scalars())
        limit = db.exec_driver_sql("SELECT \"limit\" FROM verdicts WHERE gate = 'positions'")
        assert said == {fingerprint}
        assert limit.scalar_one() == "1"
        entry = settings_log.newest(db, world.book.id)
    assert entry is not None
    assert (entry.fingerprint, entry.values["MAX_POSITIONS"]) == (fingerprint, "1")


def test_the_buckets_follow(world: World) -> None:
    bucket = "quotes.tier_b"
    assert world.to.buckets.take(bucket, world.market.at).tokens_left > 9_000
    change(world, "tiers", TIER_B_CALLS="2")
    buckets = given(world).buckets
    answers = [buckets.take(bucket, world.market.at).allowed for _ in range(3)]
    assert answers == [True, True, False]


def test_of_several_sources_the_strongest_is_in_force(world: World) -> None:
    change(world, "rollback:old", MIXER_COOLDOWN_SECONDS="150")
    world.wait(SECOND)
    change(world, "experiment:calm", MIXER_COOLDOWN_SECONDS="60", MAX_POSITIONS="2")
    change(world, "tiers", MIXER_COOLDOWN_SECONDS="30", MAX_POSITIONS="3")
    book = given(world).book
    assert book.signals.cooldown == timedelta(seconds=150)
    assert book.risk.max_positions == 2
    with world.to.database.begin() as db:
        assert overrides.drop(db, world.book.id, "rollback:old", world.market.at) == 1
        assert overrides.drop(db, world.book.id, "rollback:old", world.market.at) == 0
    assert given(world).book.signals.cooldown == timedelta(seconds=60)


def test_what_is_not_valid_any_more_is_left_out_told_once_and_ended(world: World) -> None:
    now = world.market.at
    running = Experiment(
        "calm", State.RUNNING, {}, "", "a test", started_at=now, until_at=now + MINUTE
    )
    with world.to.database.begin() as db:
        assert experiments.start(db, world.book.id, running)
    change(world, "rollback:old", MIXER_COOLDOWN_SECONDS="150", GONE_SECONDS="1")
    change(world, "experiment:calm", MAX_POSITIONS="2", CUTOFF_DELTA="-0.5")
    change(world, "tiers", TIER_A_TICKERS="NVDA,AMZN")
    for to in (world.to, world.worker()):
        book = given(world, to).book
        assert book.signals.cooldown == timedelta(seconds=150)
        assert book == replace(world.book, signals=book.signals)
    assert [(o.name, o.source) for o in active(world)] == [
        ("MIXER_COOLDOWN_SECONDS", "rollback:old")
    ]
    assert world.logged.count("override_ignored") == 3
    with world.to.database.begin() as db:
        [ended] = experiments.newest(db, world.book.id)
    assert ended.state is State.STOPPED
    assert "CUTOFF_DELTA" in (ended.ended_why or "")
    assert "\n" not in (ended.ended_why or "")


def test_a_process_that_was_started_with_others_notes_it(world: World) -> None:
    given(world)
    restarted = world.worker(settings="another", commit="c0ffee")
    original = restarted.rebook
    restarted = replace(
        restarted, rebook=lambda changes: replace(original(changes), fingerprint="another")
    )
    for _ in range(2):
        in_force.current(restarted)
    assert [name for name, _ in log(world)] == ["fingerprint", "another"]
    with world.to.database.begin() as db:
        before = settings_log.newest(db, world.book.id, world.market.at - SECOND)
        newest = settings_log.newest(db, world.book.id)
    assert before is None
    assert newest is not None
    assert newest.commit == "c0ffee"
