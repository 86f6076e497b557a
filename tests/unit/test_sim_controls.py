"""The clock, the faults, the rate limit and times: what a person turns and a request meets."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sim_builders import HandClock

from app.engine.errors import InvalidData
from app.sim.clock import SimClock
from app.sim.faults import Faults, Kind, Rule, parse_rules, read_rules
from app.sim.limits import DailyCount, RateLimit, SecondLimit
from app.sim.times import parse, rfc3339
from app.sim.visibility import Visibility


@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(0.1, 1000), st.booleans()), max_size=20))
def test_the_clock_never_runs_back(steps: list[tuple[float, float, bool]]) -> None:
    wall = HandClock()
    clock, last = SimClock(1000.0, 1.0, wall), 1000.0
    for waited, speed, paused in steps:
        wall.seconds += waited
        clock.set(speed=speed, paused=paused)
        assert clock.now() >= last
        last = clock.now()
        wall.seconds += 1
        assert clock.now() == pytest.approx(last + (0 if paused else speed))
        last = clock.now()


def test_the_clock_jumps_forward_only() -> None:
    clock = SimClock(1000.0, 2.0, HandClock())
    clock.set(jump_to=5000.0)
    assert clock.now() == 5000.0
    with pytest.raises(ValueError, match="cannot jump back"):
        clock.set(jump_to=4999.0)
    with pytest.raises(ValueError, match="speed"):
        clock.set(speed=0)
    assert clock.wall_seconds_until(5010.0) == 5.0
    clock.set(paused=True)
    assert clock.wall_seconds_until(5010.0) is None


def test_faults_are_drawn_from_their_seed_and_counted() -> None:
    def draws(seed: int) -> list[bool]:
        faults = Faults([Rule(Kind.SLOW, 0.3, 0.1)], seed)
        drawn = [faults.draw(Kind.SLOW) is not None for _ in range(300)]
        assert faults.to_json()["counts"]["slow"] == sum(drawn)
        assert faults.draw(Kind.HTML_ERROR) is None
        return drawn

    assert draws(1) == draws(1) != draws(2)
    assert 50 < sum(draws(1)) < 130


def test_rules_come_from_a_word_or_a_file(tmp_path: Path) -> None:
    rules, _ = parse_rules("all@0.05")
    assert {r.kind for r in rules} == set(Kind)
    assert {r.probability for r in rules} == {0.05}
    file = tmp_path / "f.toml"
    file.write_text('seed = 9\n[[rule]]\nkind = "slow"\nprobability = 0.5\nseconds = 0.2\n')
    assert parse_rules(str(file)) == ([Rule(Kind.SLOW, 0.5, 0.2)], 9)
    file = tmp_path / "f.json"
    file.write_text('{"rules": [{"kind": "html_error", "probability": 1}]}')
    assert parse_rules(str(file)) == ([Rule(Kind.HTML_ERROR, 1.0)], None)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("slow@much", "must be a number from 0 to 1"),
        ("slow@1.5", "probability 1.5; accepted: 0 to 1"),
        ("nonsense@0.1", "unknown kind 'nonsense'; accepted: all, accept_then_drop"),
        ("/nowhere/f.toml", "No such file"),
    ],
)
def test_bad_rules_are_named(given: str, said: str) -> None:
    with pytest.raises(InvalidData) as caught:
        parse_rules(given)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        [],
        {},
        {"rules": {}},
        {"rules": [1]},
        {"rules": [], "seed": "x"},
        {"rules": [{"kind": "slow", "probability": True}]},
        {"rules": [{"kind": "slow", "seconds": 31}]},
        {"rules": [{"kind": "slow", "probability": float("nan")}]},
    ],
)
def test_hostile_rules_are_refused(data: object) -> None:
    with pytest.raises(InvalidData):
        read_rules(data)


def test_the_rate_limit_counts_simulated_minutes_by_door() -> None:
    limit = RateLimit(3)
    assert [limit.take("trading", 60.0 + i)[0] for i in range(4)] == [True, True, True, False]
    assert limit.take("data", 64.0)[0]
    assert limit.take("trading", 120.0)[0]
    _, headers = limit.take("trading", 121.0)
    assert headers == [
        (b"x-ratelimit-limit", b"3"),
        (b"x-ratelimit-remaining", b"1"),
        (b"x-ratelimit-reset", b"180"),
    ]


def test_a_day_of_calls_ends_at_midnight_in_new_york() -> None:
    evening = parse("2026-03-20T23:59:00-04:00")
    count = DailyCount(2)
    assert [count.take(evening) for _ in range(3)] == [True, True, False]
    assert count.take(evening + 120)
    assert all(DailyCount(None).take(evening) for _ in range(50))


def test_ten_a_second_are_counted_on_the_faster_clock() -> None:
    wall = HandClock()
    limit = SecondLimit(2, wall)
    assert [limit.take(100.0) for _ in range(3)] == [True, True, False]
    wall.seconds = 0.01
    assert not limit.take(100.5)  # what is turned away counts too
    assert limit.take(102.0)
    wall.seconds = 1.5
    assert [limit.take(102.0) for _ in range(3)] == [True, True, False]


def test_a_hidden_order_appears_after_its_time() -> None:
    wall = HandClock()
    visibility = Visibility(Faults([Rule(Kind.EVENTUAL_VISIBILITY, 1.0, 0.7)], 1), wall)
    visibility.hide("a")
    assert not visibility.shows("a")
    assert visibility.shows("b")
    wall.seconds = 0.7
    assert visibility.shows("a")


@given(st.integers(0, 2_000_000_000_000_000))
def test_times_survive_being_written(microseconds: int) -> None:
    assert parse(rfc3339(microseconds / 1e6)) == pytest.approx(microseconds / 1e6, abs=2e-6)


def test_times_are_read_in_every_spelling_of_the_service() -> None:
    noon = parse("2026-03-20T16:00:00Z")
    for spelling in (
        "2026-03-20T12:00:00-04:00",
        "2026-03-20T16:00:00+00:00",
        "2026-03-20T16:00:00 00:00",  # a plus sign that nobody escaped
        "2026-03-20T16:00:00.000000000Z",
        "2026-03-20T16:00:00",
    ):
        assert parse(spelling) == noon
    assert parse("2026-03-20") == noon - 12 * 3600
    assert parse("2026-03-20", end_of_day=True) == pytest.approx(noon + 12 * 3600, abs=1e-3)
    with pytest.raises(ValueError, match="isoformat"):
        parse("yesterday")
