"""When the paper ledger fills, triggers and ends an order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.paper.matching import Price, Resting, Step, due, sound, step
from app.adapters.port import BrokerClock
from app.engine.errors import Rejected
from app.engine.orders import OrderState, OrderType, Side, TimeInForce

OPEN = datetime(2026, 3, 20, 13, 30, tzinfo=UTC)
CLOSE = datetime(2026, 3, 20, 20, tzinfo=UTC)
NEXT_OPEN = datetime(2026, 3, 23, 13, 30, tzinfo=UTC)
NEXT_CLOSE = datetime(2026, 3, 23, 20, tzinfo=UTC)
PRICE = Price(Decimal("99.90"), Decimal("100.10"))

A_MARKET_BUY = Resting(
    side=Side.BUY,
    type=OrderType.MARKET,
    time_in_force=TimeInForce.DAY,
    limit_price=None,
    stop_price=None,
    triggered=False,
    due=None,
    expires_at=CLOSE,
)


def at(moment: datetime) -> BrokerClock:
    if moment < CLOSE:
        return BrokerClock(moment, True, NEXT_OPEN, CLOSE)
    return BrokerClock(moment, moment >= NEXT_OPEN, NEXT_OPEN, NEXT_CLOSE)


NOON = at(OPEN + timedelta(hours=2))


def test_a_market_order_pays_the_far_side() -> None:
    assert step(A_MARKET_BUY, PRICE, NOON) == Step(fill_price=PRICE.ask)
    assert step(replace(A_MARKET_BUY, side=Side.SELL), PRICE, NOON) == Step(fill_price=PRICE.bid)


def test_nothing_happens_without_a_price_or_a_session() -> None:
    assert step(A_MARKET_BUY, None, NOON) == Step()
    waiting = replace(A_MARKET_BUY, expires_at=NEXT_CLOSE)
    assert step(waiting, PRICE, at(CLOSE + timedelta(hours=1))) == Step()


prices = st.decimals("0.01", "1000", places=2)


@given(limit=prices, bid=prices, spread=st.decimals("0", "5", places=2), buys=st.booleans())
def test_a_limit_order_never_trades_beyond_its_limit(
    limit: Decimal, bid: Decimal, spread: Decimal, buys: bool
) -> None:
    side = Side.BUY if buys else Side.SELL
    order = replace(A_MARKET_BUY, side=side, type=OrderType.LIMIT, limit_price=limit)
    paid = step(order, Price(bid, bid + spread), NOON).fill_price
    crossed = bid + spread <= limit if buys else bid >= limit
    assert (paid is not None) == crossed
    if paid is not None:
        assert paid <= limit if buys else paid >= limit


@given(stop=prices, bid=prices, buys=st.booleans())
def test_a_stop_order_trades_only_once_its_price_is_reached(
    stop: Decimal, bid: Decimal, buys: bool
) -> None:
    side = Side.BUY if buys else Side.SELL
    order = replace(A_MARKET_BUY, side=side, type=OrderType.STOP, stop_price=stop)
    outcome = step(order, Price(bid, bid), NOON)
    reached = bid >= stop if buys else bid <= stop
    assert outcome == (Step(fill_price=bid, triggered=True) if reached else Step())


def test_a_triggered_stop_limit_stays_a_limit_order() -> None:
    order = replace(
        A_MARKET_BUY,
        type=OrderType.STOP_LIMIT,
        stop_price=Decimal(100),
        limit_price=Decimal(100),
    )
    assert step(order, PRICE, NOON) == Step(triggered=True)
    cheaper = Price(Decimal(98), Decimal(99))
    assert step(order, cheaper, NOON) == Step()
    assert step(replace(order, triggered=True), cheaper, NOON).fill_price == 99


def test_a_day_order_ends_with_its_day_and_not_before() -> None:
    order = replace(A_MARKET_BUY, type=OrderType.LIMIT, limit_price=Decimal(1))
    assert step(order, PRICE, at(CLOSE - timedelta(seconds=1))) == Step()
    assert step(order, PRICE, at(CLOSE)).ends is OrderState.EXPIRED
    assert step(order, PRICE, at(NEXT_OPEN)).ends is OrderState.EXPIRED
    assert step(replace(order, expires_at=None), PRICE, at(CLOSE)) == Step()


@pytest.mark.parametrize("tif", [TimeInForce.IOC, TimeInForce.FOK])
def test_an_order_for_now_or_never_is_cancelled_when_it_cannot_fill(tif: TimeInForce) -> None:
    order = replace(A_MARKET_BUY, type=OrderType.LIMIT, limit_price=Decimal(1), time_in_force=tif)
    assert step(order, PRICE, NOON).ends is OrderState.CANCELLED
    assert step(replace(order, type=OrderType.MARKET), PRICE, NOON).fill_price == PRICE.ask


def test_an_order_on_close_fills_at_the_close() -> None:
    order = replace(A_MARKET_BUY, time_in_force=TimeInForce.CLS, due=CLOSE)
    assert step(order, PRICE, at(CLOSE - timedelta(seconds=1))) == Step()
    assert step(order, PRICE, at(CLOSE)).fill_price == PRICE.ask
    too_low = replace(order, type=OrderType.LIMIT, limit_price=Decimal(1))
    assert step(too_low, PRICE, at(CLOSE)).ends is OrderState.EXPIRED


def test_an_auction_takes_orders_until_its_cutoff() -> None:
    assert due(TimeInForce.CLS, at(CLOSE - timedelta(minutes=10))) == CLOSE
    assert due(TimeInForce.CLS, at(CLOSE)) == NEXT_CLOSE
    assert due(TimeInForce.OPG, at(NEXT_OPEN - timedelta(minutes=2))) == NEXT_OPEN
    assert due(TimeInForce.DAY, NOON) is None
    late = {
        TimeInForce.CLS: at(CLOSE - timedelta(minutes=9)),
        TimeInForce.OPG: at(NEXT_OPEN - timedelta(minutes=1)),
    }
    for tif, moment in late.items():
        with pytest.raises(Rejected, match="too late"):
            due(tif, moment)


@pytest.mark.parametrize(
    "price",
    [None, ("NaN", "1"), ("1", "Infinity"), ("0", "1"), ("-1", "1"), ("2", "1")],
    ids=str,
)
def test_a_price_that_is_none_is_not_traded_on(price: tuple[str, str] | None) -> None:
    assert sound((Decimal(price[0]), Decimal(price[1])) if price else None) is None
