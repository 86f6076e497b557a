"""Days that could not be closed in time: told once, tried with pauses, and settled as they were."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from pipeline_market import MINUTE, NOON, SECOND, D
from pipeline_world import World, world_of
from sessions_world import (
    CLOSE,
    MONDAY,
    MONDAYS_CLOSE,
    Teller,
    moves,
    noted,
    page,
    settled,
    teller,
    the_day,
    whys,
)

from app.engine.errors import InvalidData
from app.engine.portfolio import Fee
from app.io.calendar import ExchangeCalendar
from app.io.locks import Lease, Leases
from app.pipeline import reconcile

DAY = timedelta(days=1)


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path, at=NOON) as made:
        assert made.open() == "TRADING"
        yield made


def in_doubt(world: World) -> None:
    """Leave an order of which nobody knows whether it arrived."""
    world.broker.line.append("drop")
    world.signal("AAPL")
    world.run()


def test_a_crash_while_closing_is_told_once(world: World) -> None:
    world.buy("AAPL")
    world.at(CLOSE - 10 * MINUTE)
    assert world.open() == "CLOSING"
    for minutes in (1, 2):
        world.at(MONDAY + minutes * MINUTE)
        assert world.open() == "TRADING"
    assert settled(world, NOON).late
    assert world.logged.count("session_slept_through") == 1


def test_what_was_told_at_the_close_is_not_said_to_be_slept_through(world: World) -> None:
    in_doubt(world)
    world.at(CLOSE + MINUTE)
    assert world.open() == "CLOSING"
    world.at(MONDAY + MINUTE)
    world.open()
    assert "session_slept_through" not in world.logged


def test_a_day_that_cannot_be_settled_is_told_once_and_leaves_the_book_alone(world: World) -> None:
    in_doubt(world)
    world.at(MONDAY + MINUTE)
    calls = counted(world)
    fences = set()
    for _ in range(9):
        assert world.open() == "TRADING"
        fences.add(fence(world))
        world.wait(15 * SECOND)
    assert world.logged.count("session_not_settled") == 1
    assert len(noted(world, "closing")) == 2
    # At 0:00 the settlement and the opening, at 2:00 the settlement once more.
    assert len(fences) == 2
    assert calls.asked["account"] <= 12


def fence(world: World) -> int:
    with world.to.database.begin() as db:
        asked = db.exec_driver_sql("SELECT fence FROM leases WHERE name LIKE 'book:%%'")
        return int(asked.scalar_one())


@dataclass
class Counter:
    """A broker whose calls are counted by name."""

    ledger: object
    asked: dict[str, int]

    def __getattr__(self, name: str) -> object:
        self.asked[name] = self.asked.get(name, 0) + 1
        return getattr(self.ledger, name)


def counted(world: World) -> Counter:
    made = Counter(world.broker.ledger, {})
    world.broker.ledger = made  # type: ignore[assignment]
    return made


def test_no_call_is_left_so_none_is_made(world: World) -> None:
    world.at(CLOSE)
    world.to.buckets.take("broker", world.market.at, cost=9_997)
    calls = counted(world)
    assert world.open() == "CLOSING"
    assert calls.asked == {}
    assert noted(world, "closing")[-1][2] == reconcile.LIMITED
    world.wait(2 * MINUTE)
    assert world.open() == "CLOSED"


def test_a_day_with_bad_data_does_not_hold_up_the_next(world: World) -> None:
    world.buy("AAPL")
    at = CLOSE - 30 * SECOND
    with world.to.database.begin() as db:
        db.exec_driver_sql(
            "INSERT INTO bars_30s SELECT book, symbol, %s, open, high, low, 'NaN', volume, source"
            " FROM bars_30s WHERE symbol = 'AAPL' LIMIT 1",
            (at,),
        )
    world.at(MONDAY + MINUTE)
    assert world.open() == "TRADING"
    assert moves(world, NOON)[-1] == "CLOSING"
    assert noted(world, "closing")[-1][:2] == ("settle", "2026-03-20")
    assert noted(world, "closing")[-1][2] == "not a number: nan"


class Garbled(Teller):
    """A bank whose list of fees nobody can read."""

    def fees(self, since: date) -> list[Fee]:
        raise InvalidData("the fees are no numbers")


def test_an_opening_with_bad_data_is_told_and_tried_again(world: World) -> None:
    world.at(CLOSE)
    world.open()
    ledger = world.broker.ledger
    world.broker.ledger = Garbled(ledger)  # type: ignore[assignment]
    world.at(MONDAY + MINUTE)
    assert world.open() == "INITIALIZING"
    said = ("recover", "2026-03-23", "the fees are no numbers", "tried again")
    assert noted(world, "opening")[-1] == said
    world.broker.ledger = ledger
    assert world.open() == "TRADING"


@pytest.mark.parametrize("ticks", [(), (timedelta(hours=23, minutes=59),)])
def test_where_trading_never_stops_a_day_ends_with_its_date(
    world: World, ticks: tuple[timedelta, ...]
) -> None:
    saturday = NOON.replace(hour=0) + DAY
    world.services[0] = replace(world.to, calendar=ExchangeCalendar("24/7"))
    with world.to.database.begin() as db:
        db.exec_driver_sql("UPDATE sessions SET close_at = %s", (saturday,))
    world.buy("AAPL")
    for tick in ticks:
        world.at(NOON.replace(hour=0) + tick)
        assert world.open() == "CLOSING"
    world.at(saturday + 10 * SECOND)
    assert world.open() == "TRADING"
    assert moves(world, NOON)[-2:] == ["CLOSING", "CLOSED"]
    assert "nobody" not in whys(world, NOON)["CLOSING"]
    assert "session_slept_through" not in world.logged
    row = settled(world, NOON)
    assert (row.late, row.difference) == (False, 0)


# -- another owner ------------------------------------------------------------------------------


@dataclass
class Busy:
    """Leases of which the first one that is asked for is somebody else's."""

    leases: Leases
    left: int = 1

    @contextmanager
    def hold(self, name: str, book: str, ttl_s: float = 15.0) -> Iterator[Lease | None]:
        if self.left:
            self.left -= 1
            yield None
            return
        with self.leases.hold(name, book, ttl_s) as lease:
            yield lease

    def __getattr__(self, name: str) -> object:
        return getattr(self.leases, name)


def test_a_day_that_a_later_one_settles_keeps_its_own_opening(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """Friday began with a deposit of the night, and Monday is closed before it."""
    with world_of((database_url, redis_url), tmp_path, at=NOON - DAY) as world:
        bank = teller(world)
        world.open()
        world.at(CLOSE - DAY)
        assert world.open() == "CLOSED"
        bank.deposited = D(1000)
        world.at(NOON)
        assert world.open() == "TRADING"
        world.buy("AAPL")
        busy, free = Busy(world.to.leases), world.to.leases
        for moment, state in ((MONDAY + MINUTE, "TRADING"), (MONDAYS_CLOSE, "CLOSED")):
            busy.left = 1
            world.services[0] = replace(world.to, leases=busy)  # type: ignore[arg-type]
            world.at(moment)
            assert world.open() == state
        world.services[0] = replace(world.to, leases=free)
        friday = settled(world, NOON)
        assert friday.cash_open == the_day(world, NOON).cash_open == 101_000
        assert (friday.difference, settled(world, MONDAY).difference) == (0, 0)
        bank.deposited = D(1500)
        world.wait(2 * MINUTE)
        world.open()
        assert moves(world, NOON)[-1] == "CLOSED"
        assert settled(world, NOON) == friday
        assert page(world)[0]["settlement"]["difference"] == "0.00"


def test_who_lost_the_book_meanwhile_opens_nothing(world: World) -> None:
    """The lease runs out while the fees are asked for, and another worker takes the book."""
    world.at(CLOSE)
    world.open()
    world.at(MONDAY + MINUTE)
    other = world.worker()

    class Slow(Teller):
        def fees(self, since: date) -> list[Fee]:
            with other.database.begin() as db:
                db.exec_driver_sql("UPDATE leases SET owner = 'other', fence = fence + 1")
            return []

    ledger = world.broker.ledger
    world.broker.ledger = Slow(ledger)  # type: ignore[assignment]
    assert world.open() == "INITIALIZING"
    assert the_day(world, MONDAY).cash_open is None
    assert noted(world, "opening")[-1][2] == "the book has another owner now"
