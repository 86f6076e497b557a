"""A book belongs to one account: whoever trades in another one does not act as its owner."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pipeline_market import D, Unruly
from pipeline_world import LONG_AGO, NOWHERE, World, world_of

from app.adapters import BROKERS
from app.adapters.port import Rehearsal
from app.engine.errors import Transient
from app.engine.orders import OrderState
from app.engine.portfolio import Account
from app.io.store.schema import book_states
from app.pipeline import cycle, reconcile, sessions
from app.pipeline.contact import Watched
from app.pipeline.services import Services

RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path) as made:
        yield made


class Elsewhere(Unruly):
    """An account of its own, which counts how often it is asked for anything."""

    asked = 0

    def __getattr__(self, name: str) -> object:
        self.asked += name != "name"
        return super().__getattr__(name)


@pytest.fixture
def elsewhere(world: World, tmp_path: Path) -> Elsewhere:
    prices, session = world.market.prices.get, world.market.session
    rehearsal = Rehearsal(tmp_path / "other.sqlite", D(100_000), prices, session)
    return Elsewhere(BROKERS["paper"](NOWHERE, rehearsal))


def worker_at(world: World, broker: Unruly, **changes: Any) -> Services:
    """A worker of another stack: the same database, and another account's key."""
    contact = world.to.broker.contact  # type: ignore[attr-defined]
    return world.worker(broker=Watched(broker, contact), **changes)


def calls(to: Services) -> int:
    return next(level.granted for level in to.buckets.levels() if level.name == "broker")


def bound_to(world: World) -> str | None:
    return world.row().account


def test_a_request_in_doubt_is_not_sent_again_in_another_account(
    world: World, elsewhere: Elsewhere
) -> None:
    world.open()
    second = worker_at(world, elsewhere)
    world.broker.resting, world.broker.hidden = True, 1
    world.broker.line.append("lost")
    world.signal("AAPL")
    world.run()
    assert world.order("AAPL").state is OrderState.UNKNOWN
    for _ in range(4):
        assert cycle.run(second).startswith("not the owner")
        assert reconcile.run(second).startswith("not the owner")
    assert (elsewhere.asked, elsewhere.tried, elsewhere.looked_up) == (1, [], 0), "its account only"
    assert list(elsewhere.ledger.orders_since(LONG_AGO)) == []
    assert world.order("AAPL").state is OrderState.UNKNOWN
    world.run(2)
    assert world.order("AAPL").state is OrderState.SUBMITTED
    assert len(world.theirs()) == 1


def test_it_is_told_once_which_accounts_differ_and_no_id_is_told_whole(
    world: World, elsewhere: Elsewhere
) -> None:
    world.open()
    lines: list[dict[str, str]] = []
    second = worker_at(world, elsewhere, log=lambda event, **a: lines.append({"event": event, **a}))
    for _ in range(3):
        cycle.run(second)
    [line] = lines
    mine, other = world.broker.account().id, elsewhere.account().id
    assert line["event"] == "account_differs"
    assert (line["book_is_in"], line["broker_says"]) == (
        f"{mine[:4]}…{mine[-4:]}",
        f"{other[:4]}…{other[-4:]}",
    )
    assert "runbook" in line["do"]
    assert mine not in str(line)
    assert other not in str(line)


def test_a_book_gets_its_account_when_it_is_first_found_equal(world: World) -> None:
    world.broker.ledger.positions = lambda: {}  # type: ignore[method-assign]
    assert world.open() == "TRADING"
    assert bound_to(world) == world.broker.account().id


def test_a_book_from_before_gets_its_account_with_the_next_comparison_that_agrees(
    world: World, elsewhere: Elsewhere
) -> None:
    world.open()
    world.buy("AAPL")
    with world.to.database.begin() as db:
        db.execute(book_states.update().values(account=None))
    second = worker_at(world, elsewhere)
    assert reconcile.run(second) == "1 positions differ"
    assert bound_to(world) is None
    reconcile.run(world.to)
    assert bound_to(world) == world.broker.account().id
    assert reconcile.run(second).startswith("not the owner")


def test_an_account_is_asked_for_once_in_a_process_life(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.open()
    worker, asked = world.worker(), []
    monkeypatch.setattr(
        world.broker, "account", lambda: asked.append(1) or world.broker.ledger.account(),
        raising=False,
    )  # fmt: skip
    spent = calls(worker)
    for _ in range(3):
        assert cycle.run(worker).startswith("updates 0")
    assert len(asked) == 1
    assert calls(worker) == spent + 1


def test_without_an_answer_nobody_owns_the_book_and_with_one_it_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.open()
    worker = world.worker()

    def away() -> Account:
        raise Transient("no route to host")

    monkeypatch.setattr(world.broker, "account", away, raising=False)
    world.signal("AAPL")
    for _ in range(2):
        said = cycle.run(worker)
        assert said.startswith("not the owner")
        assert said.endswith("no route to host")
    assert world.theirs() == []
    assert world.logged.count("account_unknown") == 1
    monkeypatch.undo()
    cycle.run(worker)
    assert len(world.theirs()) == 1


def test_a_session_is_not_opened_in_another_account(world: World, elsewhere: Elsewhere) -> None:
    world.open()
    world.run()
    world.wait(world.book.schedule.session)
    with world.to.database.begin() as db:
        db.exec_driver_sql("DELETE FROM sessions")
    assert sessions.advance(worker_at(world, elsewhere)) == "INITIALIZING"
    assert "session_not_ready" in world.logged


def free_the_book(world: World) -> tuple[int, int]:
    """Carry out what the runbook says; return how many books were freed and sessions stopped."""
    entry = RUNBOOK.read_text().partition("\n## Another account\n")[2].partition("\n## ")[0]
    statement = entry.partition("```sql\nWITH")[2].partition("```")[0]
    with world.to.database.begin() as db:
        freed, stopped = db.exec_driver_sql(f"WITH{statement}").one()
    return freed, stopped


def test_a_person_frees_a_flat_book_and_the_new_account_gets_it(
    world: World, elsewhere: Elsewhere
) -> None:
    world.open()
    second = worker_at(world, elsewhere)
    assert cycle.run(second).startswith("not the owner")
    assert free_the_book(world) == (1, 1)
    assert reconcile.run(second) == reconcile.AGREED
    assert bound_to(world) == elsewhere.account().id
    assert cycle.run(world.worker()).startswith("not the owner")


@pytest.mark.parametrize("works", [False, True], ids=["held", "open"])
def test_a_book_that_holds_something_or_has_an_order_open_is_not_freed(
    world: World, works: bool
) -> None:
    world.open()
    bound = bound_to(world)
    world.broker.resting = works
    world.buy("AAPL")
    assert bool(world.held()) is not works
    assert free_the_book(world) == (0, 0)
    assert bound_to(world) == bound
