"""The market's clock: anchored, scaled, never backwards."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.errors import Rejected, Transient
from app.io import clock
from app.io.clock import MarketClock

OPEN = datetime(2026, 3, 20, 13, 30, tzinfo=UTC)


@dataclass
class World:
    """A machine's seconds and an exchange's clock, moved by hand."""

    seconds: float = 100.0
    market: datetime = OPEN
    delay: float = 0.0
    down: bool = False
    reads: int = 0

    def elapsed(self) -> float:
        return self.seconds

    def read(self) -> datetime:
        self.reads += 1
        self.seconds += self.delay / 2
        if self.down:
            raise Transient("no answer")
        said = self.market
        self.seconds += self.delay / 2
        return said

    def clock(self, speed: float = 1.0) -> MarketClock:
        return MarketClock(self.read, speed, elapsed=self.elapsed)


def test_nothing_is_read_before_the_first_use() -> None:
    world = World()
    built = world.clock()
    assert world.reads == 0
    assert built.now() == OPEN
    assert world.reads == 1


def test_it_runs_at_its_speed_between_readings() -> None:
    world = World()
    built = world.clock(speed=60)
    built.now()
    world.seconds += 10
    assert built.now() == OPEN + timedelta(minutes=10)
    assert world.reads == 1
    assert built.speed == 60


def test_half_the_round_trip_is_added_at_the_markets_speed() -> None:
    world = World(delay=2.0)
    assert world.clock(speed=60).now() == OPEN + timedelta(seconds=60)


def test_it_asks_again_after_half_a_minute_of_the_wall() -> None:
    world = World()
    built = world.clock()
    built.now()
    world.seconds += 29.9
    built.now()
    assert world.reads == 1
    world.seconds += 0.2
    world.market = OPEN + timedelta(seconds=33)
    assert built.now() == OPEN + timedelta(seconds=33)
    assert world.reads == 2


def test_a_first_reading_that_fails_is_raised() -> None:
    world = World(down=True)
    built = world.clock()
    with pytest.raises(Transient):
        built.now()
    world.down = False
    assert built.now() == OPEN


def test_a_later_reading_that_fails_leaves_it_running() -> None:
    world = World()
    built = world.clock()
    built.now()
    world.down = True
    world.seconds += 40
    assert built.now() == OPEN + timedelta(seconds=40)
    built.now()
    assert world.reads == 2, "a broken exchange is not asked on every call"
    world.seconds += clock.RETRY_S
    built.now()
    assert world.reads == 3


def test_other_errors_are_not_hidden() -> None:
    def refuse() -> datetime:
        raise Rejected("403", "forbidden")

    with pytest.raises(Rejected):
        MarketClock(refuse, 1.0).now()


def test_jitter_backwards_waits_instead_of_running_back() -> None:
    world = World()
    built = world.clock()
    built.now()
    world.seconds += 29
    seen = built.now()
    world.seconds += 1
    world.market = seen - timedelta(seconds=2)
    assert built.now() == seen
    world.seconds += 1
    assert built.now() == seen
    world.seconds += 2
    assert built.now() == seen + timedelta(seconds=1)


@pytest.mark.parametrize("jump", [timedelta(hours=-3), timedelta(hours=5)])
def test_an_exchange_that_was_set_is_followed(jump: timedelta) -> None:
    world = World()
    built = world.clock()
    built.now()
    world.seconds += 31
    world.market = OPEN + jump
    assert built.now() == OPEN + jump
    world.seconds += 1
    assert built.now() == OPEN + jump + timedelta(seconds=1)


@given(
    steps=st.lists(
        st.tuples(st.floats(0, 50), st.floats(-4, 4), st.booleans()), min_size=1, max_size=30
    ),
    speed=st.sampled_from([0.5, 1.0, 30.0, 600.0]),
)
def test_it_never_runs_backwards(steps: list[tuple[float, float, bool]], speed: float) -> None:
    world = World()
    built = world.clock(speed)
    last = built.now()
    for passed, jitter, down in steps:
        world.seconds += passed
        true = OPEN + timedelta(seconds=(world.seconds - 100.0) * speed)
        world.market, world.down = true + timedelta(seconds=jitter / 2 * speed), down
        seen = built.now()
        assert seen >= last
        last = seen


def test_threads_wait_for_the_first_reading_and_not_for_the_next() -> None:
    world, may_answer, asked = World(), threading.Event(), threading.Event()

    def answers() -> Iterator[datetime]:
        yield OPEN
        asked.set()
        may_answer.wait(10)
        yield OPEN + timedelta(seconds=60)

    said = answers()
    built = MarketClock(lambda: next(said), 1.0, elapsed=world.elapsed)
    assert built.now() == OPEN
    world.seconds += 60
    reader = threading.Thread(target=built.now)
    reader.start()
    assert asked.wait(10)
    assert built.now() == OPEN + timedelta(seconds=60), "the old anchor serves meanwhile"
    may_answer.set()
    reader.join(10)
    assert not reader.is_alive()


def test_the_wall_is_aware_utc() -> None:
    assert clock.wall().tzinfo is UTC
    before = clock.monotonic()
    clock.pause(0)
    assert clock.monotonic() >= before
