"""Thousands of seeds keep every rule, and without any one of the guards some seed breaks one."""

import pytest

from proof.sim.fate import Fault
from proof.sim.guards import GUARDS
from proof.sim.play import play
from proof.sim.stage import Stage
from proof.sim.world import World

SEEDS, PORTION = 2000, 125
#: Too rare to happen in every portion.
RARE = {Fault.TWICE, Fault.NEVER, Fault.REFUSED, Fault.HIDDEN}
#: Among so many seeds, with faults this frequent, one shows that a guard is missing.
ENOUGH, OFTEN = 400, 0.03


@pytest.mark.parametrize("first", range(1, SEEDS, PORTION))
def test_no_seed_breaks_a_rule(stage: Stage, first: int) -> None:
    tally = play(stage, range(first, first + PORTION))
    told = [f"make sim SEEDS=1 START={p.seed}: {'; '.join(p.breaches)}" for p in tally.failed]
    assert told == []
    # The seeds did play: what was bought was protected and sold, and every kind of fault struck.
    bought, protected = tally.orders["entry"], tally.orders["protect"]
    assert min(bought, protected, tally.fills) > PORTION / 3
    assert tally.orders.total() - bought - protected > PORTION / 12
    assert {fault.split()[0] for fault in tally.faults} >= set(Fault) - RARE


@pytest.mark.parametrize("name", GUARDS)
def test_without_a_guard_some_seed_breaks_a_rule(stage: Stage, name: str) -> None:
    with GUARDS[name](stage):
        seeds = (World(stage, seed, rate=OFTEN).play() for seed in range(1, ENOUGH))
        caught = next((played for played in seeds if played.breaches), None)
    assert caught is not None


def test_with_its_guard_the_seed_is_sound_again(stage: Stage) -> None:
    name = "fills-once"
    with GUARDS[name](stage):
        seeds = (World(stage, seed, rate=OFTEN).play() for seed in range(1, ENOUGH))
        caught = next(played for played in seeds if played.breaches)
    assert World(stage, caught.seed, rate=OFTEN).play().breaches == ()


def test_a_seed_is_the_same_each_time(stage: Stage) -> None:
    for seed in (3, 4, 5):
        first, again = (World(stage, seed, rate=OFTEN).play() for _ in range(2))
        assert first == again
