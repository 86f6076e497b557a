"""Kills alone: each kind has its turn, and around it nothing but the feed is struck."""

from itertools import accumulate
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from proof.chaos.figures import RECOVER_WITHIN_S
from proof.chaos.solos import AFTER_S, BEFORE_S, KINDS, Solos
from proof.chaos.victims import Victim

#: Blows of five minutes, a second apart on average.
MINUTES_5 = [0.9 * number for number in range(333)]


def turns(seed: int, moments: list[float]) -> list[tuple[float, Victim | None]]:
    solos = Solos(Random(seed))
    return [(at, solos.turn(at, somebody_sleeps=False)) for at in moments]


@given(st.integers(0, 1000))
def test_each_kind_is_killed_alone_twice_in_five_minutes(seed: int) -> None:
    dealt = [turn for _, turn in turns(seed, MINUTES_5) if turn not in (None, Victim.FEED)]
    assert all(dealt.count(kind) >= 2 for kind in KINDS)


@given(st.integers(0, 1000), st.lists(st.floats(0.2, 2.0), min_size=50, max_size=100))
def test_around_a_turn_only_the_feed_is_struck(seed: int, gaps: list[float]) -> None:
    moments = list(accumulate(gaps))
    told = turns(seed, moments)
    for alone, turn in told:
        if turn in (None, Victim.FEED):
            continue
        near = [t for at, t in told if -BEFORE_S < at - alone < AFTER_S and at != alone]
        assert set(near) <= {Victim.FEED}
    assert any(turn is None for _, turn in told)


def test_a_turn_waits_for_those_who_are_stopped_for_long() -> None:
    solos = Solos(Random(1))
    assert {solos.turn(at, somebody_sleeps=True) for at in MINUTES_5[:60]} == {None}
    assert solos.turn(60.0, somebody_sleeps=False) is Victim.FEED
    assert solos.turn(60.0 + BEFORE_S, somebody_sleeps=True) in KINDS


def test_a_kind_that_must_recover_has_its_turn() -> None:
    assert {kind.value for kind in KINDS} <= RECOVER_WITHIN_S.keys()
    assert set(Victim) - set(KINDS) == {Victim.FEED, Victim.CHILD}
