"""The schedule: once a slot, aligned to the market's clock, whatever the clocks do."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import builders
import pytest
from celery.beat import ScheduleEntry
from hypothesis import given
from hypothesis import strategies as st

from app.engine.book import Book
from app.engine.ids import slot_of
from app.io.clock import wall
from app.jobs.celery_app import QUEUES
from app.jobs.schedule import SlotSchedule, beat_schedule, timetables

SECOND = timedelta(seconds=1)
#: The beginning of a slot of 30 s.
START = datetime(2026, 3, 20, 15, 0, tzinfo=UTC)
EVERY = 30 * SECOND


@dataclass
class Settable:
    """A market's clock that stands until it is set."""

    at: datetime = START
    speed: float = 1.0

    def now(self) -> datetime:
        return self.at


def ticks(schedule: SlotSchedule, clock: Settable, moments: list[datetime]) -> list[int]:
    """Look at the schedule at each moment, as beat does; return the slots that it sends."""
    sent = []
    for moment in moments:
        clock.at = moment
        if schedule.is_due(wall())[0]:
            sent.append(schedule.take())
    return sent


def after(*seconds: float) -> list[datetime]:
    return [START + n * SECOND for n in seconds]


def slot(moment: datetime) -> int:
    return slot_of(moment, EVERY)


FIRST = slot(START)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param((0, 5, 29.9), [], id="the slot of the start counts as sent"),
        pytest.param((30, 30.1, 59), [1], id="once a slot"),
        pytest.param((29.999, 30, 60, 90), [1, 2, 3], id="on the slot's first instant"),
        pytest.param((44, 60), [1, 2], id="a late tick does not move the next one"),
        pytest.param((30, 200, 201, 210), [1, 6, 7], id="no burst after a pause"),
        pytest.param((30, 86_400, 86_401), [1, 2880], id="no burst after a long outage"),
        pytest.param((31, 3600 + 31, 3600 + 32), [1, 121], id="a clock set forward"),
        pytest.param((61, 1, 2, 30, 31), [2, 0, 1], id="a clock set back is followed"),
    ],
)
def test_a_tick_is_due_once_a_slot(seconds: tuple[float, ...], expected: list[int]) -> None:
    clock = Settable()
    schedule = SlotSchedule(clock, EVERY, timedelta(0))
    assert ticks(schedule, clock, after(*seconds)) == [FIRST + n for n in expected]


def test_a_wall_clock_that_was_set_changes_nothing() -> None:
    clock = Settable()
    schedule = SlotSchedule(clock, EVERY, timedelta(0))
    for jump in (timedelta(hours=-1), timedelta(hours=1)):
        clock.at += EVERY
        last_run = wall() + jump
        assert schedule.is_due(last_run)[0]
        schedule.take()
        assert not schedule.is_due(last_run)[0]


def test_an_offset_moves_the_whole_slot() -> None:
    clock = Settable()
    schedule = SlotSchedule(clock, EVERY, 10 * SECOND)
    assert ticks(schedule, clock, after(0, 9.9, 10, 11, 39.9, 40)) == [FIRST, FIRST + 1]


@pytest.mark.parametrize(
    ("at", "offset", "speed", "wait"),
    [(0, 0, 1, 30), (29, 0, 1, 1), (0, 10, 1, 10), (11, 10, 1, 29), (0, 0, 60, 0.5)],
)
def test_the_wait_is_in_wall_seconds(at: float, offset: float, speed: float, wait: float) -> None:
    schedule = SlotSchedule(Settable(after(at)[0], speed), EVERY, offset * SECOND)
    assert schedule.is_due(wall())[1] == pytest.approx(wait)
    assert schedule.remaining_estimate(wall()).total_seconds() == pytest.approx(wait)


@given(
    moments=st.lists(st.floats(0, 5_000), max_size=60),
    every=st.sampled_from([1, 7, 15, 30, 300]),
    offset=st.floats(0, 60),
)
def test_whenever_beat_looks_no_slot_is_sent_twice_or_early(
    moments: list[float], every: int, offset: float
) -> None:
    clock, interval = Settable(), every * SECOND
    schedule = SlotSchedule(clock, interval, offset * SECOND)
    begun = slot_of(START - offset * SECOND, interval)
    looked = after(*sorted(moments))
    sent = ticks(schedule, clock, looked)
    # Exactly the slots in which somebody looked, each once, in order, but for the first one.
    seen = dict.fromkeys(slot_of(m - offset * SECOND, interval) for m in looked)
    assert sent == [n for n in seen if n != begun]


@given(moments=st.lists(st.floats(-100_000, 100_000), max_size=60))
def test_however_the_clock_jumps_two_ticks_in_a_row_differ(moments: list[float]) -> None:
    clock = Settable()
    sent = [FIRST, *ticks(SlotSchedule(clock, EVERY, timedelta(0)), clock, after(*moments))]
    assert all(one != next_ for one, next_ in pairwise(sent))


# -- what beat is given ----------------------------------------------------------------------------


@pytest.fixture(params=[1.0, 60.0])
def clock(request: pytest.FixtureRequest) -> Settable:
    return Settable(speed=request.param)


def test_every_task_of_every_book_is_in_the_schedule(clock: Settable) -> None:
    books = [builders.a_book(), builders.a_book(id="second")]
    entries = beat_schedule(books, lambda book: clock)
    expected = {f"{book.id}.{row.task}" for book in books for row in timetables(book)}
    assert set(entries) == expected
    assert len(expected) == 2 * len(timetables(books[0]))


def test_a_tick_expires_before_the_next_one_comes(clock: Settable) -> None:
    book = builders.a_book()
    entries = beat_schedule([book], lambda book: clock)
    for row in timetables(book):
        options = entries[f"{book.id}.{row.task}"]["options"]
        assert options["queue"] in QUEUES
        wanted = 0.8 * row.interval.total_seconds() / clock.speed
        assert options["expires"] == pytest.approx(wanted)


def test_a_tick_names_its_book_and_the_slot_it_was_sent_in(clock: Settable) -> None:
    book = builders.a_book()
    for name, entry in beat_schedule([book], lambda book: clock).items():
        clock.at = START
        celery_entry = ScheduleEntry(name=name, **entry)
        clock.at = START + 10 * timedelta(hours=1)
        assert celery_entry.is_due()[0]
        book_id, take = celery_entry.args
        schedule: SlotSchedule = celery_entry.schedule
        assert (book_id, take()) == (
            book.id,
            slot_of(clock.at - schedule.offset, schedule.interval),
        )
        assert not celery_entry.is_due()[0]
        # Sending makes Celery's next entry of it, which has to remember what was sent.
        assert not next(celery_entry).is_due()[0]


def test_a_books_tasks_do_not_start_at_the_same_instant_as_their_safety_nets() -> None:
    book: Book = builders.a_book()
    rows = {row.task: row for row in timetables(book)}
    assert all(timedelta(0) <= row.offset < row.interval for row in rows.values())
    assert rows["generate_signals"].offset > rows["update_quotes"].offset
