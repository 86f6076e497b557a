"""Gates of care: a broker out of reach, and the first orders with real money."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from builders import (
    SECOND,
    D,
    a_book,
    a_position,
    a_quote,
    a_risk_context,
    an_intent,
    by_symbol,
)
from hypothesis import given
from hypothesis import strategies as st

from app.engine.caution import OUTAGE
from app.engine.debut import Debut, first_size
from app.engine.orders import Order, Purpose, Side
from app.engine.risk import Ruling, judge
from app.engine.verdicts import Reason, Verdict

BOOK = a_book()
FRESH = Debut(accepted=False, symbols=frozenset())
SYMBOLS = ("AAPL", "MSFT", "NVDA")


def entry(symbol: str = "AAPL", **context: Any) -> Ruling:
    quotes = {name: a_quote(symbol=name) for name in SYMBOLS}
    given = {"quotes": quotes, **context}
    return judge(BOOK, an_intent(symbol=symbol), a_risk_context(**given))


def an_exit(**context: Any) -> Ruling:
    asked = an_intent(side=Side.SELL, purpose=Purpose.STOP_LOSS, quantity=D(10))
    return judge(BOOK, asked, a_risk_context(positions=by_symbol(a_position()), **context))


def last(ruling: Ruling) -> Verdict:
    return ruling.judged[-1][2]


def made(ruling: Ruling) -> Order:
    assert ruling.order is not None, last(ruling)
    return ruling.order


@pytest.mark.parametrize("silence", [OUTAGE, OUTAGE + SECOND, timedelta(days=3)])
def test_nothing_is_entered_while_the_broker_is_out_of_reach(silence: timedelta) -> None:
    refused = last(entry(unreachable=silence))
    assert (refused.reason, refused.measured, refused.limit) == (
        Reason.BROKER_UNREACHABLE,
        silence,
        OUTAGE,
    )


def test_a_shorter_silence_and_exits_pass() -> None:
    assert made(entry(unreachable=OUTAGE - timedelta(microseconds=1)))
    assert made(an_exit(unreachable=timedelta(hours=1))).quantity == D(10)


def test_the_first_real_order_is_a_tenth_and_the_next_one_is_whole() -> None:
    whole = made(entry()).quantity
    assert made(entry(debut=FRESH)).quantity == whole // 10
    assert made(entry(debut=replace(FRESH, accepted=True))).quantity == whole


def test_what_would_be_less_than_a_share_is_refused_and_not_rounded_up() -> None:
    quotes = {"AAPL": a_quote(last=300.0, bid=299.9, ask=300.1)}
    whole = made(entry(quotes=quotes)).quantity
    assert whole < 10
    refused = last(entry(quotes=quotes, debut=FRESH))
    assert (refused.reason, refused.measured, refused.limit) == (
        Reason.FIRST_REAL_ORDER,
        whole,
        D(10),
    )


def test_no_room_at_all_keeps_its_own_reason() -> None:
    assert last(entry(cash=D(50), debut=FRESH)).reason is Reason.ZERO_QUANTITY


def test_the_first_real_day_trades_one_symbol() -> None:
    begun = FRESH.with_entry("AAPL")
    refused = last(entry("MSFT", debut=begun))
    assert (refused.reason, refused.measured) == (Reason.FIRST_REAL_DAY, "AAPL")
    assert last(entry("MSFT", debut=replace(begun, accepted=True))).reason is Reason.FIRST_REAL_DAY
    assert made(entry("AAPL", debut=begun))


def test_exits_are_neither_cut_nor_held_back() -> None:
    debut = FRESH.with_entry("MSFT")
    assert made(an_exit(debut=debut)).quantity == D(10)


@given(
    shares=st.decimals(0, 10**9, places=0),
    accepted=st.booleans(),
    begun=st.sets(st.text(max_size=3)),
)
def test_a_first_size_is_at_most_a_tenth_in_whole_shares(
    shares: Decimal, accepted: bool, begun: set[str]
) -> None:
    size = first_size(Debut(accepted, frozenset(begun)), shares)
    assert size == size.to_integral_value()
    assert size == shares if accepted else size * 10 <= shares < (size + 1) * 10


@given(
    wanted=st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=8),
    begun=st.sampled_from((FRESH, FRESH.with_entry("MSFT"), Debut(True, frozenset({"NVDA"})))),
    equity=st.integers(1_000, 1_000_000),
)
def test_one_pass_enters_one_symbol_and_nothing_of_more_than_a_tenth(
    wanted: list[str], begun: Debut, equity: int
) -> None:
    """However many intents one pass decides: each sees what the ones before it have begun."""
    debut, entered = begun, set(begun.symbols)
    for symbol in wanted:
        ruling = entry(symbol, equity=str(equity), debut=debut)
        if ruling.order is None:
            continue
        whole = made(entry(symbol, equity=str(equity))).quantity
        assert ruling.order.quantity * 10 <= whole or begun.accepted
        debut = debut.with_entry(symbol)
        entered.add(symbol)
    assert len(entered) <= 1
