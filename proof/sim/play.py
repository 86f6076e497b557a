"""Playing seeds: on one stage, or shared out to processes that have a stage each."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg2

from app.io.store.migrate import migrate
from app.local.postgres import libpq_url
from app.local.servers import Servers
from proof.sim.stage import Stage
from proof.sim.world import Played, World

#: Seeds that a process plays before it hands in what it found.
PORTION = 50
TEMPLATE = "template_metronome"


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
        tally.add(World(stage, seed).play())
    return tally


@contextmanager
def servers() -> Iterator[Servers]:
    """Start a PostgreSQL and a Valkey of our own; nothing of them is left at the end."""
    with TemporaryDirectory(prefix="metronome-sim-") as place:
        # PostgreSQL's own account has to walk through when root runs this.
        Path(place).chmod(0o711)
        with Servers(Path(place) / "state") as started:
            try:
                execute(started, f"CREATE DATABASE {TEMPLATE}")
                migrate(started.cluster.url(TEMPLATE))
                yield started
            finally:
                started.stop()
                started.folder.remove()


def execute(of: Servers, statement: str) -> None:
    """Run a statement that no transaction may hold."""
    connection = psycopg2.connect(libpq_url(of.cluster.url("postgres")))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


def share_out(
    of: Servers, seeds: Sequence[int], processes: int, done: Callable[[Tally], None]
) -> Tally:
    """Play seeds in several processes; ``done`` is told of each portion."""
    tally = Tally()
    portions = [seeds[n : n + PORTION] for n in range(0, len(seeds), PORTION)]
    # The order of a set of texts must not differ from run to run.
    os.environ["PYTHONHASHSEED"] = "0"
    with ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_begin, initargs=(_addresses(of),)
    ) as pool:
        for future in as_completed([pool.submit(_portion, portion) for portion in portions]):
            tally.merge(future.result())
            done(tally)
    return tally


def _addresses(of: Servers) -> tuple[str, str, str]:
    return of.cluster.url("postgres"), of.cluster.url("sim_{0}"), of.redis_url


_stages: list[Stage] = []


def _begin(addresses: tuple[str, str, str]) -> None:
    """Give this process a database and a number of Valkey's of its own."""
    admin, mine, redis_url = addresses
    connection = psycopg2.connect(libpq_url(admin))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(1)")
        cursor.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'sim\\_%'")
        ((before,),) = cursor.fetchall()
        number = before + 1
        cursor.execute(f"CREATE DATABASE sim_{number} TEMPLATE {TEMPLATE}")
    connection.close()
    stage = Stage(mine.format(number), f"{redis_url}?db={number}")
    World(stage, 0, rate=0.0).prepare()
    _stages.append(stage)


def _portion(seeds: Sequence[int]) -> Tally:
    return play(_stages[0], seeds)
