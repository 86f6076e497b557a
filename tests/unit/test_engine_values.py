"""Ids, rounding, money and memory: the arithmetic that everything else trusts."""

import math
import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest
from builders import AT, SECOND, D, a_position, an_execution, an_order
from hypothesis import assume, given
from hypothesis import strategies as st

from app.engine.errors import InvalidData
from app.engine.ids import client_order_id, digest, execution_id, intent_id, signal_id, slot_of
from app.engine.orders import OrderState, Side, check_transition, outstanding
from app.engine.portfolio import (
    Adjustment,
    Position,
    adjusted,
    after_fill,
    cash_after,
    equity,
    sellable,
    walked,
)
from app.engine.rounding import cents, decimal, plain, tick_size, to_tick
from app.engine.state import BasketEvidence, BookState, LastSignal, from_json, to_json

AMOUNTS = st.decimals(-(10**9), 10**9, places=6, allow_nan=False, allow_infinity=False)
PRICES = st.decimals("0.01", 10**5, places=2)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="|"), max_size=8)


# -- ids ----------------------------------------------------------------------------------------


@given(WORDS, WORDS, st.sampled_from(Side), WORDS, AMOUNTS)
def test_e3_client_ids_suit_every_broker(
    mode: str, book: str, side: Side, symbol: str, quantity: Decimal
) -> None:
    key = client_order_id(mode, book, side, symbol, quantity, "an-intent")
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,36}", key)


CLIENT_INPUTS = st.tuples(
    st.sampled_from(["PAPER", "REAL"]),
    st.sampled_from(["us_baskets", "kr_scout"]),
    st.sampled_from(["buy", "sell"]),
    st.sampled_from(["AAPL", "MSFT"]),
    st.integers(1, 3).map(Decimal),
    st.sampled_from(["i-1", "i-2"]),
)


@given(CLIENT_INPUTS, CLIENT_INPUTS)
def test_e3_client_ids_differ_exactly_when_their_inputs_do(
    one: tuple[str, str, str, str, Decimal, str], other: tuple[str, str, str, str, Decimal, str]
) -> None:
    assert (client_order_id(*one) == client_order_id(*other)) == (one == other)


def test_a_quantity_has_one_spelling() -> None:
    ids = {client_order_id("PAPER", "b", "buy", "AAPL", D(q), "i") for q in ("10", "10.0", "1E+1")}
    assert len(ids) == 1


@given(st.lists(WORDS, min_size=1, max_size=4), st.lists(WORDS, min_size=1, max_size=4))
def test_digests_differ_when_parts_do(one: list[str], other: list[str]) -> None:
    assert (digest(*one) == digest(*other)) == (one == other)


def test_kinds_of_ids_never_meet() -> None:
    assert signal_id("b", "AAPL", 1) != intent_id("b", "entry", "AAPL", "buy", "1")
    assert execution_id("b-1", D("10.0")) == execution_id("b-1", D(10)) == "b-1:10"


@given(st.integers(0, 10**6))
def test_slots_are_whole_intervals(seconds: int) -> None:
    at = AT + seconds * SECOND
    slot = slot_of(at, timedelta(seconds=30))
    assert 0 <= at.timestamp() - slot * 30 < 30


# -- rounding -----------------------------------------------------------------------------------


@given(AMOUNTS, st.sampled_from([D("0.01"), D(1), D("0.001"), D(5)]))
def test_rounding_never_enlarges(amount: Decimal, step: Decimal) -> None:
    cut = decimal(amount, step)
    assert abs(cut) <= abs(amount) < abs(cut) + step
    assert cut % step == 0


@given(AMOUNTS)
def test_prices_never_grow(amount: Decimal) -> None:
    assert abs(to_tick(amount)) <= abs(amount)
    assert to_tick(amount) % tick_size(amount) == 0


@pytest.mark.parametrize(
    "bad", [math.nan, math.inf, -math.inf, Decimal("NaN"), Decimal("Infinity")]
)
def test_what_is_no_number_stops_at_the_door(bad: float | Decimal) -> None:
    with pytest.raises(InvalidData, match="not a number"):
        decimal(bad)


@given(st.floats(-1e9, 1e9))
def test_floats_come_through_as_they_are_written(number: float) -> None:
    assert abs(decimal(number) - Decimal(repr(number))) < D("0.000001")


def test_money_for_people_is_rounded_half_to_even() -> None:
    assert [cents(D(x)) for x in ("0.125", "0.135", "-0.125")] == [D("0.12"), D("0.14"), D("-0.12")]


@given(AMOUNTS)
def test_plain_text_reads_back(amount: Decimal) -> None:
    assert Decimal(plain(amount)) == amount
    assert "E" not in plain(amount)


# -- positions and money ------------------------------------------------------------------------

FILLS = st.lists(
    st.tuples(st.sampled_from(Side), st.integers(1, 50), PRICES), min_size=1, max_size=12
)


@given(FILLS)
def test_positions_conserve_shares_and_money(trades: list[tuple[Side, int, Decimal]]) -> None:
    fills = [
        an_execution(side=side, quantity=D(quantity), price=price)
        for side, quantity, price in trades
    ]
    position = Position("AAPL")
    for fill in fills:
        position = after_fill(position, fill)
    shares = sum(q if side is Side.BUY else -q for side, q, _ in trades)
    assert position.quantity == shares
    assert (position.opened_at is None) == (shares == 0)
    cash = cash_after(D(10_000), fills)
    cost = position.quantity * position.average_price
    assert cash + cost == pytest.approx(D(10_000) + position.realised, abs=D("1e-15"))


def test_a_sale_realises_against_the_average_cost() -> None:
    position = Position("AAPL")
    for side, quantity, price in ((Side.BUY, 10, 100), (Side.BUY, 10, 110), (Side.SELL, 5, 120)):
        fill = an_execution(side=side, quantity=D(quantity), price=D(price))
        position = after_fill(position, fill)
    assert (position.quantity, position.average_price, position.realised) == (15, 105, 75)


def test_a_position_is_as_old_as_its_first_share() -> None:
    position = after_fill(Position("AAPL"), an_execution())
    assert after_fill(position, an_execution(at=AT + SECOND)).opened_at == AT


def test_a_position_turned_around_starts_anew() -> None:
    long = Position("AAPL", D(10), D(100), stop_price=D(98))
    short = after_fill(long, an_execution(side=Side.SELL, quantity=D(15), price=D(90)))
    assert (short.quantity, short.average_price, short.realised) == (-5, 90, -100)
    assert short.stop_price is None


def test_what_the_broker_lacks_is_not_for_sale_and_moves_with_each_fill() -> None:
    held = Position("AAPL", D(10), D(100))
    assert [sellable(replace(held, at_broker=n)) for n in (None, D(12), D(4), D(0), D(-3))] == [
        10,
        10,
        4,
        0,
        0,
    ]
    after = after_fill(
        replace(held, at_broker=D(4)), an_execution(side=Side.SELL, quantity=D(3), price=D(90))
    )
    assert (after.quantity, after.at_broker, sellable(after)) == (7, 1, 1)


@given(st.integers(-50, 50).map(D), st.sampled_from(Side), st.integers(1, 50).map(D), st.booleans())
def test_a_fill_told_late_moves_the_brokers_number_only_past_what_it_explains(
    gap: Decimal, side: Side, quantity: Decimal, late: bool
) -> None:
    assume(gap)
    held = Position("AAPL", D(100), D(100), at_broker=100 + gap)
    fill = an_execution(side=side, quantity=quantity, at=AT)
    after = after_fill(held, fill, AT if late else AT - SECOND)
    left = D(0) if after.at_broker is None else after.at_broker - after.quantity
    signed = quantity if side is Side.BUY else -quantity
    if late and gap * signed > 0:
        assert left == (0 if abs(signed) >= abs(gap) else gap - signed)
    else:
        assert left == gap, "the broker's number had nothing of it"


def test_equity_counts_a_position_without_a_price_at_its_cost() -> None:
    held = [Position("AAPL", D(10), D(100)), Position("MSFT", D(1), D(50))]
    assert equity(D(1000), held, {"AAPL": D(110)}) == 2150


# -- orders and memory --------------------------------------------------------------------------


@pytest.mark.parametrize("final", ["FILLED", "CANCELLED", "REJECTED", "EXPIRED"])
@pytest.mark.parametrize("after", list(OrderState))
def test_e2_a_finished_order_never_moves(final: str, after: OrderState) -> None:
    with pytest.raises(InvalidData, match=final):
        check_transition(OrderState(final), after)


def test_what_may_still_fill() -> None:
    assert outstanding(an_order(state=OrderState.PARTIAL, filled_quantity=D(3))) == 7
    assert outstanding(an_order(state=OrderState.CANCELLED, filled_quantity=D(3))) == 0


TIMES = st.integers(0, 10**6).map(lambda s: AT + s * SECOND)
SCORES = st.floats(-1, 1)
STATES = st.builds(
    BookState,
    last_signals=st.dictionaries(
        WORDS, st.builds(LastSignal, TIMES, st.sampled_from([-1, 1])), max_size=3
    ),
    evidence=st.dictionaries(
        WORDS,
        st.builds(
            BasketEvidence,
            st.dictionaries(WORDS, st.tuples(TIMES, SCORES, WORDS), max_size=3),
            st.integers(0, 9),
            st.integers(-1, 10**8),
        ),
        max_size=3,
    ),
    etf_locks=st.dictionaries(WORDS, TIMES, max_size=3),
)


@given(STATES)
def test_memory_survives_as_json(state: BookState) -> None:
    assert from_json(to_json(state)) == state


def test_an_empty_memory_is_a_fresh_book() -> None:
    assert from_json({}) == BookState()


# -- adjustments --------------------------------------------------------------------------------

CHANGES = st.tuples(st.booleans(), st.sampled_from(Side), st.integers(1, 50), st.integers(1, 400))


@given(st.lists(CHANGES, max_size=12), st.randoms(use_true_random=False))
def test_a_position_is_the_sum_of_its_fills_and_adjustments(
    made: list[tuple[bool, Side, int, int]], order: Random
) -> None:
    fills, changes, net = [], [], D(0)
    for n, (is_fill, side, count, price) in enumerate(made):
        at, signed = AT + n * timedelta(minutes=1), D(count if side is Side.BUY else -count)
        net += signed
        if is_fill:
            fills.append(an_execution(side=side, quantity=D(count), price=D(price), at=at))
        else:
            changes.append(Adjustment("AAPL", signed, D(price), at))
    order.shuffle(fills)
    steps = list(walked({}, fills, changes))
    assert [one.at for one, _ in steps] == sorted(one.at for one in (*fills, *changes))
    held = steps[-1][1]["AAPL"] if steps else Position("AAPL")
    assert held.quantity == net
    assert held.average_price >= 0
    assert (held.opened_at is None) is (net == 0)


def test_an_adjustment_realises_nothing_and_keeps_what_the_position_remembers() -> None:
    held = replace(a_position(), realised=D(7), stop_price=D(90), peak_price=D(120))
    fewer = adjusted(held, Adjustment("AAPL", D(-4), held.average_price, AT))
    assert fewer == replace(held, quantity=D(6))
    flat = adjusted(held, Adjustment("AAPL", D(-10), held.average_price, AT))
    assert flat == Position("AAPL", realised=D(7))
    assert adjusted(flat, Adjustment("AAPL", D(3), D(50), AT)) == replace(
        flat, quantity=D(3), average_price=D(50), opened_at=AT
    )
