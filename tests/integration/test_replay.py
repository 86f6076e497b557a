"""A day's tape is played again: equal byte for byte, or the first difference is shown in full."""

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pipeline_market import CALENDAR, MINUTE, NOON, SECOND, D
from pipeline_world import World, world_of

from app.config import changes
from app.config.loading import load
from app.engine.book import BookStatus
from app.engine.errors import InvalidData
from app.engine.ids import slot_of
from app.io.store import settings_log, tape
from app.io.store.settings_log import Entry
from app.io.store.tape import Kind
from app.lab import days, tape_file
from app.lab.replay import Replayed, replay
from app.lab.tape_file import Day
from app.pipeline import exits, quotes, reconcile, signals

TICK = 30 * SECOND


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    """A book in the middle of its day, whose tape says what its settings are."""
    with world_of((database_url, redis_url), tmp_path, stops=True) as made:
        made.market.drift = {"AAPL": 0.0008, "MSFT": -0.0008, "TSLA": 0.0006}
        assert made.open() == "TRADING"
        values = changes.in_force(load({}, Path("no such file")), made.book.id, {}).values
        with made.to.database.begin() as db:
            entry = Entry(NOON, "fingerprint", "a test", None, values)
            settings_log.add_once(db, made.book.id, entry)
        yield made


def the_day(world: World) -> Day:
    with world.to.database.begin() as db:
        return days.day(db, world.book.id, CALENDAR, NOON.date())


def played(day: Day) -> Replayed:
    return replay(day.book, day.rows)


def half_a_minute(world: World, worker: int = 0) -> None:
    """Do once what beat asks for in half a minute, and tell what the broker's stream says."""
    to, number = world.services[worker], slot_of(world.market.at, TICK)
    quotes.update(to, number)
    signals.generate(to, number)
    exits.check(to)
    world.run(to=to)
    for order in world.orders():
        if order.broker_id:
            world.stream(order)
    world.run(to=to)


def move(world: World, symbol: str, share: str) -> None:
    bid, ask = world.market.prices[symbol]
    world.market.prices[symbol] = (bid * (1 + D(share)), ask * (1 + D(share)))


def lively(world: World) -> None:
    """Rise, buy, fall through the stop, compare, halt: some of everything that decides."""
    for turn in range(6):
        world.market.at += TICK
        move(world, "AAPL", "0.001" if turn < 4 else "-0.02")
        world.happens("AAPL", id=f"e:{turn}", at=world.market.at, first_seen_at=world.market.at)
        half_a_minute(world)
    world.wait(MINUTE)
    reconcile.run(world.to)
    world.set_status(BookStatus.REDUCING)
    world.signal("TSLA")
    half_a_minute(world)


def test_a_lively_day_is_decided_the_same_again(world: World) -> None:
    lively(world)
    assert {order.purpose for order in world.orders()} >= {"entry", "protect"}
    result = played(the_day(world))
    assert result.difference is None
    assert result.equal
    assert set(result.decisions) == {"signals", "exits", "cycle"}
    assert result.decisions["signals"] == 7


def test_steps_that_run_at_the_same_time_are_decided_the_same_again(world: World) -> None:
    """What each of them saw of the others is on the tape, however they were interleaved."""
    workers = [world.worker() for _ in range(4)]
    for turn in range(5):
        world.market.at += TICK
        move(world, "AAPL", "0.001")
        number = slot_of(world.market.at, TICK)
        work: list[Any] = [
            lambda number=number: quotes.update(workers[0], number),
            lambda number=number: signals.generate(workers[1], number),
            lambda: exits.check(workers[2]),
            lambda: world.run(to=workers[3]),
            lambda turn=turn: world.happens("MSFT", id=f"m:{turn}"),
        ]
        with ThreadPoolExecutor(len(work)) as pool:
            for done in [pool.submit(each) for each in work * 2]:
                done.result()
        for order in world.orders():
            if order.broker_id:
                world.stream(order)
    result = played(the_day(world))
    assert result.difference is None
    assert result.equal
    assert result.decisions.total() > 20


def test_a_day_that_begins_with_positions_and_orders_is_decided_the_same_again(
    world: World,
) -> None:
    lively(world)
    world.set_status(BookStatus.ACTIVE)
    world.wait(10 * MINUTE)
    reconcile.run(world.to)
    world.buy("NVDA")
    world.at(CALENDAR.next_after(NOON.date()).open + 20 * MINUTE)
    assert world.open() == "TRADING"
    for _ in range(3):
        world.market.at += TICK
        half_a_minute(world)
    with world.to.database.begin() as db:
        day = days.day(db, world.book.id, CALENDAR, world.market.at.date())
    assert day.rows[0].read()["state"]["positions"]["NVDA"]["quantity"] != "0"
    assert played(day).equal


def altered(day: Day, name: str, to: Any) -> Day:
    """Return a day in which somebody has changed the last turn that made a change."""
    rows = list(day.rows)
    for place in range(len(rows) - 1, 0, -1):
        if rows[place].kind is Kind.FACTS and rows[place].read()[0][0] == name:
            calls = rows[place].read()
            to(calls[0][1])
            rows[place] = replace(rows[place], body=tape.packed(calls))
            return replace(day, rows=tuple(rows))
    raise AssertionError(f"no turn has changed {name}")


def test_the_first_difference_is_shown_in_full(world: World) -> None:
    lively(world)

    def cheaper(args: Any) -> None:
        for quote in args[1]:
            quote["last"] *= 0.9

    result = played(altered(the_day(world), "quotes.save", cheaper))
    assert not result.equal
    assert result.different > 0
    first = result.difference
    assert first is not None
    assert first.recorded != first.replayed
    assert first.step in ("signals", "exits", "cycle")
    assert result.recorded == played(the_day(world)).recorded


def test_a_day_travels_in_a_file(world: World, tmp_path: Path) -> None:
    lively(world)
    day = the_day(world)
    size = tape_file.write(day, tmp_path / "day.tape")
    assert size == (tmp_path / "day.tape").stat().st_size
    assert tape_file.read(tmp_path / "day.tape") == day
    assert [path.name for path in tmp_path.glob("*.tape*")] == ["day.tape"]


def rewritten(path: Path, change: Any) -> None:
    """Change the lines of a tape's file."""
    lines = gzip.decompress(path.read_bytes()).decode().split("\n")
    path.write_bytes(gzip.compress("\n".join(change(lines)).encode()))


def newer(lines: list[str]) -> list[str]:
    return [json.dumps(json.loads(lines[0]) | {"format": 99}), *lines[1:]]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda p: p.write_bytes(p.read_bytes()[:-100]), "is cut off or damaged: export the day"),
        (lambda p: rewritten(p, lambda lines: lines[:-1]), "was altered since it was written"),
        (lambda p: rewritten(p, newer), "is written in format 99, this version reads 1"),
        (lambda p: p.write_text("not a tape"), "it is no tape; `metronome tape export` writes one"),
        (lambda p: p.write_bytes(gzip.compress(b"[]")), "is no tape; `metronome tape export`"),
        (lambda p: p.unlink(), "cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_is_no_sound_tape_is_refused_in_one_line(
    world: World, tmp_path: Path, harm: Any, said: str
) -> None:
    path = tmp_path / "day.tape"
    tape_file.write(the_day(world), path)
    harm(path)
    with pytest.raises(InvalidData, match=said) as error:
        tape_file.read(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


def test_a_tape_that_cannot_be_played_says_why(world: World) -> None:
    lively(world)
    day = the_day(world)
    with pytest.raises(InvalidData, match="does not begin with a day's base"):
        played(replace(day, rows=day.rows[1:]))
    base = replace(day.rows[0], body=tape.packed({"format": 99}))
    with pytest.raises(InvalidData, match="format 99, this version reads 1"):
        played(replace(day, rows=(base, *day.rows[1:])))
    damaged = replace(day.rows[1], body=day.rows[1].body[:-5])
    with pytest.raises(InvalidData, match=f"tape row {damaged.id} is damaged"):
        played(replace(day, rows=(day.rows[0], damaged)))
    unknown = replace(day.rows[1], body=tape.packed([["orders.invent", [], {}]]), kind=Kind.FACTS)
    with pytest.raises(InvalidData, match=r"'orders\.invent', .*is no change"):
        played(replace(day, rows=(day.rows[0], unknown)))


def test_a_date_without_a_tape_is_named_beside_those_that_there_are(world: World) -> None:
    with world.to.database.begin() as db, pytest.raises(InvalidData) as error:
        days.day(db, world.book.id, CALENDAR, NOON.date().replace(day=19))
    assert str(error.value) == (
        f"2026-03-19: not on the tape of {world.book.id}, which has {NOON.date()}"
    )


def test_old_days_are_dropped_whole_and_never_the_newest(world: World) -> None:
    world.at(CALENDAR.next_after(NOON.date()).open + 20 * MINUTE)
    assert world.open() == "TRADING"
    with world.to.database.begin() as db:
        assert len(days.dates(db, world.book.id, CALENDAR)) == 2
        tape.trim(db, world.book.id, NOON - MINUTE)
        assert len(days.dates(db, world.book.id, CALENDAR)) == 2
        assert tape.trim(db, world.book.id, world.market.at + MINUTE) > 0
        (left,) = days.dates(db, world.book.id, CALENDAR)
    assert left == world.market.at.date()
