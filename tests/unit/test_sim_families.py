"""Brackets, one-cancels-other, one-triggers-other: exits wait, cancel and shrink each other."""

from contextlib import suppress
from datetime import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_builders import DAYS, Desk, a_tape

from app.sim.changes import changed
from app.sim.orders import Order
from app.sim.refusals import Refused
from app.sim.selection import select_orders

D = Decimal
RISE = [100.0, 101.0, 103.0, 106.0, 106.0]
FALL = [100.0, 99.0, 97.0, 94.0, 94.0]
BRACKET = {
    "order_class": "bracket",
    "take_profit": {"limit_price": "105"},
    "stop_loss": {"stop_price": "95"},
}


def a_desk(close: list[float], **more: Any) -> Desk:
    """A desk whose market starts the pattern of closes at ten o'clock."""
    padded = [100.0] * 31 + close + [close[-1]] * (390 - 31 - len(close))
    return Desk(a_tape(close=padded, **more), at=time(10, 0))


def legs(desk: Desk, parent: str) -> list[Order]:
    return desk.exchange.book.children(parent)


def statuses(desk: Desk, parent: str) -> list[str]:
    return [leg.status for leg in legs(desk, parent)]


def test_exits_are_held_until_the_entry_has_filled_completely() -> None:
    desk = a_desk(RISE, volume=500)  # ten shares a trade
    entry = desk.send(qty="15", **BRACKET)
    assert desk.status(entry) == "partially_filled"
    assert statuses(desk, entry) == ["held", "held"]
    desk.until(time(10, 0, 20))
    assert desk.status(entry) == "filled"
    assert statuses(desk, entry) == ["new", "new"]
    assert [(leg.type, leg.side, leg.quantity) for leg in legs(desk, entry)] == [
        ("limit", "sell", D(15)),
        ("stop", "sell", D(15)),
    ]


@pytest.mark.parametrize(
    ("path", "ended"), [(RISE, ["filled", "canceled"]), (FALL, ["canceled", "filled"])]
)
def test_one_exit_s_fill_cancels_the_other(path: list[float], ended: list[str]) -> None:
    desk = a_desk(path)
    entry = desk.send(**BRACKET)
    desk.until(time(10, 30))
    assert statuses(desk, entry) == ended
    assert desk.exchange.ledger.holdings == {}


def test_a_partly_filled_exit_shrinks_the_other() -> None:
    desk = a_desk([100.0, 106.0, 94.0], volume=200)  # four shares a trade, twenty a minute
    entry = desk.send(qty="30", **BRACKET)
    desk.until(time(10, 2))
    assert desk.status(entry) == "filled"
    desk.until(time(10, 2, 59))
    profit, stop = legs(desk, entry)
    assert (profit.filled, stop.quantity) == (D(20), D(10))
    desk.until(time(10, 30))
    assert sum(f.quantity for f in desk.exchange.fills if f.side == "sell") == 30
    assert desk.exchange.ledger.holdings == {}


def test_cancelling_the_entry_cancels_its_exits_and_an_exit_its_sibling() -> None:
    desk = a_desk(RISE)
    waiting = desk.send(type="limit", limit_price="97", **BRACKET)
    desk.exchange.cancel(waiting)
    assert statuses(desk, waiting) == ["canceled", "canceled"]
    entry = desk.send(**BRACKET)
    desk.exchange.cancel(legs(desk, entry)[0].id)
    assert statuses(desk, entry) == ["canceled", "canceled"]
    assert desk.status(entry) == "filled"


def test_held_exits_do_not_trade() -> None:
    desk = a_desk(RISE)
    entry = desk.send(type="limit", limit_price="97", **BRACKET)
    desk.until(time(10, 30))
    assert statuses(desk, entry) == ["held", "held"]
    assert desk.exchange.fills == []


def test_exits_that_were_moved_across_each_other_do_not_both_sell() -> None:
    desk = a_desk([100.0])
    entry = desk.send(time_in_force="gtc", **BRACKET)
    desk.until(time(16, 30))
    profit, stop = legs(desk, entry)
    desk.exchange.replace(stop, changed(stop, {"stop_price": "107"}, 1.0))
    desk.exchange.replace(profit, changed(profit, {"limit_price": "99"}, 1.0))
    desk.until(time(9, 31), DAYS[2])
    assert sum(f.quantity for f in desk.exchange.fills if f.side == "sell") == 10
    assert desk.exchange.ledger.holdings == {}


def test_a_pair_of_exits_holds_its_shares_once() -> None:
    desk = a_desk([100.0])
    desk.send(qty="20")
    desk.send(**{**BRACKET, "order_class": "oco", "side": "sell", "type": "limit"})
    desk.send(side="sell", type="limit", limit_price="120", qty="10")
    with pytest.raises(Refused, match="available: 0"):
        desk.send(side="sell", type="limit", limit_price="120", qty="1")


def test_everything_of_a_day_ends_with_it() -> None:
    desk = a_desk([100.0])
    unfilled, entry = desk.send(type="limit", limit_price="97", **BRACKET), desk.send(**BRACKET)
    desk.until(time(16, 0))
    assert desk.status(unfilled) == "expired"
    assert statuses(desk, unfilled) == ["canceled", "canceled"]
    assert set(statuses(desk, entry)) == {"expired", "canceled"}
    assert desk.exchange.book.open() == []


def test_one_cancels_other_is_a_pair_of_exits_for_what_is_held() -> None:
    desk = a_desk(FALL)
    desk.send()
    pair = {**BRACKET, "order_class": "oco", "side": "sell", "type": "limit"}
    parent = desk.send(**pair)
    assert (desk.status(parent), statuses(desk, parent)) == ("new", ["new"])
    with pytest.raises(Refused, match="insufficient qty available"):
        desk.send(side="sell", qty="1")
    desk.until(time(10, 30))
    assert (desk.status(parent), statuses(desk, parent)) == ("canceled", ["filled"])
    assert desk.exchange.ledger.holdings == {}


def test_one_triggers_other() -> None:
    desk = a_desk(FALL)
    entry = desk.send(order_class="oto", stop_loss={"stop_price": "95", "limit_price": "93"})
    assert [(leg.type, leg.status) for leg in legs(desk, entry)] == [("stop_limit", "new")]
    desk.until(time(10, 30))
    assert statuses(desk, entry) == ["filled"]


def test_held_exits_are_listed_inside_their_parent_only() -> None:
    desk = a_desk(RISE)
    entry = desk.send(type="limit", limit_price="97", **BRACKET)
    everything = list(desk.exchange.book.all.values())
    assert [o.id for o in select_orders(everything, {})] == [entry]
    assert [o.id for o in select_orders(everything, {"nested": "true"})] == [entry]
    desk.exchange.cancel(entry)
    ended = select_orders(list(desk.exchange.book.all.values()), {"status": "closed"})
    assert len(ended) == 3


def test_a_replaced_entry_hands_its_exits_on_in_its_new_size() -> None:
    desk = a_desk(FALL)
    old = desk.exchange.book.find(desk.send(type="limit", limit_price="99.5", **BRACKET))
    new = desk.exchange.replace(old, changed(old, {"qty": 7}, desk.exchange.at))
    assert legs(desk, old.id) == []
    assert [leg.quantity for leg in legs(desk, new.id)] == [D(7), D(7)]
    desk.until(time(10, 30))
    assert desk.exchange.ledger.holdings == {}


def test_an_exit_can_be_moved_while_its_sibling_holds_the_shares() -> None:
    desk = a_desk(RISE)
    entry = desk.send(**BRACKET)
    profit = legs(desk, entry)[0]
    moved = desk.exchange.replace(profit, changed(profit, {"limit_price": "102"}, 1.0))
    desk.until(time(10, 30))
    assert desk.status(moved.id) == "filled"
    assert statuses(desk, entry) == ["replaced", "canceled", "filled"]


@pytest.mark.parametrize(
    "changes",
    [
        {"take_profit": None},
        {"stop_loss": None},
        {"stop_loss": {"stop_price": "100"}},
        {"stop_loss": {"limit_price": "90"}},
        {"stop_loss": {"stop_price": "95.001"}},
        {"stop_loss": [95]},
        {"take_profit": {"limit_price": "94"}},
        {"take_profit": {"limit_price": "x"}},
        {"time_in_force": "ioc"},
        {"qty": "1.5"},
        {"qty": None, "notional": "100"},
        {"order_class": "oto"},
        {"order_class": "oco"},
        {"side": "sell"},
    ],
)
def test_families_that_cannot_be_are_refused_and_leave_nothing(changes: dict[str, Any]) -> None:
    desk = a_desk(RISE)
    with pytest.raises(Refused) as caught:
        desk.send(**{**BRACKET, **changes})
    assert caught.value.status in (403, 422)
    assert desk.exchange.book.all == {}


plans = st.lists(
    st.tuples(
        st.sampled_from(["bracket", "oco", "oto", "sell", "cancel"]),
        st.integers(1, 60),
        st.integers(91, 99),
        st.integers(101, 109),
        st.integers(0, 1500),
    ),
    max_size=15,
)


def ticket(what: str, quantity: int, low: int, high: int) -> dict[str, Any]:
    if what == "sell":
        return {"side": "sell", "qty": str(quantity)}
    body: dict[str, Any] = {"order_class": what, "qty": str(quantity)}
    body["stop_loss"] = {"stop_price": low}
    if what != "oto":
        body["take_profit"] = {"limit_price": high}
    return body | ({"side": "sell", "type": "limit"} if what == "oco" else {})


@settings(max_examples=60, deadline=None)
@given(plans, st.lists(st.integers(90, 110).map(float), min_size=3, max_size=40))
def test_families_never_sell_more_than_is_held(plan: Any, path: list[float]) -> None:
    desk = Desk(a_tape(close=path, volume=1_000), at=time(9, 25))
    for what, quantity, low, high, wait in plan:
        desk.wall.seconds += wait
        desk.exchange.advance()
        if what == "cancel":
            for order in desk.exchange.book.open()[:1]:
                desk.exchange.cancel(order.id)
            continue
        with suppress(Refused):
            desk.send(**ticket(what, quantity, low, high))
    desk.until(time(16, 0), DAYS[2])
    held = D(0)
    for fill in desk.exchange.fills:
        held += fill.quantity if fill.side == "buy" else -fill.quantity
        assert held >= 0
    for order in desk.exchange.book.all.values():
        assert order.filled <= (order.quantity or 0)
        assert not (order.is_open and order.tif == "day")
