"""F5: a strong signal against what is held sells half of it, once in the time of a lock."""

import math
from datetime import timedelta
from decimal import Decimal

import pytest
from builders import AT, SECOND, D, a_book, a_route_context, a_signal

from app.engine.baskets import Routed, route
from app.engine.orders import Purpose, Side
from app.engine.signals import Signal
from app.engine.state import BookState, from_json, to_json
from app.engine.verdicts import Reason

BOOK = a_book()


def routed(
    *signals: Signal, held: str = "SQQQ", quantity: str = "9", state: BookState | None = None
) -> Routed:
    context = a_route_context(held={held: D(quantity)})
    return route(BOOK, state or BookState(), signals, context)


def sold(answer: Routed) -> list[tuple[str, Decimal | None]]:
    sales = [i for i in answer.intents if i.purpose is Purpose.OPPOSITE]
    assert all(i.side is Side.SELL for i in sales)
    return [(i.symbol, i.quantity) for i in sales]


@pytest.mark.parametrize(
    ("held", "symbol", "score", "shares"),
    [
        ("SQQQ", "AAPL", 0.15, 4),  # a witness of MEGATECH rises: half of 9, cut
        ("SQQQ", "AAPL", 0.149, None),
        ("SQQQ", "SQQQ", -0.15, 4),  # its own sign is turned
        ("SQQQ", "SQQQ", 0.5, None),
        ("SQQQ", "AAPL", -0.5, None),
        ("SQQQ", "NVDA", 0.5, None),  # a witness of another basket
        ("SOXS", "NVDA", 0.5, 4),
        ("AAPL", "AAPL", -0.15, 4),
        ("AAPL", "AAPL", -0.149, None),
        ("AAPL", "MSFT", -0.9, None),
        ("SQQQ", "AAPL", math.nan, None),
    ],
)
def test_f5_a_strong_opposite_signal_sells_half(
    held: str, symbol: str, score: float, shares: int | None
) -> None:
    expected = [(held, D(shares))] if shares else []
    assert sold(routed(a_signal(symbol, score), held=held)) == expected


@pytest.mark.parametrize(("held", "shares"), [("1", "1"), ("3", "1"), ("0.4", "0.4"), ("10", "5")])
def test_at_least_a_share_and_never_more_than_is_held(held: str, shares: str) -> None:
    assert sold(routed(a_signal("AAPL", 0.3), quantity=held)) == [("SQQQ", D(shares))]


def test_one_sale_in_the_time_of_a_lock_and_after_a_restart_too() -> None:
    first = routed(a_signal("AAPL", 0.3), a_signal("MSFT", 0.4))
    (sale,) = (i for i in first.intents if i.purpose is Purpose.OPPOSITE)
    assert sale.signals == (a_signal("MSFT", 0.4).id,)
    assert Reason.ETF_LOCKED in {v.reason for symbol, _, v in first.judged if symbol == "SQQQ"}
    state = from_json(to_json(first.state))
    assert state == first.state
    for seconds, sales in ((89, 0), (90, 1)):
        at = AT + seconds * SECOND
        context = a_route_context(at, held={"SQQQ": D(5)})
        again = route(BOOK, state, [a_signal("AAPL", 0.3, at)], context)
        assert len(sold(again)) == sales


def test_a_signal_that_waited_too_long_sells_nothing() -> None:
    late = a_signal("AAPL", 0.3, AT - BOOK.risk.max_intent_age - timedelta(seconds=1))
    answer = routed(late)
    assert sold(answer) == []
    assert Reason.EXPIRED_INTENT in {v.reason for symbol, _, v in answer.judged if symbol == "SQQQ"}


def test_a_row_of_an_older_version_has_no_such_lock() -> None:
    assert from_json({"etf_locks": {}}).opposite_locks == {}
