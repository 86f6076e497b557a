"""The exchange through a day: windows, auctions, expiry, money, shares, and value conserved."""

from contextlib import suppress
from datetime import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_builders import DAYS, TIMETABLE, Desk, a_tape

from app.sim import replies
from app.sim.permission import check_window
from app.sim.refusals import Refused
from app.sim.settings import Terms
from app.sim.times import new_york
from app.sim.timetable import Session

D = Decimal
WAVE = [100.0, 101.0, 102.5, 101.0, 99.0, 97.5, 98.0, 99.5]


def refused(desk: Desk, **order: Any) -> dict[str, Any]:
    with pytest.raises(Refused) as caught:
        desk.send(**order)
    return {"status": caught.value.status, **caught.value.body}


def test_a_market_order_in_the_session_fills_at_once_at_the_offer_plus_slippage() -> None:
    desk = Desk(at=time(10, 0))
    order, reply = desk.exchange.submit(
        {"symbol": "AAPL", "qty": 10, "side": "buy", "type": "market", "time_in_force": "day"}
    )
    assert reply["status"] == "pending_new"
    assert reply["filled_qty"] == "0"
    assert desk.events(order.id) == ["new", "fill"]
    assert desk.average(order.id) == D("100.03")  # 100.00, 1 bps up to 100.01, 1 bps and a cent
    assert desk.exchange.ledger.cash == D(100_000) - 10 * D("100.03")
    assert desk.exchange.equity() == desk.exchange.ledger.cash + 1000


def test_a_market_order_before_the_open_waits_for_it() -> None:
    desk = Desk()
    order = desk.send()
    assert desk.status(order) == "accepted"
    desk.until(time(9, 29, 59))
    assert desk.status(order) == "accepted"
    desk.until(time(9, 30))
    assert desk.events(order) == ["accepted", "new", "fill"]


def test_a_day_order_after_the_close_is_queued_for_the_next_session() -> None:
    desk = Desk(at=time(16, 30))
    order = desk.send()
    desk.until(time(9, 29), DAYS[2])
    assert desk.status(order) == "accepted"
    desk.until(time(9, 30), DAYS[2])
    assert desk.status(order) == "filled"


def test_a_day_order_expires_at_the_close_and_gtc_does_not() -> None:
    desk = Desk(at=time(15, 0))
    day, gtc = (
        desk.send(type="limit", limit_price="90", time_in_force=tif) for tif in ("day", "gtc")
    )
    desk.until(time(16, 0))
    assert (desk.status(day), desk.status(gtc)) == ("expired", "new")
    assert desk.events(day) == ["new", "expired"]


def test_an_opening_order_fills_at_the_opening_print() -> None:
    desk = Desk(a_tape(open=[100.37], high=[100.5], close=[100.1]))
    order = desk.send(time_in_force="opg")
    desk.until(time(9, 30))
    assert desk.average(order) == D("100.37")


def test_a_closing_order_fills_at_the_closing_print() -> None:
    desk = Desk(a_tape(close=WAVE), at=time(15, 49))
    order = desk.send(time_in_force="cls")
    desk.until(time(15, 59, 59))
    assert desk.status(order) == "new"
    desk.until(time(16, 0))
    assert desk.average(order) == desk.exchange.price("AAPL")


@pytest.mark.parametrize(
    ("tif", "at", "taken"),
    [
        ("opg", time(9, 27, 59), True),
        ("opg", time(9, 28), False),
        ("opg", time(18, 59), False),
        ("opg", time(19, 0), True),
        ("cls", time(9, 0), True),
        ("cls", time(15, 49, 59), True),
        ("cls", time(15, 50), False),
        ("cls", time(18, 59), False),
        ("cls", time(19, 0), True),
    ],
)
def test_auction_windows(tif: str, at: time, taken: bool) -> None:
    desk = Desk(at=at)
    if taken:
        assert desk.status(desk.send(time_in_force=tif)) in ("accepted", "new")
    else:
        assert refused(desk, time_in_force=tif)["code"] == 42210000


def test_an_order_bigger_than_the_volume_fills_in_parts() -> None:
    desk = Desk(a_tape(volume=5_000), at=time(10, 0))  # five trades of 1,000, a tenth of each
    order = desk.send(qty="250")
    assert desk.exchange.book.find(order).filled == 100
    desk.until(time(10, 0, 20))
    desk.until(time(10, 0, 30))
    assert desk.events(order) == ["new", "partial_fill", "partial_fill", "fill"]
    assert [u.position for u in desk.updates if u.fill] == [100, 200, 250]


def test_liquidity_of_a_trade_is_used_up_once() -> None:
    desk = Desk(a_tape(volume=5_000), at=time(10, 0))
    first, second = desk.send(qty="60"), desk.send(qty="60")
    assert desk.status(first) == "filled"
    assert desk.exchange.book.find(second).filled == 40


def test_a_client_id_is_unique_for_ever() -> None:
    desk = Desk(at=time(10, 0))
    desk.send(client_order_id="mine")
    answer = refused(desk, client_order_id="mine")
    assert (answer["status"], answer["code"]) == (422, 40010001)


def test_more_than_the_money_is_refused_with_the_numbers() -> None:
    desk = Desk(at=time(10, 0))
    desk.send(type="limit", limit_price="90", qty="1000")
    answer = refused(desk, qty="200")
    assert (answer["status"], answer["code"]) == (403, 40310000)
    assert (answer["buying_power"], answer["cost_basis"]) == ("10000", "20002")


def test_selling_short_is_off_and_promised_shares_are_held() -> None:
    desk = Desk(at=time(10, 0))
    assert refused(desk, side="sell")["message"] == "account is not allowed to short"
    desk.send()
    kept = desk.send(side="sell", type="limit", limit_price="120", qty="7")
    answer = refused(desk, side="sell", qty="4")
    assert answer["code"] == 40310000
    assert (answer["available"], answer["held_for_orders"]) == ("3", "7")
    assert (answer["existing_qty"], answer["related_orders"]) == ("10", [kept])


MARGIN = Terms(multiplier=D(2), fee_per_share=D("0.01"))


def test_a_margin_account_sells_short_what_does_not_say_that_it_closes() -> None:
    desk = Desk(at=time(10, 0), terms=MARGIN)
    answer = refused(desk, side="sell", position_intent="sell_to_close")
    assert (answer["status"], answer["code"]) == (422, 42210000)
    assert "inferred: sell_to_open, specified: sell_to_close" in answer["message"]
    assert refused(desk, side="sell", qty="1.5")["status"] == 422
    short = desk.send(side="sell")
    assert desk.exchange.book.find(short).intent == "sell_to_open"
    assert desk.exchange.ledger.held("AAPL") == -10
    shown = replies.position(desk.exchange, "AAPL")
    assert (shown["qty"], shown["side"], shown["market_value"]) == ("-10", "short", "-1000")
    assert D(shown["avg_entry_price"]) == desk.average(short)
    assert replies.account(desk.exchange)["short_market_value"] == "-1000"
    assert desk.exchange.buying_power() == 2 * desk.exchange.equity() - 1000
    assert refused(desk, side="sell", qty="3000")["message"] == "insufficient buying power"
    assert refused(desk, qty="11")["existing_qty"] == "10", "no order crosses to the other side"
    desk.send()
    assert desk.exchange.ledger.holdings == {}
    assert desk.exchange.equity() == 100_000 + desk.exchange.ledger.realised
    desk.send()
    desk.send(side="sell", position_intent="sell_to_close")
    assert desk.exchange.ledger.holdings == {}


def test_an_order_against_one_s_own_is_refused() -> None:
    desk = Desk(at=time(10, 0))
    desk.send()
    resting = desk.send(side="sell", type="stop", stop_price="90", qty="5")
    answer = refused(desk)
    assert answer["existing_order_id"] == resting
    assert answer["reject_reason"] == "opposite side market order exists"


def test_a_limit_far_from_one_s_own_limit_is_fine() -> None:
    desk = Desk(at=time(10, 0))
    desk.send()
    desk.send(side="sell", type="limit", limit_price="120")
    assert desk.status(desk.send(type="limit", limit_price="90")) == "new"


def test_cancelling_twice_is_refused_and_frees_the_shares_once() -> None:
    desk = Desk(at=time(10, 0))
    order = desk.send(type="limit", limit_price="90")
    before = desk.exchange.buying_power()
    desk.exchange.cancel(order)
    assert desk.exchange.buying_power() == before + 900
    with pytest.raises(Refused) as caught:
        desk.exchange.cancel(order)
    assert (caught.value.status, caught.value.body["code"]) == (422, 42210000)


def test_a_trailing_stop_sells_after_the_fall_from_the_top() -> None:
    desk = Desk(a_tape(close=WAVE), at=time(10, 0, 50))
    desk.send()
    order = desk.send(side="sell", type="trailing_stop", trail_price="3")
    desk.until(time(11, 0))
    assert desk.status(order) == "filled"
    assert desk.exchange.book.find(order).hwm == D("102.5")
    assert D("98.9") <= (desk.average(order) or 0) <= D("99.5")


def test_a_half_day_moves_the_closing_window() -> None:
    half = Session(DAYS[1], new_york(DAYS[1], time(9, 30)), new_york(DAYS[1], time(13)))
    desk = Desk(at=time(9, 25))
    order = desk.exchange.book.find(desk.send(time_in_force="cls"))
    check_window(order, new_york(DAYS[1], time(12, 49)), half)
    with pytest.raises(Refused):
        check_window(order, new_york(DAYS[1], time(12, 51)), half)


def test_time_ends_with_the_calendar_and_the_exchange_does_not_fail() -> None:
    desk = Desk()
    order = desk.send(time_in_force="gtc", type="limit", limit_price="50")
    desk.until(time(23, 0), DAYS[3])
    assert desk.exchange.at == TIMETABLE.end
    assert desk.status(order) == "new"


orders = st.fixed_dictionaries(
    {
        "side": st.sampled_from(["buy", "buy", "sell"]),
        "qty": st.integers(1, 400).map(str),
        "type": st.sampled_from(["market", "limit", "stop", "trailing_stop"]),
        "time_in_force": st.sampled_from(["day", "gtc", "opg", "cls", "ioc", "fok"]),
        "price": st.integers(96, 104),
        "wait": st.integers(0, 2400),
    }
)


def ticket(drawn: dict[str, Any]) -> dict[str, Any]:
    body = {k: drawn[k] for k in ("side", "qty", "type", "time_in_force")}
    names = {"limit": "limit_price", "stop": "stop_price", "trailing_stop": "trail_percent"}
    if drawn["type"] in names:
        price = 1 if drawn["type"] == "trailing_stop" else drawn["price"]
        body[names[drawn["type"]]] = str(price)
    return body


@settings(max_examples=60, deadline=None)
@given(st.lists(orders, max_size=25), st.sampled_from([1, 2]))
def test_value_is_conserved_and_nothing_fills_beyond_its_order(
    plan: list[dict[str, Any]], multiplier: int
) -> None:
    terms = Terms(multiplier=D(multiplier))
    desk = Desk(a_tape(close=WAVE, volume=4_000), at=time(9, 20), terms=terms)
    exchange = desk.exchange
    for step in plan:
        desk.wall.seconds += step["wait"]
        exchange.advance()
        with suppress(Refused):
            desk.send(**ticket(step))
    desk.until(time(16, 0), DAYS[2])
    cash, held = D(100_000), D(0)
    for fill in exchange.fills:
        sign = 1 if fill.side == "buy" else -1
        cash -= sign * fill.quantity * fill.price
        held += sign * fill.quantity
        session = TIMETABLE.latest(fill.at)
        assert session is not None
        assert session.open <= fill.at <= session.close
        assert held >= 0 or terms.may_short
    assert (exchange.ledger.cash, exchange.ledger.held("AAPL")) == (cash, held)
    assert exchange.equity() == cash + held * exchange.price("AAPL")
    for order in exchange.book.all.values():
        mine = [f for f in exchange.fills if f.order_id == order.id]
        assert sum((f.quantity for f in mine), D(0)) == order.filled
        assert order.quantity is not None
        assert order.filled <= order.quantity
        assert (order.status == "filled") == (order.filled == order.quantity)
