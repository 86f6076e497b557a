"""Recovery times, the draws of a run, and what the table says about them."""

from dataclasses import replace
from math import inf
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pipeline.invariants import Breaches
from proof.chaos.addresses import behind, places
from proof.chaos.assault import GAP_S, LONG_STOP_S, STOP_S, WEIGHTS, Struck, draw
from proof.chaos.figures import RECOVER_WITHIN_S, Figures, as_json, lines, missed
from proof.chaos.recovery import SEVERAL, Blow, Recovery, Work, longest_pause, recoveries
from proof.chaos.run import blows, children_back
from proof.chaos.verdict import Account, lost_fills
from proof.chaos.victims import Victim
from proof.chaos.watch import Seen, pid_in
from proof.chaos.world import CHILDREN, MARKET_S, Wish

ME = 7


def a_blow(at: float, until: float | None = None, kind: str = "worker", *gone: int) -> Blow:
    return Blow(kind, at, at if until is None else until, frozenset(gone))


def work(began: float, ended: float, pid: int = ME) -> Work:
    return Work(began, ended, pid)


def test_a_recovery_ends_with_the_first_work_that_began_after_the_blow() -> None:
    done = [work(9.0, 10.5), work(12.0, 12.4), work(13.0, 13.1)]
    assert recoveries([a_blow(10.0)], done) == [Recovery("worker", 10.0, pytest.approx(2.4))]


def test_work_of_those_who_died_with_it_is_none() -> None:
    done = [work(10.01, 10.05, pid=3), work(14.0, 14.5)]
    assert recoveries([a_blow(10.0, None, "worker", 3)], done)[0].seconds == 4.5


def test_a_server_is_waited_for_from_the_moment_it_is_back() -> None:
    done = [work(10.5, 10.6), work(13.5, 14.0)]
    assert recoveries([a_blow(10.0, 12.0, "Valkey")], done) == [Recovery("Valkey", 12.0, 2.0)]


def test_blows_that_nothing_was_done_between_are_one_recovery() -> None:
    blown = [a_blow(10.0), a_blow(11.0, 15.0, "Valkey"), a_blow(30.0)]
    done = [work(16.0, 17.0), work(30.5, 31.0)]
    assert recoveries(blown, done) == [
        Recovery(SEVERAL, 15.0, 2.0, 2),
        Recovery("worker", 30.0, 1.0),
    ]


def test_what_never_recovers_takes_for_ever() -> None:
    assert recoveries([a_blow(10.0)], [work(1.0, 2.0)]) == [Recovery("worker", 10.0, inf)]
    unanswered = a_blow(10.0, inf, "PostgreSQL")
    assert recoveries([unanswered], [work(11.0, 12.0)])[0].seconds == inf


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 30)), max_size=30),
    st.lists(st.tuples(st.floats(0, 200), st.floats(0.01, 5)), max_size=60),
)
def test_every_blow_is_in_one_recovery_and_none_ends_before_it_is_over(
    struck: list[tuple[float, float]], worked: list[tuple[float, float]]
) -> None:
    blown = [a_blow(at, at + lasts) for at, lasts in struck]
    found = recoveries(blown, [work(at, at + lasts) for at, lasts in worked])
    assert sum(recovery.blows for recovery in found) == len(blown)
    assert all(recovery.seconds > 0 for recovery in found)


def test_the_longest_pause_counts_from_the_beginning_and_to_the_end() -> None:
    assert longest_pause([work(1, 4), work(4, 5)], 0, 6) == 4
    assert longest_pause([work(1, 2)], 0, 9) == 7
    assert longest_pause([], 3, 9) == 6


def test_a_stop_ends_early_where_the_stopped_one_is_killed() -> None:
    struck = [
        Struck(Victim.WORKER, 5, 10.0, 3.0, frozenset()),
        Struck(Victim.WORKER, 5, 11.0, None, frozenset({5, 6})),
        Struck(Victim.CHILD, 6, 12.0, 2.0, frozenset()),
        Struck(Victim.FEED, 9, 13.0, None, frozenset({9})),
    ]
    assert [(b.at, b.until) for b in blows(struck, Seen(), [])] == [(10, 11), (11, 11), (12, 14)]


def test_a_killed_server_is_back_when_it_answers() -> None:
    seen = Seen({"postgres": [9.9, 12.5, 12.7], "redis": []})
    struck = [
        Struck(Victim.BACKEND, 5, 10.0, None, frozenset({5})),
        Struck(Victim.VALKEY, 8, 20.0, None, frozenset({8})),
    ]
    stalls = [("exchange", 1.0, 2.0), ("redis", 2.0, 3.0)]
    assert [(b.kind, b.until) for b in blows(struck, seen, stalls)] == [
        (Victim.BACKEND, 12.5),
        (Victim.VALKEY, inf),
        ("stall", 5.0),
    ]


def test_the_same_seed_draws_the_same_deeds_and_all_kinds_of_them() -> None:
    first, second = Random(3), Random(3)
    deeds = [draw(first) for _ in range(3000)]
    assert deeds == [draw(second) for _ in range(3000)]
    assert {deed.victim for deed in deeds} == set(WEIGHTS) == set(Victim)
    stops = [deed.stop_s for deed in deeds if deed.stop_s is not None]
    assert all(STOP_S[0] <= s <= STOP_S[1] or LONG_STOP_S[0] <= s <= LONG_STOP_S[1] for s in stops)
    assert any(s > 20 for s in stops)
    assert 0.4 < sum(deed.is_aimed for deed in deeds) / len(deeds) < 0.6
    kills_a_minute = 60 / (sum(GAP_S) / 2) * (1 - len(stops) / len(deeds))
    assert kills_a_minute > 33


def test_chaos_and_quiet_lie_within_one_session() -> None:
    for minutes in (0.5, 5, 10, 60):
        wish = Wish(minutes, 1)
        assert wish.speed * (minutes * 60 + wish.quiet_s) <= MARKET_S


def test_addresses_lead_to_the_servers_and_through_the_proxy() -> None:
    told = {
        "DATABASE_URL": "postgresql+psycopg2://metronome:s3cret@/metronome?host=%2Fa%20b%2Frun",
        "REDIS_URL": "unix:///a%20b/redis.sock",
        "EXCHANGE_PORT": "81",
        "MARKET_SPEED": "60",
    }
    found = places(told)
    assert (found["database"].path, found["redis"].path) == (
        "/a b/run/.s.PGSQL.5432",
        "/a b/redis.sock",
    )
    assert found["exchange"].port == 81
    through = behind(told, {"database": 1, "redis": 2, "exchange": 3})
    assert through["DATABASE_URL"] == "postgresql+psycopg2://metronome:s3cret@127.0.0.1:1/metronome"
    assert through["REDIS_URL"] == "redis://127.0.0.1:2"
    assert through["ALPACA_TRADING_URL"] == "http://127.0.0.1:3"


def test_the_process_is_read_from_the_name_of_its_connection() -> None:
    assert [pid_in(name) for name in ("lease-12", "metronome-7", "psql", "")] == [12, 7, 0, 0]


def test_fills_are_compared_order_by_order() -> None:
    theirs = [{"order_id": "a", "qty": "2"}, {"order_id": "a", "qty": "1"}]
    assert lost_fills([], theirs) == ["a"]


def a_pool(*pids: int) -> frozenset[int]:
    return frozenset(pids)


def test_a_child_that_is_never_replaced_is_missed_although_others_work() -> None:
    whole, less = range(1, CHILDREN + 1), range(2, CHILDREN + 1)
    killed = a_blow(10.0, None, Victim.CHILD, 1)
    looks = [(9.9, a_pool(*whole)), (10.1, a_pool(*less)), (10.3, a_pool(*less))]
    assert [r.seconds for r in children_back([killed], Seen(children=looks))] == [inf]
    looks.append((10.6, a_pool(*less, 99)))
    assert [r.seconds for r in children_back([killed], Seen(children=looks))] == [
        pytest.approx(0.6)
    ]


def test_a_killed_child_that_is_still_seen_is_not_one_of_the_pool() -> None:
    whole = a_pool(*range(1, CHILDREN + 1))
    killed = a_blow(10.0, None, Victim.CHILD, 1)
    later = a_blow(30.0, None, Victim.CHILD, 2)
    looks = [(10.1, whole), (10.9, a_pool(*range(2, CHILDREN + 2)))]
    looks.append((31.0, a_pool(*range(3, CHILDREN + 3))))
    found = children_back([killed, later], Seen(children=looks))
    assert [r.seconds for r in found] == [pytest.approx(0.9), pytest.approx(1.0)]


def test_only_what_takes_children_is_waited_for() -> None:
    stopped = a_blow(10.0, 12.0, Victim.CHILD)
    assert children_back([stopped, a_blow(20.0, None, Victim.BEAT, 7)], Seen()) == []


SOUND = Account(Breaches(0, 0, 0, 0, 0, 0), 0, (), 9, 0, 4, 3, "ACTIVE")


def figures() -> Figures:
    return Figures(
        seed=1,
        minutes=1,
        speed=60,
        kills={"worker": 20, "beat": 15},
        stops={},
        kills_while_sending=(4, 1),
        broker_faults={"slow": 40, "html_error": 60},
        other_faults=7,
        proxy_faults={"redis reply delayed": 1},
        account=SOUND,
        recoveries=tuple(Recovery(kind, 110.0, 1.0) for kind in RECOVER_WITHIN_S),
        children_back=(Recovery("pool child", 110.0, 0.4),),
        began=100.0,
        longest_pause_s=3.0,
        connections={
            "one process": 3,
            "one process, bound": 4,
            "all processes": 9,
            "all processes, bound": 16,
            "samples": 50,
        },
    )


def test_a_sound_run_misses_nothing() -> None:
    assert missed(figures()) == []
    assert as_json(figures())["recoveries"]["worker"] == {"worst_s": 1.0, "count": 1}


def test_the_slowest_recoveries_are_told_with_their_moment() -> None:
    recovered = (Recovery("beat", 110.0, 1.0), Recovery("worker", 131.5, inf, 2))
    assert as_json(replace(figures(), recoveries=recovered))["slowest_recoveries"] == [
        {"after": "worker", "blows": 2, "from_s": 31.5, "seconds": None},
        {"after": "beat", "blows": 1, "from_s": 10.0, "seconds": 1.0},
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kills": {"worker": 29}}, "kills: 29, aim ≥ 30"),
        ({"broker_faults": {"slow": 99}}, "broker faults: 99, aim ≥ 100"),
        ({"proxy_faults": {}}, "proxy faults: 0, aim > 0"),
        ({"kills_while_sending": (0, 0)}, "kills while an order was sent: 0, aim > 0"),
        (
            {"recoveries": (Recovery("beat", 0.0, 1.0), Recovery("worker", 0.0, 5.1))},
            "worst recovery, worker (1 times): 5.1 s, aim ≤ 5 s",
        ),
        (
            {"kills": {"Valkey": 40}, "recoveries": (Recovery("Valkey", 0.0, inf),)},
            "worst recovery, Valkey (1 times): never, aim ≤ 10 s",
        ),
        (
            {"recoveries": (Recovery("worker", 0.0, 1.0), Recovery(SEVERAL, 0.0, 1.0, 2))},
            "worst recovery, beat: not measured, aim ≤ 10 s",
        ),
        (
            {"children_back": (Recovery("pool child", 0.0, inf),)},
            "all children back, pool child (1 times): never, aim ≤ 5 s",
        ),
        (
            {"account": replace(SOUND, states_differ=("a: CANCELLED here, new there",))},
            "states that differ: 1, aim 0",
        ),
    ],
)
def test_each_missed_aim_is_named(changed: dict[str, object], said: str) -> None:
    assert missed(replace(figures(), **changed)) == [said]


@pytest.mark.parametrize("wrong", ["lost", "slots_run_twice"])
def test_what_must_be_none_is_an_aim(wrong: str) -> None:
    account = replace(figures().account, **{wrong: 2})
    assert missed(replace(figures(), account=account)) == [f"{wrong.replace('_', ' ')}: 2, aim 0"]


def test_each_invariant_of_the_book_is_a_line() -> None:
    account = replace(figures().account, breaches=Breaches(1, 2, 3, 4, 5, 6))
    said = missed(replace(figures(), account=account))
    assert [line.rsplit(", ", 1)[0] for line in said] == [
        "duplicates: 1",
        "ghosts: 2",
        "unresolved: 3",
        "position mismatches: 4",
        "limit breaches: 5",
        "short positions: 6",
    ]


def test_too_many_connections_are_an_aim_missed_and_none_seen_too() -> None:
    for most in (0, 17):
        seen = {**figures().connections, "all processes": most}
        said = missed(replace(figures(), connections=seen))
        assert said == [f"most connections of all processes: {most}, aim ≤ 16"]


def test_every_line_with_an_aim_is_marked() -> None:
    assert all(line.aim or line.holds for line in lines(figures()))
