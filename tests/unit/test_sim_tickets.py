"""Submissions and changes: what is malformed, what breaks a rule, what becomes an order."""

from datetime import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sim_builders import Desk

from app.sim.changes import changed
from app.sim.orders import to_json
from app.sim.refusals import Refused
from app.sim.tickets import read_ticket

D = Decimal
BODY = {"symbol": "AAPL", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}
LIMIT = {"type": "limit", "limit_price": "100"}
STOP = {"type": "stop", "stop_price": "100"}


def read(**changes: Any) -> Any:
    body = {k: v for k, v in {**BODY, **changes}.items() if v is not None}
    return read_ticket(body, {"AAPL": 1}, 0.0, 0)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": None}, 40010001),
        ({"symbol": "ZZZZ"}, 42210000),
        ({"side": "hold"}, 40010001),
        ({"type": "iceberg"}, 40010001),
        ({"time_in_force": "gtd"}, 40010001),
        ({"qty": None}, 40010001),
        ({"qty": "1", "notional": "5"}, 40010001),
        ({"qty": "0"}, 40010001),
        ({"qty": "-1"}, 40010001),
        ({"qty": "NaN"}, 40010001),
        ({"qty": "Infinity"}, 40010001),
        ({"qty": "ten"}, 40010001),
        ({"qty": True}, 40010001),
        ({"qty": ["1"]}, 40010001),
        ({"qty": "0.1234567891"}, 40010001),
        ({"qty": "0.5", "time_in_force": "gtc"}, 42210000),
        ({"qty": None, "notional": "0.5"}, 42210000),
        ({"qty": None, "notional": "50", "time_in_force": "ioc"}, 42210000),
        ({"type": "limit"}, 40010001),
        ({"limit_price": "100"}, 40010001),
        ({**LIMIT, "stop_price": "99"}, 40010001),
        ({**LIMIT, "limit_price": "100.001"}, 42210000),
        ({**LIMIT, "limit_price": "0.12345"}, 42210000),
        ({"type": "stop_limit", "stop_price": "100"}, 40010001),
        ({"type": "trailing_stop"}, 40010001),
        ({"type": "trailing_stop", "trail_price": "1", "trail_percent": "1"}, 40010001),
        ({**STOP, "time_in_force": "ioc"}, 42210000),
        ({**STOP, "time_in_force": "opg"}, 42210000),
        ({"extended_hours": True}, 42210000),
        ({**LIMIT, "extended_hours": True, "time_in_force": "cls"}, 42210000),
        ({"order_class": "mleg"}, 42210000),
        ({"take_profit": {"limit_price": "120"}}, 42210000),
        ({"client_order_id": "x" * 129}, 40010001),
        ({"client_order_id": 7}, 40010001),
    ],
)
def test_bad_submissions_are_422_with_their_code(changes: dict[str, Any], code: int) -> None:
    with pytest.raises(Refused) as caught:
        read(**changes)
    assert (caught.value.status, caught.value.body["code"]) == (422, code)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"qty": 3},
        {"qty": 0.5},
        {"qty": None, "notional": 12.34},
        {**LIMIT, "limit_price": 0.1234, "time_in_force": "gtc"},
        {**LIMIT, "extended_hours": True},
        {**STOP, "time_in_force": "gtc"},
        {"type": "stop_limit", "stop_price": "99", "limit_price": "98.5"},
        {"type": "trailing_stop", "trail_percent": "2.5"},
        {"time_in_force": "opg"},
        {**LIMIT, "time_in_force": "cls"},
        {"order_class": "simple"},
    ],
)
def test_good_submissions_become_orders(changes: dict[str, Any]) -> None:
    order = read(**changes)
    assert order.symbol == "AAPL"
    assert (order.expires_at is not None) == (order.tif == "gtc")


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=3))
def test_no_body_breaks_the_exchange(junk: object) -> None:
    for body in (junk, {**BODY, "qty": junk}, {**BODY, "symbol": junk}, {**BODY, "type": junk}):
        try:
            read_ticket(body, {"AAPL": 1}, 0.0, 0)
        except Refused as refusal:
            assert refusal.status == 422  # noqa: PT017 - either outcome is right


def test_a_replaced_order_has_a_new_id_and_points_both_ways() -> None:
    desk = Desk(at=time(10, 0))
    old = desk.exchange.book.find(desk.send(type="limit", limit_price="90"))
    new = desk.exchange.replace(old, changed(old, {"qty": 5, "limit_price": "91"}, 1.0))
    gone = desk.exchange.book.find(old.id)
    assert (gone.status, gone.replaced_by, new.replaces) == ("replaced", new.id, old.id)
    assert (new.quantity, new.limit, new.status) == (D(5), D(91), "new")
    assert desk.events(old.id) == ["new", "replaced"]
    assert to_json(gone)["replaced_at"] is not None
    assert desk.exchange.buying_power() == D(100_000) - 5 * 91


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"qty": "1.5"}, "whole"),
        ({"limit_price": "90.001"}, "sub-penny"),
        ({"stop_price": "80"}, "have no stop price"),
        ({"trail": "1"}, "have no trail"),
        ({"limit_price": "50000"}, "insufficient buying power"),
    ],
)
def test_a_change_that_cannot_be_leaves_the_order_as_it_was(
    body: dict[str, Any], said: str
) -> None:
    desk = Desk(at=time(10, 0))
    old = desk.exchange.book.find(desk.send(type="limit", limit_price="90"))
    with pytest.raises(Refused, match=said):
        desk.exchange.replace(old, changed(old, body, 1.0))
    assert desk.exchange.book.open("AAPL") == [old]


def test_a_queued_order_cannot_be_replaced() -> None:
    desk = Desk()
    old = desk.exchange.book.find(desk.send(type="limit", limit_price="90"))
    with pytest.raises(Refused, match='cannot replace order in "accepted" state'):
        changed(old, {"qty": 5}, 1.0)
