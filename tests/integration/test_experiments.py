"""Guarded experiments: asked for, in force, ended in time, rolled back by what they did."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pipeline_market import MINUTE, SECOND, D
from pipeline_world import World, world_of

from app.engine.book import Book
from app.engine.experiments import Experiment, State
from app.engine.ids import slot_of
from app.engine.orders import Purpose
from app.io.store import commands, experiments, overrides
from app.jobs.run import run_nudged
from app.pipeline import experiments as steps
from app.pipeline import history, in_force, quotes, signals
from app.pipeline.services import Services

TICK = 30 * SECOND
BOOK = "us_baskets"
MONDAY_CLOSE = datetime(2026, 3, 23, 20, 0, tzinfo=UTC)


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path) as made:
        made.market.drift = {"AAPL": 0.0008}
        assert made.open() == "TRADING"
        yield made


def watch(world: World, to: Services | None = None) -> None:
    run_nudged(to or world.to, "watch_experiment", steps.watch)


def asked(world: World, kind: str, to: Services | None = None, **arguments: Any) -> str:
    """Ask for a command as the command line does, let a worker carry it out, return the result."""
    with world.to.database.begin() as db:
        number = commands.ask(db, BOOK, f"experiment.{kind}", arguments, "operator", "to see")
    watch(world, to)
    with world.to.database.begin() as db:
        command = commands.get(db, number)
    assert command is not None
    assert command.result is not None
    return command.result


def started(world: World, name: str = "looser", **arguments: Any) -> str:
    changes = arguments.pop("changes", {"CUTOFF_DELTA": "-0.03"})
    ends = arguments or {"sessions": 1}
    return asked(world, "start", name=name, changes=changes, **ends)


def newest(world: World) -> Experiment:
    with world.to.database.begin() as db:
        return experiments.newest(db, BOOK, 1)[0]


def book(world: World, to: Services | None = None) -> Book:
    return in_force.current(to or world.to).book


def held(world: World) -> dict[str, tuple[str, str]]:
    with world.to.database.begin() as db:
        return {o.name: (o.value, o.source) for o in overrides.standing(db, BOOK)}


def test_start_and_stop_are_rows_and_messages(world: World) -> None:
    assert started(world) == "started: looser runs until 2026-03-20 20:00:00 UTC"
    running = newest(world)
    assert (running.state, running.started_by, running.why) == ("RUNNING", "operator", "to see")
    assert running.changes == {"CUTOFF_DELTA": "-0.03"}
    assert held(world) == {"CUTOFF_DELTA": ("-0.03", "experiment:looser")}
    assert book(world).signals.cutoff_delta == -0.03
    assert asked(world, "stop", name="other") == ("refused: no experiment other runs; looser does")
    assert asked(world, "stop", name="looser") == "stopped: looser"
    assert newest(world).state is State.STOPPED
    assert held(world) == {}
    assert book(world) == world.book
    assert world.logged.count("command") == 3


def test_it_ends_by_itself_with_its_last_session(world: World) -> None:
    assert started(world, sessions=2) == "started: looser runs until 2026-03-23 20:00:00 UTC"
    world.at(MONDAY_CLOSE - SECOND)
    watch(world)
    assert newest(world).state is State.RUNNING
    assert book(world).signals.cutoff_delta == -0.03
    world.at(MONDAY_CLOSE)
    # Nobody has to be there for the settings to go back in time.
    assert book(world) == world.book
    watch(world, world.worker())
    ended = newest(world)
    assert (ended.state, ended.ended_at) == (State.ENDED, MONDAY_CLOSE)
    assert held(world) == {}
    assert "experiment_ended" in world.logged


def test_after_the_close_the_first_session_is_the_next_one(world: World) -> None:
    world.at(datetime(2026, 3, 20, 20, 0, tzinfo=UTC))
    assert started(world) == "started: looser runs until 2026-03-23 20:00:00 UTC"


def test_churn_rolls_back_and_the_next_signals_use_the_new_cooldown(world: World) -> None:
    started(world, changes={"CUTOFF_DELTA": "-0.03", "MIXER_COOLDOWN_SECONDS": "10"})
    for n in range(4):
        world.wait(MINUTE)
        world.signal("AAPL", -0.3 if n % 2 else 0.3)
    world.wait(MINUTE)
    # The process that began to watch is gone; another goes on with what it left in the tables.
    other = world.worker()
    watch(world, other)
    assert newest(world).state is State.RUNNING
    world.signal("MSFT", 0.3)
    world.wait(MINUTE)
    watch(world, other)
    ended = newest(world)
    assert (ended.state, ended.ended_why) == (State.ROLLED_BACK, "flip_flops")
    assert ended.measured is not None
    assert (ended.measured["actionable"], ended.measured["flip_flops"]) == (5, 3)
    assert held(world) == {
        "DIRECTION_LOCK_SECONDS": ("120", "rollback:looser"),
        "MIXER_COOLDOWN_SECONDS": ("150", "rollback:looser"),
    }
    policy = book(world).signals
    assert (policy.cutoff_delta, policy.direction_lock, policy.cooldown) == (
        0,
        timedelta(seconds=120),
        timedelta(seconds=150),
    )
    assert cooldown_of_the_next_signals(world) == {"150s"}
    refused = started(world, "again", changes={"MIXER_COOLDOWN_SECONDS": "60"})
    assert refused == (
        "refused: MIXER_COOLDOWN_SECONDS is held at 150 by rollback:looser; "
        "`metronome experiment lift looser` comes first"
    )
    assert asked(world, "lift", name="again") == "refused: again holds no setting; looser does"
    assert asked(world, "lift", name="looser") == "lifted: looser"
    assert book(world) == world.book


def cooldown_of_the_next_signals(world: World) -> set[str]:
    """Let a price rise until it gives signals, and return the limit that their gate used."""
    history.backfill(world.to)  # the minutes before were signals only, without a bar
    for _ in range(4):
        world.market.at += TICK
        bid, ask = world.market.prices["AAPL"]
        world.market.prices["AAPL"] = (bid * D("1.0006"), ask * D("1.0006"))
        slot = slot_of(world.market.at, TICK)
        for task, step in (
            ("update_quotes", quotes.update),
            ("generate_signals", signals.generate),
        ):
            run_nudged(world.to, task, partial(step, slot=slot))
    with world.to.database.begin() as db:
        rows = db.exec_driver_sql("SELECT \"limit\" FROM verdicts WHERE gate = 'cooldown'")
        return set(rows.scalars())


def five_actionable(world: World) -> None:
    for n in range(5):
        world.wait(MINUTE)
        world.signal("NVDA", 0.3 + n / 100)


def sold(world: World, purpose: Purpose) -> None:
    world.intend("AAPL", purpose)
    world.run()
    world.stream(world.order("AAPL"))
    world.run()
    world.wait(SECOND)


def test_stop_outs_roll_back(world: World) -> None:
    assert world.buy("AAPL").filled_quantity > 0
    started(world)
    five_actionable(world)
    watch(world)
    assert newest(world).state is State.RUNNING
    sold(world, Purpose.STOP_LOSS)
    watch(world)
    assert newest(world).ended_why == "stop_outs"


def test_a_stop_that_sold_at_a_gain_is_no_stop_out(world: World) -> None:
    bought = world.buy("AAPL")
    started(world)
    five_actionable(world)
    bid, ask = world.market.prices["AAPL"]
    world.market.prices["AAPL"] = (bid * D("1.02"), ask * D("1.02"))
    sold(world, Purpose.TRAILING_STOP)
    watch(world)
    end = world.order("AAPL")
    assert end.average_price is not None
    assert bought.average_price is not None
    assert end.average_price > bought.average_price
    ended = newest(world)
    assert ended.state is State.RUNNING
    assert ended.measured is not None
    assert (ended.measured["exits"], ended.measured["stop_outs"]) == (1, 0)


def test_overflow_rolls_back_and_redis_away_is_no_reading(world: World) -> None:
    started(world)
    bucket, now = "quotes.tier_a", world.market.at
    for _ in range(17):
        assert world.to.buckets.take(bucket, now).allowed
    world.wait(MINUTE)
    watch(world)
    measured = newest(world).measured
    assert measured is not None
    assert (measured["granted"], measured["refused"]) == (17, 0)
    world.to.buckets.penalise(bucket, world.market.at + MINUTE)
    for _ in range(3):
        assert not world.to.buckets.take(bucket, world.market.at).allowed
    url, world.redis_url = world.redis_url, "redis://127.0.0.1:1/0"
    blind = world.worker()
    world.redis_url = url
    watch(world, blind)
    assert newest(world).state is State.RUNNING
    watch(world)
    assert (newest(world).state, newest(world).ended_why) == (
        State.ROLLED_BACK,
        "tier_a_overflow",
    )
    after = book(world)
    assert after.model.min_score == 0.65
    assert in_force.current(world.to).book.rate_limits["quotes.reserve"].capacity == 0


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"changes": {"API_TOKEN": "x"}}, "API_TOKEN: read when processes start"),
    ({"changes": {"MARKET_SPEED": "2"}}, "MARKET_SPEED: read when processes start"),
    ({"changes": {"NO_SUCH": "1"}}, "NO_SUCH: not a setting of a book"),
    ({"changes": {"RTH_CUTOFF": "0.2"}}, "MIXER_THRESHOLD, RTH_CUTOFF"),
    ({"changes": {"CUTOFF_DELTA": "0"}}, "it would change nothing"),
    ({"changes": {}}, "changes: accepted: 1 to 50"),
    ({"changes": {"CUTOFF_DELTA": -0.03}}, "changes: accepted"),
    ({"changes": ["CUTOFF_DELTA"]}, "changes: accepted"),
    ({"name": "tiers"}, "name: 'tiers'"),
    ({"name": "a b"}, "name: 'a b'; accepted"),
    ({"name": None}, "name: None; accepted"),
    ({"sessions": 0}, "sessions: 0; accepted: a whole number from 1 to 250"),
    ({"sessions": True}, "sessions: True; accepted"),
    ({"sessions": "2"}, "sessions: '2'; accepted"),
    ({"sessions": None}, "accepted: a number of sessions, or a time"),
    ({"until": "2026-03-20T15:30:00+00:00"}, "accepted: a number of sessions, or a time"),
    ({"sessions": None, "until": "2026-03-20T15:00:00+00:00"}, "a time with its zone that is"),
    ({"sessions": None, "until": "2026-03-21T15:00:00"}, "a time with its zone that is"),
    ({"sessions": None, "until": "9999-12-31T23:59:59+00:00"}, "a time with its zone that is"),
    ({"sessions": None, "until": 5}, "a time with its zone that is"),
)


def test_a_wrong_start_is_one_line_and_nothing_is_written(world: World) -> None:
    right = {"name": "x", "changes": {"CUTOFF_DELTA": "-0.03"}, "sessions": 1}
    for arguments, said in WRONG:
        result = asked(world, "start", **right | arguments)
        assert result.startswith("refused: ")
        assert said in result
        assert "\n" not in result
    assert held(world) == {}
    with world.to.database.begin() as db:
        assert experiments.newest(db, BOOK) == []


def test_one_runs_at_a_time_however_many_ask_at_once(world: World) -> None:
    workers = [world.to, *(world.worker() for _ in range(3))]
    with world.to.database.begin() as db:
        for n in range(8):
            wanted = {"name": f"x{n}", "changes": {"CUTOFF_DELTA": f"-0.0{n + 1}"}, "sessions": 1}
            commands.ask(db, BOOK, "experiment.start", wanted, "operator", "")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda to: watch(world, to), workers))
    with world.to.database.begin() as db:
        said = list(db.exec_driver_sql("SELECT result FROM commands").scalars())
        [only] = experiments.newest(db, BOOK)
    assert sum(line.startswith("started: ") for line in said) == 1
    refused = [line for line in said if not line.startswith("started: ")]
    assert len(refused) == 7
    assert all("comes first" in line or "experiment status" in line for line in refused)
    assert {source for _, source in held(world).values()} == {f"experiment:{only.name}"}
    assert json.dumps(only.changes) == json.dumps({n: v for n, (v, _) in held(world).items()})
