"""`metronome experiment` and `config at` with a worker behind them, and the API's answers."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pipeline_market import MINUTE, NOON, SECOND
from pipeline_world import World, world_of

from app.api.root import create_app
from app.cli import asking, config_at, experiment
from app.config import load
from app.engine.errors import InvalidData, Transient
from app.io.clock import pause
from app.io.store import commands
from app.jobs.run import run_nudged
from app.pipeline import experiments as steps
from app.pipeline import in_force

METRONOME = Path(sys.executable).parent / "metronome"
TOKEN = "a-token-of-the-test"


@pytest.fixture
def world(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    with world_of((database_url, redis_url), tmp_path) as made:
        assert made.open() == "TRADING"
        yield made


@contextmanager
def working(world: World) -> Iterator[None]:
    """Let a worker watch until the end of the block."""
    ended, to = threading.Event(), world.worker()

    def work() -> None:
        while not ended.is_set():
            run_nudged(to, "watch_experiment", steps.watch)
            pause(0.05)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def start(name: str) -> "subprocess.Popen[str]":
    words = ["experiment", "start", name, "--set", "CUTOFF_DELTA=-0.03", "--sessions", "1"]
    pipe = subprocess.PIPE
    return subprocess.Popen([METRONOME, *words], stdout=pipe, stderr=pipe, text=True)


def test_of_two_processes_that_start_one_at_once_one_wins(world: World) -> None:
    with working(world):
        both = [start("one"), start("two")]
        said = [process.communicate(timeout=120) for process in both]
    winner = 0 if both[0].returncode == 0 else 1
    assert sorted(process.returncode for process in both) == [0, 1]
    name = ("one", "two")[winner]
    assert said[winner] == (f"started: {name} runs until 2026-03-20 20:00:00 UTC\n", "")
    refused = (
        f"metronome: {name} runs until 2026-03-20 20:00:00 UTC, and one runs at a time; "
        f"`metronome experiment stop {name}` comes first\n"
    )
    assert said[1 - winner] == ("", refused)


def test_a_whole_experiment_by_its_commands(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment.list_()
    experiment.status()
    assert capsys.readouterr().out.splitlines() == [
        "No experiment was ever started in us_baskets.",
        "No experiment runs in us_baskets.",
    ]
    with working(world):
        experiment.start("calm", ["MAX_POSITIONS=2", "CUTOFF_DELTA = 0.01"], until="15:30", why="w")
        with pytest.raises(InvalidData, match=r"^API_TOKEN: read when processes start; accepted"):
            experiment.start("secret", ["API_TOKEN=12345678"], sessions=1)
        experiment.status()
        experiment.stop("calm")
        with pytest.raises(InvalidData, match="no experiment calm runs; none does"):
            experiment.stop("calm")
        with pytest.raises(InvalidData, match="calm holds no setting; none does"):
            experiment.lift("calm")
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "started: calm runs until 2026-03-20 19:30:00 UTC"
    assert shown[1] == (
        "calm runs in us_baskets until 2026-03-20 15:30 EDT: CUTOFF_DELTA=0.01 MAX_POSITIONS=2"
    )
    assert "MAX_POSITIONS=2  by experiment:calm, until 2026-03-20 19:30 UTC" in shown
    assert shown[-1] == "stopped: calm"
    experiment.list_()
    row = capsys.readouterr().out
    assert "calm" in row
    assert "STOPPED" in row
    experiment.list_(json=True)
    [told] = json.loads(capsys.readouterr().out)
    assert (told["state"], told["why"], told["started_at"]) == (
        "STOPPED",
        "w",
        "2026-03-20T15:00:00Z",
    )
    experiment.status(json=True)
    assert json.loads(capsys.readouterr().out)["changed"] == []


@pytest.mark.parametrize(
    "changed", ["CUTOFF_DELTA", "=1", "CUTOFF_DELTA=", "A=\x00", "A=\udcff", " = "]
)
def test_what_is_no_change_is_one_line(changed: str) -> None:
    with pytest.raises(InvalidData, match=r"^--set: .*; accepted: NAME=VALUE\.$"):
        experiment._changes([changed])


def test_without_a_worker_nothing_happens_now_or_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "PATIENCE_S", 0.3)
    with pytest.raises(InvalidData, match="a setting is named twice"):
        experiment.start("calm", ["MAX_POSITIONS=2", "MAX_POSITIONS=3"], sessions=1)
    with pytest.raises(Transient, match=r"no worker .* nothing was changed"):
        experiment.start("calm", ["MAX_POSITIONS=2"], sessions=1)
    run_nudged(world.to, "watch_experiment", steps.watch)
    with world.to.database.begin() as db:
        [command] = [commands.get(db, 1)]
        assert command is not None
        assert command.result == "withdrawn"
        assert not commands.withdraw(db, 1)
    assert in_force.current(world.to).book == world.book


@pytest.fixture
def changed(world: World) -> World:
    """The settings of the start at 11:00 in New York, others from 11:05 to 11:10."""
    in_force.current(world.to)
    with world.to.database.begin() as db:
        wanted = {"name": "calm", "changes": {"MAX_POSITIONS": "2"}, "sessions": 1}
        world.market.at = NOON + 5 * MINUTE
        commands.ask(db, world.book.id, "experiment.start", wanted, "operator", "")
    run_nudged(world.to, "watch_experiment", steps.watch)
    in_force.current(world.to)
    world.market.at += 5 * MINUTE
    with world.to.database.begin() as db:
        commands.ask(db, world.book.id, "experiment.stop", {"name": "calm"}, "operator", "")
    run_nudged(world.to, "watch_experiment", steps.watch)
    in_force.current(world.to)
    return world


@pytest.mark.usefixtures("changed")
def test_what_was_in_force_at_a_moment(capsys: pytest.CaptureFixture[str]) -> None:
    positions = {}
    for when in ("11:00", "11:04:59", "11:05", "2026-03-20T15:09:59Z", "2026-03-20T11:10"):
        config_at.at(when)
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith("us_baskets: ")
        positions[when] = next(line.split()[1] for line in lines if line.startswith("MAX_POS"))
    assert list(positions.values()) == ["4", "4", "2", "2", "4"]
    config_at.at("11:07", diff=True)
    lines = capsys.readouterr().out.splitlines()
    assert "in force since 2026-03-20 11:05:00 EDT (experiment:calm)" in lines[0]
    assert lines[1:] == ["commit not known", "MAX_POSITIONS  2 -> 4"]
    config_at.at("11:01", diff=True)
    assert capsys.readouterr().out.splitlines()[-1] == "The same values are in force now."
    config_at.at("11:07", diff=True, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["different_now"] == {"MAX_POSITIONS": ["2", "4"]}
    with pytest.raises(InvalidData, match=r"at 2026-03-20 10:59:00 EDT: the first record is of"):
        config_at.at("10:59")
    with pytest.raises(InvalidData, match=r"^TIME: 'noon'; accepted: HH:MM"):
        config_at.at("noon")


def test_the_api_answers_the_same(changed: World) -> None:
    app = create_app(load({"API_TOKEN": TOKEN}, Path("no.env")), changed.to.database)
    client = TestClient(app, headers={"Authorization": f"Bearer {TOKEN}"})
    then = client.get("/settings", params={"at": (NOON + 6 * MINUTE).isoformat()}).json()
    assert (then["why"], then["values"]["MAX_POSITIONS"]) == ("experiment:calm", "2")
    assert client.get("/v1/settings").json()["values"]["MAX_POSITIONS"] == "4"
    early = client.get("/settings", params={"at": (NOON - SECOND).isoformat()})
    assert (early.status_code, early.headers["content-type"]) == (404, "application/problem+json")
    told = client.get("/experiments").json()
    assert [e["state"] for e in told["experiments"]] == ["STOPPED"]
    assert "readings" not in json.dumps(told)
    assert told["changed"] == []
    assert client.get("/kpis").json() == {"book": "us_baskets", "date": None, "hours": []}
    day = client.get("/kpis", params={"date": "2026-03-20"}).json()
    assert (day["date"], day["hours"]) == ("2026-03-20", [])
    for path in ("/kpis?date=today", "/settings?at=now", "/experiments?limit=0", "/kpis?day=x"):
        assert client.get(path).status_code == 422
    assert TestClient(app).get("/settings").status_code == 401
