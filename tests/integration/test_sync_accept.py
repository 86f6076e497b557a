"""E5: a person takes the broker's number of a position over; what the book counts stays sound."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pipeline_market import MINUTE, SECOND, D
from pipeline_world import World, world_of
from sessions_world import CLOSE, sell, settled, the_day
from stops_world import resting
from switch_world import a_working_entry, money, notes, sync
from test_pipeline_reconcile import a_foreign_order

from app.adapters.port import BrokerPosition
from app.engine.kpis import held_in
from app.engine.orders import Purpose, Side
from app.engine.trades import trades
from app.io.store import accounts, adjustments, fills, sessions
from app.pipeline import exits, invariants, reconcile
from app.pipeline.desk import look
from app.pipeline.invariants import Theirs


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path) as made:
        assert made.open() == "TRADING"
        yield made


def sold_by_hand(world: World, quantity: int, symbol: str = "AAPL") -> None:
    world.broker.ledger.submit(a_foreign_order(symbol, quantity, Side.SELL))


def sound(world: World) -> int:
    """Count the breaches of what positions have to be."""
    theirs = {s: p.quantity for s, p in world.broker.ledger.positions().items()}
    ours = [o.client_id for o in world.theirs() if not o.client_id.startswith("by-hand")]
    with world.to.database.begin() as db:
        return invariants.check(db, world.book, Theirs(ours, theirs), D(100_000)).total


@pytest.mark.parametrize("left", [0, 60])
def test_what_was_sold_by_hand_is_accepted_and_the_book_goes_on(world: World, left: int) -> None:
    bought = world.buy("AAPL").quantity
    before = world.held()["AAPL"]
    world.price("AAPL", "99.50")
    loss = money(world).equity_open - money(world).equity
    sold_by_hand(world, int(bought) - left)
    reconcile.run(world.to)
    assert world.row().reconciled_at is None
    assert sound(world) == 1
    sent = len(world.broker.tried)
    said = sync(world, "accept", symbol="AAPL")
    assert said == f"accepted: {bought} AAPL are now {left}"
    assert len(world.broker.tried) == sent, "nothing is asked of the broker"
    assert world.row().reconciled_at is not None
    assert sound(world) == 0
    after = world.held().get("AAPL")
    assert (after.quantity if after else 0) == left
    if after:
        assert (after.average_price, after.stop_price, after.opened_at, after.at_broker) == (
            before.average_price,
            before.stop_price,
            before.opened_at,
            None,
        )
    with world.to.database.begin() as db:
        [change] = adjustments.all(db, world.book.id)
        session = sessions.current(db, world.book.id)
        opening = accounts.latest(db, world.book.id, "open")
    assert change.quantity == left - bought
    assert (
        notes(world, "position")
        == [
            "entries stopped",
            "accepted by ann: it is right",
            "equal again",
        ][:2]
    )
    now = money(world)
    assert now.cash == world.broker.ledger.account().cash
    assert now.equity_open - now.equity == loss, "neither a gain nor a loss of the day"
    assert session is not None
    assert opening is not None
    assert session.equity_open == opening.account.equity == now.equity_open
    world.signal("NVDA")
    world.run()
    assert world.order("NVDA").purpose is Purpose.ENTRY
    again = sync(world, "accept", symbol="AAPL")
    assert again == f"refused: AAPL: both have {left}; there is nothing to accept"


def test_shares_that_came_in_get_the_brokers_cost_and_a_stop_and_are_sold(world: World) -> None:
    world.broker.ledger.submit(a_foreign_order("MSFT", 7))
    assert sync(world, "accept", symbol="MSFT") == "accepted: 0 MSFT are now 7"
    position = world.held()["MSFT"]
    assert (position.average_price, position.stop_price) == (D("200.01"), D("197.00"))
    assert position.opened_at == world.market.at
    assert sound(world) == 0
    world.price("MSFT", "196")
    exits.check(world.to)
    world.run()
    world.wait(31 * SECOND)
    world.run()
    assert world.held() == world.broker.ledger.positions() == {}
    assert sound(world) == 0


@pytest.mark.parametrize("came", [True, False])
def test_the_day_gains_what_the_book_gained_and_settles_to_the_cent(
    world: World, came: bool
) -> None:
    bought = world.buy("AAPL").quantity
    world.price("AAPL", "101.00")
    if came:
        world.broker.ledger.submit(a_foreign_order("AAPL", 7))
    else:
        sold_by_hand(world, int(bought))
    assert sync(world, "accept", symbol="AAPL").startswith("accepted")
    world.price("AAPL", "101.50")
    world.at(CLOSE)
    assert world.open() == "CLOSED"
    day = settled(world, CLOSE)
    gained = day.realised + day.unrealised - day.adjusted - day.fees
    assert day.difference == 0
    assert day.equity_close - day.equity_open == gained > 0
    assert day.adjusted != 0


def test_what_an_order_may_explain_is_not_accepted(world: World) -> None:
    order = a_working_entry(world)
    world.broker.ledger.submit(a_foreign_order("AAPL", 3))
    assert sync(world, "accept", symbol="AAPL") == (
        f"refused: AAPL: order {order.client_id} has not ended and may explain it; "
        f"`metronome cancel {order.client_id[:12]}` ends it"
    )


@pytest.mark.parametrize(
    ("symbol", "said"),
    [
        ("AAPL", "refused: AAPL: both have 0; there is nothing to accept"),
        ("KO", "refused: KO: us_baskets does not trade it, and leaves it alone"),
        (
            "MSFT",
            "refused: MSFT: the broker is short of 5, and a book only holds long: "
            "buy them back there first",
        ),
    ],
)
def test_what_cannot_be_accepted_is_refused(
    world: World, symbol: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = {"MSFT": BrokerPosition("MSFT", D(-5), D(200)), "KO": BrokerPosition("KO", D(1), D(70))}
    monkeypatch.setattr(world.broker, "positions", lambda: short, raising=False)
    before = world.held()
    assert sync(world, "accept", symbol=symbol) == said
    assert world.held() == before
    with world.to.database.begin() as db:
        assert adjustments.all(db, world.book.id) == []


def test_what_is_accepted_after_the_close_leaves_the_settled_day_as_it_is(world: World) -> None:
    bought = world.buy("AAPL").quantity
    world.price("AAPL", "103")
    exits.check(world.to)
    world.at(CLOSE)
    assert world.open() == "CLOSED"
    ended = the_day(world, CLOSE)
    world.at(CLOSE + 20 * MINUTE)
    theirs = {"AAPL": BrokerPosition("AAPL", bought - 20, D(100))}
    world.broker.positions = lambda: theirs  # type: ignore[attr-defined]
    assert sync(world, "accept", symbol="AAPL").startswith("accepted")
    assert the_day(world, CLOSE) == ended
    assert ended.equity_open == settled(world, CLOSE).equity_open


def test_nothing_is_accepted_by_who_lost_the_book_meanwhile(world: World) -> None:
    world.buy("AAPL")
    sold_by_hand(world, 20)
    asked, times = world.broker.positions, []

    def lost() -> dict[str, BrokerPosition]:
        times.append(1)
        if len(times) > reconcile.READINGS:  # the comparison is over
            with world.to.database.begin() as db:
                db.exec_driver_sql("UPDATE leases SET owner = 'another', fence = fence + 1")
        return dict(asked())

    world.broker.positions = lost  # type: ignore[attr-defined]
    before = world.held()["AAPL"].quantity
    said = sync(world, "accept", symbol="AAPL")
    assert said == "refused: the book has another owner now"
    assert world.held()["AAPL"].quantity == before
    with world.to.database.begin() as db:
        assert adjustments.all(db, world.book.id) == []


def test_what_was_sold_and_left_the_universe_is_somebody_elses_when_it_is_bought_again(
    world: World,
) -> None:
    world.buy("AAPL")
    sell(world, "AAPL")
    universe = world.book.universe
    left = {
        name: tuple(s for s in getattr(universe, name) if s != "AAPL")
        for name in ("tier_a", "tier_b", "bench")
    }
    to = world.worker(book=replace(world.book, universe=replace(universe, **left)))
    world.services.reverse()
    world.broker.ledger.submit(a_foreign_order("AAPL", 7))
    assert reconcile.run(to) == "reconciled"
    assert notes(world, "position") == ["not ours: left alone"]
    assert world.held() == {}
    said = sync(world, "accept", symbol="AAPL")
    assert said == "refused: AAPL: us_baskets does not trade it, and leaves it alone"


def test_a_stop_that_rests_follows_what_was_accepted(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    with world_of((database_url, redis_url), tmp_path, stops=True) as world:
        world.open()
        bought = world.buy("AAPL").quantity
        world.run()
        world.broker.ledger.cancel(resting(world)[0].broker_id or "")
        sold_by_hand(world, 20)
        assert sync(world, "accept", symbol="AAPL") == (
            f"accepted: {bought} AAPL are now {bought - 20}"
        )
        world.wait(16 * SECOND)
        world.run(2)
        (stop,) = resting(world)
        assert stop.quantity == bought - 20


def test_trades_after_an_accept_close_again_and_their_losses_count(world: World) -> None:
    """What a person sold ends the trade; Kelly, summaries and hours see those that follow."""
    bought = world.buy("AAPL").quantity
    sold_by_hand(world, int(bought))
    assert sync(world, "accept", symbol="AAPL") == f"accepted: {bought} AAPL are now 0"
    world.wait(SECOND)
    accepted = world.market.at
    world.wait(31 * SECOND)
    world.buy("AAPL")
    world.price("AAPL", "80")
    sell(world, "AAPL")
    since, until = accepted, world.market.at + SECOND
    with world.to.database.begin() as db:
        made = trades(fills.all(db, world.book.id), adjustments.all(db, world.book.id))
        desk = look(db, world.book, world.to.calendar, until)
    assert [trade.closed_at is None for trade in made] == [False] * 2
    assert held_in(made, since, until) == made[1:]
    (gain,) = desk.gains
    assert gain < D("-0.15")
    world.at(CLOSE)
    assert world.open() == "CLOSED"
    assert settled(world, CLOSE).trades == 1
