"""Every combination is played on every day, once, by whoever is there."""

import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from pipeline_market import CALENDAR, NOON
from pipeline_world import World
from test_replay import lively
from test_replay import world as world

from app.engine.errors import InvalidData
from app.io.store import sweeps
from app.io.store.sweeps import Played, Sweep
from app.lab import grid
from app.lab.sweep import day_of, play_one, summed, sweep_of

D = Decimal
DAYS = [date(2026, 3, day) for day in (16, 17, 18, 19)]


def written(tmp_path: Path, text: str, name: str = "grid.toml") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_grid_is_every_combination_of_its_values(tmp_path: Path) -> None:
    read = grid.read(written(tmp_path, 'A = ["1", 2]\n"B+C" = [0.1, 0.2]\n'))
    assert grid.trials(read, 10) == [
        {"A": "1", "B": "0.1", "C": "0.1"},
        {"A": "1", "B": "0.2", "C": "0.2"},
        {"A": "2", "B": "0.1", "C": "0.1"},
        {"A": "2", "B": "0.2", "C": "0.2"},
    ]
    as_json = grid.read(written(tmp_path, '{"A": ["1"], "B": [true]}', "grid.json"))
    assert grid.trials(as_json, 10) == [{"A": "1", "B": "1"}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty; accepted: a table of settings"),
        ("A = []", r"A: \[\]; accepted: a list of values"),
        ("A = 1", "A: 1; accepted: a list of values"),
        ("A = [[1]]", r"A: \[\[1\]\]; accepted: a list of values"),
        ('A = ["1", 1]', "A: a value is given twice"),
        ("A = [1", "accepted: a table of settings"),
    ],
)
def test_a_grid_that_is_none_says_why_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidData, match=said) as error:
        grid.read(written(tmp_path, text))
    assert str(error.value).startswith("--grid: ")
    assert "\n" not in str(error.value).replace(" (at end of document)", "")


def test_a_grid_that_explodes_is_refused_before_it_is_made(tmp_path: Path) -> None:
    values = list(range(100))
    huge = {name: [str(v) for v in values] for name in "ABCDEFGHIJ"}
    with pytest.raises(InvalidData, match="100,000,000,000,000,000,000 combinations; accepted: at"):
        grid.trials(huge, 2000)
    with pytest.raises(InvalidData, match="A is named twice"):
        grid.trials({"A": ["1"], "A+B": ["2"]}, 10)
    with pytest.raises(InvalidData, match="cannot be read: No such file"):
        grid.read(tmp_path / "none.toml")


def of(trials: int, gained: dict[tuple[int, int], str]) -> tuple[Sweep, list[Played]]:
    made = sweep_of("a-book", [{"A": str(n)} for n in range(trials)], DAYS)
    found = [
        Played(trial, DAYS[day], D(1000), D(money), 2, 0) for (trial, day), money in gained.items()
    ]
    return made, found


def test_the_walk_forward_trades_each_day_with_the_best_of_the_days_before() -> None:
    gained = {
        (0, 0): "10", (0, 1): "10", (0, 2): "-30", (0, 3): "5",
        (1, 0): "-5", (1, 1): "4", (1, 2): "8", (1, 3): "7",
    }  # fmt: skip
    done = summed(*of(2, gained))
    assert [(step.trial, step.gained) for step in done.forward] == [(0, D(-30)), (1, D(7))]
    assert done.best == 1
    assert [trial.gained for trial in done.trials] == [D(-5), D(14)]
    assert done.trials[1].returns == (-0.005, 0.004, 0.008, 0.007)


def test_what_could_not_be_played_gained_nothing_and_is_told() -> None:
    made, found = of(1, {(0, 0): "3"})
    failed = Played(0, DAYS[1], D(0), D(0), 0, 0, "the tape is damaged")
    done = summed(made, [*found, failed])
    assert done.trials[0].gained == 3
    assert done.failed == (failed,)


def test_the_same_sweep_has_the_same_name() -> None:
    one = sweep_of("b", [{"A": "1", "B": "2"}], DAYS)
    assert sweep_of("b", [{"B": "2", "A": "1"}], DAYS).id == one.id
    assert sweep_of("b", [{"A": "1", "B": "3"}], DAYS).id != one.id
    assert sweep_of("b", [{"A": "1", "B": "2"}], DAYS[:2]).id != one.id


@pytest.fixture
def swept(world: World) -> tuple[World, Sweep]:
    lively(world)
    trials = [{"RISK_PER_TRADE": "0.0025"}, {"RISK_PER_TRADE": "2"}]
    made = sweep_of(world.book.id, trials, [NOON.date()])
    with world.to.database.begin() as db:
        sweeps.begin(db, made)
    return world, made


def test_a_trial_is_kept_once_and_a_bad_one_says_why(swept: tuple[World, Sweep]) -> None:
    world, made = swept
    day = day_of(world.to.database, world.book.id, CALENDAR, NOON.date())
    good = play_one(world.to.database, made, 0, day)
    assert good.error is None
    assert good.orders > 0
    bad = play_one(world.to.database, made, 1, day)
    assert "RISK_PER_TRADE: '2'; accepted" in (bad.error or "")
    play_one(world.to.database, made, 0, day)
    with world.to.database.begin() as db:
        assert sweeps.played(db, made.id) == [good, bad]
        assert sweeps.load(db, made.id) == made
        assert sweeps.load(db, "no such sweep") is None


def test_a_worker_of_research_plays_what_waits_and_trades_nothing(
    swept: tuple[World, Sweep], database_url: str, redis_url: str, tmp_path: Path
) -> None:
    from app.config.settings import celery_url
    from app.io.clock import monotonic, pause
    from app.jobs.celery_app import RESEARCH, make_app

    world, made = swept
    sender = make_app(celery_url(redis_url), only_sends=True)
    sent = (made.id, 0, NOON.date().isoformat())
    sender.send_task("play_trial", sent, queue=RESEARCH)
    sender.send_task("pipeline_e2e", (world.book.id, None), queue="pipeline")
    environment = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "PATH": "/usr/bin:/bin"}
    command = [str(Path(sys.executable).with_name("metronome")), "worker", "--research"]
    worker = subprocess.Popen(command, env=environment, cwd=tmp_path)
    try:
        until = monotonic() + 60
        done = 0
        while not done and monotonic() < until and worker.poll() is None:
            pause(0.2)
            with world.to.database.begin() as db:
                done = sweeps.count(db, made.id)
        assert done == 1
    finally:
        worker.terminate()
        worker.wait(20)
    with sender.connection_for_read() as connection:
        left = connection.default_channel.client.llen("pipeline")
    assert left == 1
