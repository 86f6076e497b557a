"""What every broker must do, whoever implements it; each supplies only the stage."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

import pytest
from broker_orders import an_order

from app.adapters.port import Broker
from app.engine.errors import Rejected
from app.engine.lifecycle import apply_broker_order
from app.engine.orders import FINAL, Order, OrderState, OrderType, Side, TimeInForce
from app.engine.portfolio import cash_after
from app.engine.rounding import to_tick


class Stage(Protocol):
    """A broker in an open session with a flat account, and a market that can be waited for."""

    @property
    def broker(self) -> Broker: ...

    @property
    def since(self) -> datetime:
        """Return when this stage began; nothing older is this test's."""

    def ask(self, symbol: str) -> Decimal:
        """Return about what a share costs now."""

    def until(self, happened: Callable[[], bool]) -> None:
        """Let the market run until something has happened; fail when it does not."""

    def fall(self, symbol: str, to: Decimal) -> None:
        """Let the price fall to ``to``, which is a little below it."""


def a_resting_order(stage: Stage, test: str, **overrides: Any) -> Order:
    """Return a buy limit order at half the price: it stays open."""
    limit = to_tick(stage.ask("AAPL") / 2)
    return an_order(test, type=OrderType.LIMIT, limit_price=limit, **overrides)


def a_stop(stage: Stage, test: str, **overrides: Any) -> Order:
    """Return a sale of the two shares at half the price: it rests until it is cancelled."""
    stop = {"stop_price": to_tick(stage.ask("AAPL") / 2), "time_in_force": TimeInForce.GTC}
    return an_order(test, side=Side.SELL, type=OrderType.STOP, **{**stop, **overrides})


def bought(stage: Stage, test: str) -> str:
    """Buy and wait for the fill; return the broker's id."""
    placed = stage.broker.submit(an_order(test))
    wait_filled(stage, placed.broker_id)
    return placed.broker_id


def wait_filled(stage: Stage, broker_id: str) -> None:
    def filled() -> bool:
        order = stage.broker.order(broker_id)
        return order is not None and order.state is OrderState.FILLED

    stage.until(filled)


class BrokerContract:
    """Each implementation inherits this and supplies a fresh ``stage``."""

    def test_repeating_a_client_id_places_nothing_new(self, stage: Stage) -> None:
        order = a_resting_order(stage, "repeat")
        first = stage.broker.submit(order)
        for again in (order, replace(order, quantity=Decimal(5))):
            with pytest.raises(Rejected) as refused:
                stage.broker.submit(again)
            assert refused.value.code == "duplicate"
        assert [o.broker_id for o in stage.broker.orders_since(stage.since)] == [first.broker_id]

    def test_an_account_has_an_id_that_stays(self, stage: Stage) -> None:
        first = stage.broker.account().id
        bought(stage, "id")
        assert first
        assert stage.broker.account().id == first

    def test_a_client_id_stays_taken_after_its_order_ended(self, stage: Stage) -> None:
        order = a_resting_order(stage, "taken")
        placed = stage.broker.submit(order)
        stage.broker.cancel(placed.broker_id)
        with pytest.raises(Rejected) as refused:
            stage.broker.submit(order)
        assert refused.value.code == "duplicate"

    def test_an_order_is_found_by_both_ids(self, stage: Stage) -> None:
        order = a_resting_order(stage, "found")
        placed = stage.broker.submit(order)
        by_id = stage.broker.order(placed.broker_id)
        assert by_id is not None
        assert by_id == stage.broker.order_by_client_id(order.client_id)
        assert (by_id.client_id, by_id.symbol, by_id.side) == (order.client_id, "AAPL", Side.BUY)
        assert (by_id.quantity, by_id.filled_quantity) == (2, 0)
        assert (by_id.type, by_id.time_in_force) == ("limit", "day")

    def test_unknown_ids_are_none(self, stage: Stage) -> None:
        for unknown in ("904837e3-3b76-47ec-b432-046db621571b", "no-such-order", "", ".", "a/b"):
            assert stage.broker.order(unknown) is None
        assert stage.broker.order_by_client_id("never-sent") is None

    def test_a_market_order_fills_and_the_position_appears(self, stage: Stage) -> None:
        assert stage.broker.positions() == {}
        found = stage.broker.order(bought(stage, "fills"))
        assert found is not None
        assert found.average_price is not None
        held = stage.broker.positions()
        assert (held["AAPL"].quantity, held["AAPL"].average_price) == (2, found.average_price)

    def test_what_was_bought_can_be_sold(self, stage: Stage) -> None:
        bought(stage, "round trip")
        sale = stage.broker.submit(an_order("round trip back", side=Side.SELL))
        wait_filled(stage, sale.broker_id)
        assert stage.broker.positions() == {}
        assert stage.broker.account().cash == stage.broker.account().equity

    def test_a_limit_order_rests_and_cancels(self, stage: Stage) -> None:
        placed = stage.broker.submit(a_resting_order(stage, "rests"))
        assert placed.state is OrderState.SUBMITTED
        assert [o.broker_id for o in stage.broker.open_orders()] == [placed.broker_id]
        stage.broker.cancel(placed.broker_id)
        stage.until(lambda: not stage.broker.open_orders())
        found = stage.broker.order(placed.broker_id)
        assert found is not None
        assert (found.state, found.filled_quantity) == (OrderState.CANCELLED, 0)

    def test_a_stop_rests_holds_its_shares_and_lets_go_of_them(self, stage: Stage) -> None:
        assert stage.broker.capabilities.stop_orders
        bought(stage, "stopped")
        placed = stage.broker.submit(a_stop(stage, "stop"))
        assert placed.state is OrderState.SUBMITTED
        (resting,) = stage.broker.open_orders()
        assert (resting.broker_id, resting.type) == (placed.broker_id, "stop")
        assert (resting.quantity, resting.time_in_force) == (2, "gtc")
        with pytest.raises(Rejected):
            stage.broker.submit(an_order("beside the stop", side=Side.SELL))
        stage.broker.cancel(placed.broker_id)
        stage.until(lambda: not stage.broker.open_orders())
        wait_filled(stage, stage.broker.submit(an_order("after it", side=Side.SELL)).broker_id)
        assert stage.broker.positions() == {}

    def test_a_stop_sells_when_the_price_falls_to_it(self, stage: Stage) -> None:
        bought(stage, "falls")
        price = to_tick(stage.ask("AAPL") * Decimal("0.9997"))
        placed = stage.broker.submit(a_stop(stage, "falling stop", stop_price=price))
        stage.fall("AAPL", price)
        wait_filled(stage, placed.broker_id)
        assert stage.broker.positions() == {}
        with pytest.raises(Rejected) as refused:
            stage.broker.cancel(placed.broker_id)
        assert refused.value.code == "not_open"

    def test_a_stop_for_a_part_leaves_the_rest_to_be_sold(self, stage: Stage) -> None:
        bought(stage, "part")
        stop = stage.broker.submit(a_stop(stage, "part of it", quantity=Decimal(1)))
        with pytest.raises(Rejected):
            stage.broker.submit(an_order("all of it", side=Side.SELL))
        rest = stage.broker.submit(an_order("the rest", side=Side.SELL, quantity=Decimal(1)))
        wait_filled(stage, rest.broker_id)
        assert stage.broker.positions()["AAPL"].quantity == 1
        assert [o.broker_id for o in stage.broker.open_orders()] == [stop.broker_id]

    def test_a_finished_order_cannot_be_cancelled(self, stage: Stage) -> None:
        with pytest.raises(Rejected) as refused:
            stage.broker.cancel(bought(stage, "finished"))
        assert refused.value.code == "not_open"
        assert stage.broker.positions()["AAPL"].quantity == 2

    def test_an_unknown_order_cannot_be_cancelled(self, stage: Stage) -> None:
        resting = stage.broker.submit(a_resting_order(stage, "survives"))
        for unknown in ("904837e3-3b76-47ec-b432-046db621571b", "", ".", ".."):
            with pytest.raises(Rejected) as refused:
                stage.broker.cancel(unknown)
            assert refused.value.code == "not_found"
        assert [o.broker_id for o in stage.broker.open_orders()] == [resting.broker_id]

    def test_more_than_the_buying_power_is_refused(self, stage: Stage) -> None:
        power = stage.broker.account().buying_power
        too_many = (power / stage.ask("AAPL")).to_integral_value() * 2
        with pytest.raises(Rejected):
            stage.broker.submit(an_order("too much", quantity=too_many))
        assert stage.broker.orders_since(stage.since) == []

    def test_open_purchases_hold_buying_power(self, stage: Stage) -> None:
        before = stage.broker.account()
        order = a_resting_order(stage, "holds")
        stage.broker.submit(order)
        after = stage.broker.account()
        assert order.limit_price is not None
        assert after.cash == before.cash
        assert after.buying_power == before.buying_power - 2 * order.limit_price

    def test_more_than_is_held_cannot_be_sold(self, stage: Stage) -> None:
        with pytest.raises(Rejected):
            stage.broker.submit(an_order("naked", side=Side.SELL))
        bought(stage, "cover")
        for name, quantity in (("one too many", 3), ("far too many", 2_000)):
            order = an_order(name, side=Side.SELL, quantity=Decimal(quantity))
            with pytest.raises(Rejected):
                stage.broker.submit(order)
        assert stage.broker.positions()["AAPL"].quantity == 2

    def test_executions_sum_to_the_position_and_the_cash(self, stage: Stage) -> None:
        start = stage.broker.account().cash
        first = bought(stage, "sum one")
        second = bought(stage, "sum two")
        fills = stage.broker.executions(stage.since)
        assert sum(fill.quantity for fill in fills) == 4
        assert stage.broker.positions()["AAPL"].quantity == 4
        assert {fill.broker_order_id for fill in fills} == {first, second}
        assert len({fill.id for fill in fills}) == len(fills)
        assert stage.broker.account().cash == cash_after(start, fills)
        for order_id in (first, second):
            own = [fill for fill in fills if fill.broker_order_id == order_id]
            assert max(fill.cumulative for fill in own) == 2

    def test_fees_and_executions_are_all_that_the_cash_has_seen(self, stage: Stage) -> None:
        start, day = stage.broker.account().cash, stage.broker.clock().at.date()
        before = {fee.id for fee in stage.broker.fees(day)}
        bought(stage, "charged")
        wait_filled(stage, stage.broker.submit(an_order("back", side=Side.SELL)).broker_id)
        listed = stage.broker.fees(day)
        charged = sum((fee.amount for fee in listed if fee.id not in before), Decimal(0))
        fills = stage.broker.executions(stage.since)
        assert stage.broker.account().cash == cash_after(start, fills) - charged
        assert stage.broker.fees(day) == listed
        assert len({fee.id for fee in listed}) == len(listed)
        assert all(fee.date >= day for fee in listed)
        assert stage.broker.fees(day + timedelta(days=1)) in ([], ())

    def test_executions_are_listed_from_an_instant_on(self, stage: Stage) -> None:
        bought(stage, "since")
        (*_, last) = stage.broker.executions(stage.since)
        assert last in stage.broker.executions(last.at)
        assert stage.broker.executions(last.at + timedelta(milliseconds=1)) == []

    def test_replacing_gives_a_successor(self, stage: Stage) -> None:
        order = a_resting_order(stage, "replaced")
        placed = stage.broker.submit(order)
        assert order.limit_price is not None
        lower = to_tick(order.limit_price / 2)
        successor = stage.broker.replace(placed.broker_id, quantity=Decimal(3), limit_price=lower)
        assert successor.broker_id != placed.broker_id
        stage.until(lambda: len(stage.broker.open_orders()) == 1)
        (left,) = stage.broker.open_orders()
        assert (left.broker_id, left.quantity) == (successor.broker_id, 3)
        old = stage.broker.order(placed.broker_id)
        assert old is not None
        assert (old.state, old.replaced_by) == (OrderState.CANCELLED, successor.broker_id)
        ours = replace(order, state=OrderState.SUBMITTED)
        heard = apply_broker_order(ours, old)
        heard = apply_broker_order(heard.order, left, heard.chain)
        assert (heard.order.state, heard.order.quantity) == (OrderState.SUBMITTED, 3)
        assert heard.order.limit_price == lower

    def test_a_finished_order_cannot_be_replaced(self, stage: Stage) -> None:
        broker_id = bought(stage, "too late")
        with pytest.raises(Rejected):
            stage.broker.replace(broker_id, quantity=Decimal(3))

    def test_the_lists_of_orders_agree(self, stage: Stage) -> None:
        filled = bought(stage, "list one")
        resting = stage.broker.submit(a_resting_order(stage, "list two"))
        gone = stage.broker.submit(a_resting_order(stage, "list three"))
        stage.broker.cancel(gone.broker_id)
        stage.until(lambda: len(stage.broker.open_orders()) == 1)
        everything = stage.broker.orders_since(stage.since)
        ids = [order.broker_id for order in everything]
        assert ids == [filled, resting.broker_id, gone.broker_id]
        still_open = [order for order in everything if order.state not in FINAL]
        assert still_open == list(stage.broker.open_orders())
        later = stage.broker.orders_since(everything[1].created_at)
        assert [order.broker_id for order in later] == ids[1:]

    def test_a_senseless_quantity_is_refused_before_sending(self, stage: Stage) -> None:
        for quantity in ("NaN", "0", "-1", "Infinity"):
            with pytest.raises(Rejected) as refused:
                stage.broker.submit(an_order(f"no {quantity}", quantity=Decimal(quantity)))
            assert refused.value.code == "invalid"
        assert stage.broker.orders_since(stage.since) == []

    def test_the_session_is_stated_in_utc(self, stage: Stage) -> None:
        clock = stage.broker.clock()
        assert clock.is_open
        assert clock.at < clock.next_close < clock.next_open
        for moment in (clock.at, clock.next_open, clock.next_close):
            assert moment.utcoffset() == timedelta(0)
