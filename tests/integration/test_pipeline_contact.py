"""The line to the broker: after a minute without an answer nothing is entered until one comes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pipeline_world import World, world_of

from app.engine.errors import OutcomeUnknown, Rejected, Transient
from app.engine.orders import Purpose
from app.io.store import recovery
from app.io.store.database import Database
from app.pipeline import contact, reconcile
from app.pipeline.contact import Contact, Watched
from app.pipeline.services import Services


@dataclass
class Line:
    """A broker whose reads fail with ``error`` while it is set."""

    broker: Any
    error: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.broker, name)

    def account(self) -> Any:
        return self._answer("account")

    def clock(self) -> Any:
        return self._answer("clock")

    def _answer(self, name: str) -> Any:
        if self.error:
            raise self.error
        return getattr(self.broker, name)()


@pytest.fixture
def world(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    monkeypatch.setattr(contact, "SAY_AGAIN_S", 0.0)
    with world_of((database_url, redis_url), tmp_path) as made:
        made.broker.ledger = Line(made.broker.ledger)
        made.open()
        yield made


def line(world: World) -> Line:
    found = world.broker.ledger
    assert isinstance(found, Line)
    return found


def cut(world: World, error: Exception | None = None) -> None:
    line(world).error = error or Transient("the broker did not answer: ReadTimeout")


def mend(world: World) -> None:
    line(world).error = None


def last_for(world: World, seconds: int) -> None:
    """Let a silence that has begun have begun so much earlier, by the wall."""
    with world.to.database.begin() as db:
        done = db.exec_driver_sql(
            "UPDATE broker_contact SET missed_wall = missed_wall - make_interval(secs => %s)"
            " WHERE missed_wall IS NOT NULL",
            (seconds,),
        )
    assert done.rowcount == 1


def row(world: World) -> tuple[Any, ...]:
    with world.to.database.begin() as db:
        query = "SELECT reached_wall, missed_wall, told_wall FROM broker_contact"
        return tuple(db.exec_driver_sql(query).one())


def told(world: World) -> list[str]:
    """Return what was done about each outage that was written down, oldest first."""
    with world.to.database.begin() as db:
        return [d.action for d in recovery.listing(db, world.book.id) if d.kind == "broker"]


def lengths(world: World) -> list[int]:
    """Return the seconds of each, as written down."""
    with world.to.database.begin() as db:
        found = [d.theirs or "" for d in recovery.listing(db, world.book.id) if d.kind == "broker"]
    return [int(said.removeprefix("no answer for ").removesuffix(" s")) for said in found]


def call(to: Services) -> None:
    """Make one call to the broker, as reconciliation does each minute."""
    try:
        to.broker.account()
    except (Transient, OutcomeUnknown, Rejected):
        return


def test_an_answer_is_noted_and_a_silence_begins_with_the_last_one(world: World) -> None:
    reached, missed, announced = row(world)
    assert reached is not None
    assert (missed, announced) == (None, None)
    cut(world)
    for _ in range(2):
        call(world.to)
        assert row(world) == (reached, reached, None)


def test_a_book_that_did_not_run_was_not_cut_off(world: World) -> None:
    with world.to.database.begin() as db:
        db.exec_driver_sql(
            "UPDATE broker_contact SET reached_wall = reached_wall - '8 h'::interval"
        )
    cut(world)
    call(world.to)
    reached, missed, _ = row(world)
    assert (missed - reached).total_seconds() > 8 * 3600
    assert told(world) == []


def test_a_quiet_book_notices_that_the_broker_is_gone_and_back(world: World) -> None:
    assert contact.watch(world.to) == "heard of lately"
    with world.to.database.begin() as db:
        db.exec_driver_sql(
            "UPDATE broker_contact SET reached_wall = reached_wall - '16 s'::interval"
        )
    cut(world)
    assert contact.watch(world.to).startswith("no answer: the broker did not answer")
    assert row(world)[1] is not None
    last_for(world, 45)
    assert contact.watch(world.to).startswith("no answer")
    assert told(world) == ["entries stopped"]
    mend(world)
    assert contact.watch(world.to) == "answered"
    assert row(world)[1] is None


def test_after_a_minute_entries_stop_and_exits_go_on(world: World) -> None:
    held = world.buy("AAPL")
    cut(world)
    call(world.to)
    last_for(world, 61)
    world.intend("MSFT")
    world.intend("AAPL", Purpose.STOP_LOSS, quantity=held.quantity)
    world.run()
    assert "broker_unreachable" in world.reasons("risk")
    assert [o.purpose for o in world.orders()] == [Purpose.ENTRY, Purpose.STOP_LOSS]
    assert world.order("AAPL").broker_id


def test_a_shorter_silence_stops_nothing(world: World) -> None:
    cut(world)
    call(world.to)
    last_for(world, 55)
    world.intend("MSFT")
    world.run()
    assert world.order("MSFT").broker_id
    assert told(world) == []


def test_its_begin_and_its_length_are_written_down_once(world: World) -> None:
    others = [world.worker() for _ in range(2)]
    cut(world)
    for to in (world.to, *others):
        call(to)
    last_for(world, 60)
    for to in (*others, world.to, *others):
        call(to)
    assert told(world) == ["entries stopped"]
    assert world.logged.count("broker_unreachable") == 1
    last_for(world, 40)
    mend(world)
    for to in (*others, world.to):
        call(to)
    assert told(world) == ["entries stopped", "entries go on"]
    begun, ended = lengths(world)
    assert 60 <= begun < 70
    assert 100 <= ended < 120
    assert world.logged.count("broker_reached") == 1
    assert row(world)[1:] == (None, None)
    world.intend("MSFT")
    world.run()
    assert world.order("MSFT").broker_id


def test_a_restart_during_an_outage_keeps_it(world: World) -> None:
    cut(world)
    call(world.to)
    last_for(world, 120)
    again = world.worker()
    world.intend("MSFT")
    # It has yet to learn whose account it trades in.
    assert world.run(to=again).startswith("not the owner")
    assert told(world) == ["entries stopped"]
    mend(world)
    world.run(to=again)
    assert told(world) == ["entries stopped", "entries go on"]
    assert lengths(world)[-1] >= 120


def test_reconciliation_ends_an_outage_by_itself(world: World) -> None:
    cut(world)
    reconcile.run(world.to)
    last_for(world, 90)
    mend(world)
    assert reconcile.run(world.to) == "reconciled"
    assert told(world) == ["entries go on"]
    assert 90 <= lengths(world)[0] < 110


@pytest.mark.parametrize(
    ("error", "answered"),
    [
        (Rejected("40310000", "insufficient buying power"), True),
        (Transient("the broker answered 429: too many requests", 3.0), True),
        (Transient("the broker did not answer: ConnectTimeout"), False),
        (OutcomeUnknown("the broker's answer was lost: ReadTimeout"), False),
    ],
)
def test_a_no_is_an_answer_and_silence_is_none(
    world: World, error: Exception, answered: bool
) -> None:
    cut(world, error)
    call(world.to)
    assert (row(world)[1] is None) is answered


def test_an_answer_counts_where_it_cannot_be_noted(world: World) -> None:
    """The database is gone: what the broker said still reaches who asked."""
    nowhere = Database("postgresql+psycopg2://nobody@127.0.0.1:1/none", "test")
    log = world.to.log
    cut_off = Contact(nowhere, world.book.id, world.market.now, log)
    assert Watched(world.broker, cut_off).account().cash > 0
    assert "contact_not_noted" in world.logged
