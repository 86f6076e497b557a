"""Playing seeds: on one stage, or shared out to processes that have a stage each."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from tempfile import TemporaryDirectory

from app.local.servers import Servers
from proof.databases import copy, make_template
from proof.sim.stage import Stage
from proof.sim.world import Played, World

#: Seeds that a process plays before it hands in what it found.
PORTION = 50


@dataclass
class Tally:
    """What all seeds together came to; ``failed`` are those with breaches."""

    seeds: int = 0
    orders: Counter[str] = field(default_factory=Counter)
    fills: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    failed: list[Played] = field(default_factory=list)

    def add(self, played: Played) -> None:
        """Count a seed."""
        self.seeds, self.orders = self.seeds + 1, self.orders + played.orders
        self.fills += played.fills
        for fault, count in played.faults.items():
            self.faults[fault] = self.faults.get(fault, 0) + count
        if played.breaches:
            self.failed.append(played)

    def merge(self, other: "Tally") -> None:
        """Add what another process counted."""
        self.seeds, self.orders = self.seeds + other.seeds, self.orders + other.orders
        self.fills += other.fills
        for fault, count in other.faults.items():
            self.faults[fault] = self.faults.get(fault, 0) + count
        self.failed += other.failed


@contextmanager
def stage_on(database_url: str, redis_url: str) -> Iterator[Stage]:
    """Yield a stage on an empty, migrated database, ready for its first seed."""
    stage = Stage(database_url, redis_url)
    try:
        World(stage, 0, rate=0.0).prepare()
        yield stage
    finally:
        stage.close()


def play(stage: Stage, seeds: Sequence[int]) -> Tally:
    """Play seeds one after another."""
    tally = Tally()
    for seed in seeds:
        try:
            tally.add(World(stage, seed).play())
        except Exception as error:
            error.add_note(f"in seed {seed}")
            raise
    return tally


@contextmanager
def servers() -> Iterator[Servers]:
    """Start a PostgreSQL and a Valkey of our own; nothing of them is left at the end."""
    with TemporaryDirectory(prefix="metronome-sim-") as place:
        # PostgreSQL's own account has to walk through when root runs this.
        Path(place).chmod(0o711)
        with Servers(Path(place) / "state") as started:
            try:
                make_template(started)
                yield started
            finally:
                started.stop()
                started.folder.remove()


def share_out(
    of: Servers, seeds: Sequence[int], processes: int, done: Callable[[Tally], None]
) -> Tally:
    """Play seeds in several processes; ``done`` is told of each portion."""
    tally = Tally()
    portions = [seeds[n : n + PORTION] for n in range(0, len(seeds), PORTION)]
    # The order of a set of texts must not differ from run to run.
    os.environ["PYTHONHASHSEED"] = "0"
    context = get_context("spawn")
    given = (of.cluster.url("postgres"), of.redis_url, context.Value("i", 0))
    with ProcessPoolExecutor(processes, context, initializer=_begin, initargs=given) as pool:
        for future in as_completed([pool.submit(_portion, portion) for portion in portions]):
            tally.merge(future.result())
            done(tally)
    return tally


_stages: list[Stage] = []


def _begin(admin: str, redis_url: str, count: "Synchronized[int]") -> None:
    """Give this process a database and a number of Valkey's of its own."""
    with count.get_lock():
        count.value += 1
        number = count.value
    stage = Stage(copy(admin, f"sim_{number}"), f"{redis_url}?db={number}")
    World(stage, 0, rate=0.0).prepare()
    _stages.append(stage)


def _portion(seeds: Sequence[int]) -> Tally:
    return play(_stages[0], seeds)
