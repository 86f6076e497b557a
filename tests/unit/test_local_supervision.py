"""Back-off, the Procfile, what processes are told, and how they are shown."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.config.errors import ConfigError
from app.engine.errors import InvalidData
from app.local import environment
from app.local.backoff import KILLED_AT_ONCE_S, LONGEST_S, STABLE_S, Backoff
from app.local.logs import Follower, last_words, rotate
from app.local.ownership import claim, holder_of
from app.local.procfile import PROCFILE, read_procfile, stages, wanted
from app.local.status import read_status, render, write_status
from app.local.supervised import Description, describe_exit


def test_pauses_double_up_to_half_a_minute() -> None:
    backoff, pauses = Backoff(), []
    for _ in range(7):
        backoff = backoff.after_death(lived_s=0.5)
        pauses.append(backoff.delay_s)
    assert pauses == [1, 2, 4, 8, 16, 30, 30]


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans()), min_size=1, max_size=2000))
def test_a_stable_time_and_a_kill_start_the_pauses_anew(lives: list[tuple[float, bool]]) -> None:
    backoff = Backoff()
    for lived, killed in lives:
        before, backoff = backoff, backoff.after_death(lived, killed=killed)
        if killed and lived >= KILLED_AT_ONCE_S:
            assert backoff.delay_s == 0
        elif lived >= STABLE_S:
            assert backoff.delay_s == 1
        else:
            assert before.delay_s <= backoff.delay_s <= LONGEST_S


def test_the_procfile_names_every_process() -> None:
    commands = read_procfile(PROCFILE)
    assert sorted(commands) == ["api", "beat", "exchange", "feed", "postgres", "redis", "worker"]
    assert stages(commands) == [
        ["postgres", "redis"],
        ["exchange"],
        ["worker", "beat", "feed", "api"],
    ]


def test_given_servers_are_not_started_and_the_exchange_only_when_simulated() -> None:
    commands = dict.fromkeys(("postgres", "redis", "exchange", "worker"), "true")
    assert list(wanted(commands, {}, sim=True)) == ["postgres", "redis", "exchange", "worker"]
    urls = {"DATABASE_URL": "postgresql://there/db", "REDIS_URL": ""}
    assert list(wanted(commands, urls, sim=False)) == ["redis", "worker"]


@pytest.mark.parametrize(
    ("text", "said"), [("", "names no process"), ("a: true\na: false\n", "bear one name")]
)
def test_a_wrong_procfile_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "Procfile"
    file.write_text(text)
    with pytest.raises(InvalidData, match=said):
        read_procfile(file)
    with pytest.raises(InvalidData, match="cannot be read"):
        read_procfile(tmp_path / "none")


def test_the_default_port_gives_way_and_a_chosen_one_does_not() -> None:
    assert environment.api_port({}, lambda port: True) == 8000
    assert environment.api_port({"API_PORT": ""}, lambda port: port > 8002) == 8003
    assert environment.api_port({"API_PORT": "9000"}, lambda port: True) == 9000
    with pytest.raises(InvalidData, match="port 9000 is taken"):
        environment.api_port({"API_PORT": "9000"}, lambda port: False)
    with pytest.raises(InvalidData, match="'70000'; accepted: a number from 0 to 65535"):
        environment.api_port({"API_PORT": "70000"}, lambda port: True)
    with pytest.raises(InvalidData, match="No port is free"):
        environment.api_port({}, lambda port: False)


def test_the_simulated_exchange_is_the_broker() -> None:
    told = environment.simulated(4321, 60)
    assert told["ALPACA_TRADING_URL"] == told["ALPACA_DATA_URL"] == "http://127.0.0.1:4321"
    assert told["ALPACA_STREAM_URL"] == "ws://127.0.0.1:4321/stream"
    assert (told["ALPACA_API_KEY"], told["ALPACA_SECRET_KEY"]) == ("sim", "sim")
    assert told["MARKET_SPEED"] == "60"


def test_only_our_own_names_leave_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("TRADING_MODE=REAL\nAPI_PORT=9001 # ours\nAPI_HOST=::1\n")
    for name in environment.OURS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("API_HOST", "127.0.0.1")
    assert environment.set_for_us(file) == {"API_PORT": "9001", "API_HOST": "127.0.0.1"}
    file.write_text("no setting")
    with pytest.raises(ConfigError):
        environment.set_for_us(file)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:pw@host/db", "postgresql://me:***@host/db"),
        ("redis://:pw@host", "redis://:***@host"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
        ("postgresql://me:pw@[::1/db", "an address that cannot be read"),
    ],
)
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    assert environment.without_password(url) == shown


@pytest.mark.parametrize(
    ("code", "said"), [(0, "exit code 0"), (-9, "killed by SIGKILL"), (-77, "killed by signal 77")]
)
def test_an_end_is_said_in_words(code: int, said: str) -> None:
    assert describe_exit(code) == said


def test_a_folder_has_one_owner_and_shows_who(tmp_path: Path) -> None:
    assert holder_of(tmp_path) is None
    owner = claim(tmp_path)
    holder = holder_of(tmp_path)
    assert holder is not None
    assert holder.pid == os.getpid()
    with pytest.raises(InvalidData, match=f"process {os.getpid()}"):
        claim(tmp_path)
    owner.release()
    assert holder_of(tmp_path) is None
    claim(tmp_path).release()


def test_a_number_that_now_belongs_to_another_process_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "supervisor.json").write_text(f'{{"pid": {os.getpid()}, "started": 1.0}}')
    assert holder_of(tmp_path) is None


def test_status_of_a_dead_supervisor_says_stopped(tmp_path: Path) -> None:
    assert "Nothing has run" in render(read_status(tmp_path), tmp_path)
    worker = Description("worker", "running", os.getpid(), 2, None, "exit code 1")
    write_status(tmp_path, [worker], {"api": "http://127.0.0.1:8000"}, ready=True)
    dead = read_status(tmp_path)
    assert (dead["supervisor"], dead["ready"], dead["urls"]) == (None, False, {})
    assert dead["processes"][0]["state"] == "stopped"
    owner = claim(tmp_path)
    alive = read_status(tmp_path)
    owner.release()
    assert alive["supervisor"] == os.getpid()
    assert alive["processes"][0]["memory_mb"] > 1
    text = render(alive, tmp_path)
    assert f"worker  running  {os.getpid()}" in text
    assert "api: http://127.0.0.1:8000" in text


def test_logs_are_bounded_and_followed_line_by_line(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    follower = Follower(log)
    assert last_words(log) == "it wrote nothing"
    assert follower.new_lines() == []
    log.write_text("one\ntw")
    assert follower.new_lines() == ["one"]
    with log.open("a") as file:
        file.write("o\n")
    assert follower.new_lines() == ["two"]
    assert last_words(log) == "two"
    rotate(log, largest=100)
    assert log.read_text() == "one\ntwo\n"
    rotate(log, largest=7)
    assert (log.read_text(), log.with_suffix(".log.1").read_text()) == ("", "one\ntwo\n")
    log.write_text("three\n")
    assert follower.new_lines() == ["three"]
