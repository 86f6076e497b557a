"""`metronome checklist real`: every item is looked at, each can refuse, nothing is changed."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pipeline_market import NOON
from pipeline_world import World
from rehearsal_world import CODE, live_through, rehearsal_of
from typer.testing import CliRunner

from app.adapters import BROKERS
from app.adapters.port import BrokerClock, Capabilities
from app.cli.checklist import checklist
from app.engine.readiness import ITEMS, Item, in_order
from app.io import commit
from app.io.clock import wall
from app.io.store.database import Database
from app.io.store.schema import metadata
from app.pipeline import sessions
from app.pipeline.dress_rehearsal import NAMES

REAL = {
    "TRADING_MODE": "REAL",
    "ALPACA_API_KEY": "AK0123456789",
    "ALPACA_SECRET_KEY": "none",
    "DISABLE_SLACK_ALERTS": "1",
}


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with rehearsal_of((database_url, redis_url), tmp_path) as made:
        yield made


CAN = Capabilities(client_ids=True, auction_orders=True, stop_orders=True)


@dataclass(frozen=True)
class Live:
    """A broker that keeps stops and says what time it is, ``off`` by so much."""

    off: timedelta = timedelta(0)
    name: str = "alpaca"
    capabilities: Capabilities = CAN

    def clock(self) -> BrokerClock:
        return BrokerClock(wall() + self.off, True, NOON, NOON)


@dataclass
class Command:
    """The command in a folder of its own, with the environment of a person."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch

    def run(self, *words: str, **environ: str) -> tuple[int, dict[str, dict[str, Any]]]:
        with self.monkeypatch.context() as patch:
            patch.chdir(self.folder)
            for name, value in environ.items():
                patch.setenv(name, value)
            done = CliRunner().invoke(checklist, ["real", "--json", *words])
        told = json.loads(done.output)
        assert told["ready"] is (done.exit_code == 0)
        return done.exit_code, {row["item"]: row for row in told["items"]}


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    (tmp_path / ".env").write_text("TRADING_MODE=REAL\n")
    monkeypatch.setitem(BROKERS, "alpaca", lambda connection, rehearsal=None: Live())
    monkeypatch.setattr(commit, "commit_of", lambda folder=None: CODE)
    monkeypatch.setattr(commit, "changed_in", lambda folder=None: [])
    return Command(tmp_path, monkeypatch)


@pytest.fixture
def empty_database(database_url: str) -> Iterator[str]:
    url = sa.engine.make_url(database_url)
    name = f"{url.database}_real"
    server = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with server.connect() as db:
        db.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0")
        yield url.set(database=name).render_as_string(hide_password=False)
        db.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


def rows(url: str) -> dict[str, int]:
    database = Database(url, "count")
    with database.begin() as db:
        counted = {
            name: db.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one()
            for name in metadata.tables
        }
    database.dispose()
    return counted


def not_ok(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [name for name, row in found.items() if not row["ok"]]


def test_a_rehearsed_book_passes_and_nothing_is_changed(
    world: World, command: Command, empty_database: str, redis_url: str
) -> None:
    live_through(world)
    before = rows(world.database_url)
    words = ("--rehearsal", world.database_url, "--backup", "nightly, at home")
    code, found = command.run(*words, **REAL, DATABASE_URL=empty_database)
    assert list(found) == list(ITEMS)
    assert not_ok(found) == []
    assert code == 0
    assert rows(world.database_url) == before
    assert found["database"]["said"] == "it holds no PAPER book"
    assert not list(command.folder.glob(".metronome*"))


def test_the_rehearsals_own_database_is_refused_for_real_money(
    world: World, command: Command
) -> None:
    sessions.advance(world.to)
    code, found = command.run(**REAL, DATABASE_URL=world.database_url)
    assert code == 1
    assert found["database"]["said"] == "it holds books that are PAPER: us_baskets"
    assert {"backup", "database", *NAMES} == set(not_ok(found))


@pytest.mark.parametrize(
    ("changed", "item"),
    [
        ({"ALPACA_API_KEY": "XX0123456789"}, "keys"),
        ({"ALPACA_TRADING_URL": "http://127.0.0.1:9"}, "hosts"),
        ({"DAILY_LOSS_LIMIT": "0.06"}, "limits"),
        ({"MAX_POSITIONS": "11"}, "limits"),
        ({"ORDERS_PER_MINUTE": "61"}, "fuse"),
        ({"BROKER_STOPS": "0"}, "stops"),
        ({"OPENAI_API_KEY": "sk-1", "LLM_MONTHLY_USD": "0"}, "model"),
        ({"DISABLE_SLACK_ALERTS": "0"}, "alarms"),
        ({"AUTO_MODE": "0"}, "mode"),
        ({"TEST_MODE_ENABLED": "1"}, "mode"),
        ({"REDIS_URL": "redis://127.0.0.1:1"}, "redis"),
        ({"DATABASE_URL": "postgresql://127.0.0.1:1/none"}, "database"),
    ],
)
def test_every_setting_of_the_list_can_refuse(
    command: Command, changed: dict[str, str], item: str
) -> None:
    _, right = command.run(**REAL)
    _, wrong = command.run(**REAL | changed)
    assert item in set(not_ok(wrong)) - set(not_ok(right))
    assert wrong[item]["do"]
    assert "0123456789" not in json.dumps(wrong)


def test_settings_that_are_wrong_are_the_first_thing_said(command: Command) -> None:
    (command.folder / ".env").write_text("")
    code, found = command.run(**REAL)
    assert code == 1
    assert "not in .env" in found["mode"]["said"]


def test_a_clock_that_is_off_and_changed_files_are_refused(command: Command) -> None:
    late = Live(timedelta(seconds=1.5))
    command.monkeypatch.setitem(BROKERS, "alpaca", lambda connection, rehearsal=None: late)
    command.monkeypatch.setattr(commit, "changed_in", lambda folder=None: [" M app/x.py"])
    _, found = command.run(**REAL)
    assert found["clock"]["said"].startswith("this machine is 1.5")
    assert {"clock", "commit"} <= set(not_ok(found))


def test_a_paper_books_own_database_is_its_rehearsal(world: World, command: Command) -> None:
    live_through(world)
    (command.folder / ".env").write_text("")
    _, found = command.run(DATABASE_URL=world.database_url)
    assert not set(NAMES) & set(not_ok(found))
    assert {"mode", "keys", "hosts", "database"} <= set(not_ok(found))


def test_one_refusal_of_several_books_counts() -> None:
    found = [Item(name, "fine") for name in ITEMS]
    assert in_order([*found, Item("fuse", "blown", "mend it")])[ITEMS.index("fuse")].said == "blown"
