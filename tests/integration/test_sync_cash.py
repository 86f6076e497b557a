"""E5: cash that is missing, with nothing to explain it, stops entries and buys nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pipeline_market import MINUTE, SECOND, D
from pipeline_world import World, world_of
from sessions_world import CLOSE, MONDAY, Teller, rows, settled, teller, the_day
from switch_world import a_working_entry, limits, money, notes, sync

from app.engine.portfolio import Fee
from app.io.store import book_states
from app.pipeline import reconcile

TODAY = CLOSE.date()


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path) as made:
        assert made.open() == "TRADING"
        yield made


@pytest.fixture
def bank(world: World) -> Teller:
    return teller(world)


def enters(world: World, symbol: str) -> bool:
    world.wait(30 * SECOND)
    world.signal(symbol)
    world.run()
    return any(order.symbol == symbol for order in world.orders())


def test_money_that_was_withdrawn_stops_entries_until_it_is_back(
    world: World, bank: Teller
) -> None:
    world.buy("AAPL")
    bank.deposited = D(-90_000)
    for _ in range(2):
        assert reconcile.run(world.to) == reconcile.SHORT
    said = "entries stopped: -90000.00, 90000.00 of it unexplained"
    assert notes(world, "cash") == [said], "once"
    assert world.logged.count("entries_stopped") == 1
    assert not enters(world, "NVDA")
    assert world.reasons("risk")[-1] == "not_reconciled"
    bank.deposited = D(0)
    assert reconcile.run(world.to) == "reconciled"
    assert notes(world, "cash") == [said, "equal again"]
    assert enters(world, "NVDA")


def test_missing_cash_counts_for_no_limit_and_is_no_loss(world: World, bank: Teller) -> None:
    world.buy("AAPL")
    before, held = limits(world), world.held()["AAPL"]
    bank.deposited = D(-60_000)
    reconcile.run(world.to)
    now = limits(world)
    assert now.cash == now.buying_power == bank.account().cash
    assert now.equity == before.equity - 60_000
    assert now.day_start_equity - now.equity == before.day_start_equity - before.equity
    with world.to.database.begin() as db:  # whatever may let it enter
        book_states.set_reconciled(db, world.book.id, world.market.at)
    assert enters(world, "MSFT")
    for symbol in ("NVDA", "TSLA"):
        enters(world, symbol)
    assert world.held()["AAPL"] == held
    assert bank.account().cash >= 0


def test_a_fee_of_the_day_is_explained_and_counts_once(world: World, bank: Teller) -> None:
    world.buy("AAPL")
    bank.charged = (Fee("f1", TODAY, D("12.34")),)
    for _ in range(2):
        assert reconcile.run(world.to) == "reconciled"
    assert notes(world, "cash") == []
    assert money(world).cash == limits(world).cash == bank.account().cash
    world.at(CLOSE)
    assert world.open() == "CLOSED"
    assert (settled(world, CLOSE).fees, settled(world, CLOSE).difference) == (D("12.34"), 0)
    bank.charged += (Fee("f2", TODAY, D("3.21")),)  # posted in the evening
    world.at(CLOSE + 30 * MINUTE)
    assert reconcile.run(world.to) == "reconciled"
    assert rows(world, "fees") == 1, "the next opening counts it"
    world.at(MONDAY)
    assert world.open() == "TRADING"
    assert money(world).cash == bank.account().cash
    assert reconcile.run(world.to) == "reconciled"
    assert notes(world, "cash") == []


def test_what_fees_do_not_explain_stops(world: World, bank: Teller) -> None:
    bank.charged = (Fee("f1", TODAY, D("12.34")),)
    bank.deposited = D("-0.02")
    assert reconcile.run(world.to) == reconcile.SHORT
    assert notes(world, "cash") == ["entries stopped: -0.02, 0.02 of it unexplained"]


def test_an_order_that_is_filling_may_explain_a_shortage(world: World, bank: Teller) -> None:
    """The broker's cash is ahead of its executions: entries go on, with less money."""
    order = a_working_entry(world)
    bank.deposited = -order.reserved_notional / 2
    assert reconcile.run(world.to) == "reconciled"
    assert limits(world).cash == bank.account().cash
    assert notes(world, "cash") == []
    world.broker.cancel(order.broker_id or "")
    assert reconcile.run(world.to) == reconcile.SHORT


def test_cash_that_moves_while_it_is_compared_stops_nothing(
    world: World, bank: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = bank.ledger.positions  # type: ignore[attr-defined]

    def meanwhile() -> object:
        bank.deposited -= 100
        return asked()

    monkeypatch.setattr(bank.ledger, "positions", meanwhile, raising=False)
    assert reconcile.run(world.to) == "reconciled"
    assert notes(world, "cash") == []
    assert limits(world).cash == bank.account().cash, "and what is gone is not spent"


def test_a_person_accepts_the_brokers_cash(world: World, bank: Teller) -> None:
    world.buy("AAPL")
    lost = money(world).equity_open - money(world).equity
    bank.deposited = D(-40_000)
    reconcile.run(world.to)
    before, after = money(world).cash, bank.account().cash
    said = sync(world, "accept", symbol="USD")
    assert said == f"accepted: {before:.2f} USD are now {after:.2f}"
    assert notes(world, "cash")[1:] == ["accepted by ann: it is right"]
    now = money(world)
    assert (now.cash, now.equity_open - now.equity) == (after, lost)
    assert the_day(world, CLOSE).equity_open == now.equity_open
    assert enters(world, "NVDA")
    world.run()
    world.stream(world.order("NVDA"))
    world.run()
    again = sync(world, "accept", symbol="USD")
    assert again == f"refused: both have {bank.account().cash:.2f}; there is nothing to accept"
    world.at(CLOSE)
    assert world.open() == "CLOSED"
    assert settled(world, CLOSE).difference == 0


def test_cash_is_not_accepted_while_something_else_may_explain_it(
    world: World, bank: Teller
) -> None:
    order = a_working_entry(world)
    bank.deposited = D(-40_000)
    assert sync(world, "accept", symbol="USD").startswith(f"refused: USD: order {order.client_id}")
    assert limits(world).cash == bank.account().cash


def test_the_next_opening_takes_the_brokers_cash(world: World, bank: Teller) -> None:
    bank.deposited = D(-90_000)
    reconcile.run(world.to)
    world.at(CLOSE)
    assert world.open() == "CLOSED", "settled, with a difference"
    assert settled(world, CLOSE).difference == -90_000
    refused = sync(world, "accept", symbol="USD")
    assert refused == "refused: no session is under way: the next opening takes the broker's cash"
    world.at(MONDAY)
    assert world.open() == "TRADING"
    assert notes(world, "cash")[-1] == "equal again"
    assert limits(world).equity == money(world).equity == 10_000
    assert enters(world, "AAPL")
