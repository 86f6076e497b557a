"""Alpaca's words in ours: states, exact bodies, hostile fields, and what each failure means."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.alpaca import answers, outcomes
from app.adapters.alpaca.broker import submit_body
from app.adapters.alpaca.stream import pause
from app.adapters.port import Connection
from app.engine.errors import InvalidData, OutcomeUnknown, Rejected, Transient
from app.engine.orders import Order, OrderState, OrderType, Purpose, Side, TimeInForce

NOON = datetime(2026, 3, 20, 16, tzinfo=UTC)
AN_ORDER = Order(
    client_id="a2b3c4",
    book="us",
    intent_id="i",
    symbol="AAPL",
    side=Side.BUY,
    purpose=Purpose.ENTRY,
    quantity=Decimal(2),
    type=OrderType.MARKET,
    time_in_force=TimeInForce.DAY,
    created_at=NOON,
)


def a_statement(**fields: Any) -> dict[str, Any]:
    return {
        "id": "61e69015",
        "client_order_id": "a2b3c4",
        "created_at": "2026-03-20T16:00:00.123456789Z",
        "symbol": "AAPL",
        "qty": "2",
        "filled_qty": "0",
        "filled_avg_price": None,
        "type": "market",
        "side": "buy",
        "time_in_force": "day",
        "status": "new",
    } | fields


@pytest.mark.parametrize(
    ("status", "tif", "filled", "expected"),
    [
        ("new", "day", "0", OrderState.SUBMITTED),
        ("pending_review", "day", "0", OrderState.SUBMITTED),
        ("held", "gtc", "0", OrderState.SUBMITTED),
        ("pending_cancel", "day", "1", OrderState.PARTIAL),
        ("partially_filled", "day", "1", OrderState.PARTIAL),
        ("filled", "day", "2", OrderState.FILLED),
        ("filled", "day", "1", OrderState.PARTIAL),
        ("canceled", "day", "1", OrderState.CANCELLED),
        ("replaced", "day", "0", OrderState.SUBMITTED),  # it has not said by what
        ("expired", "day", "0", OrderState.EXPIRED),
        ("rejected", "day", "0", OrderState.REJECTED),
        ("done_for_day", "day", "1", OrderState.EXPIRED),
        ("done_for_day", "gtc", "1", OrderState.PARTIAL),
        ("a_word_of_tomorrow", "day", "0", OrderState.SUBMITTED),
        ("a_word_of_tomorrow", "day", "1", OrderState.PARTIAL),
    ],
)
def test_a_status_becomes_a_state(status: str, tif: str, filled: str, expected: OrderState) -> None:
    said = a_statement(status=status, time_in_force=tif, filled_qty=filled)
    order = answers.order(said)
    assert (order.state, order.status) == (expected, status)


@pytest.mark.parametrize(
    ("exact", "sent"), [("98.509999", "98.5"), ("98.5", "98.5"), ("0.98765", "0.9876")]
)
def test_a_stop_is_sent_on_the_price_step_and_for_regular_hours(exact: str, sent: str) -> None:
    order = replace(AN_ORDER, side=Side.SELL, type=OrderType.STOP, stop_price=Decimal(exact))
    body = submit_body(replace(order, time_in_force=TimeInForce.GTC))
    assert (body["type"], body["stop_price"], body["time_in_force"]) == ("stop", sent, "gtc")
    assert not {"extended_hours", "limit_price"} & body.keys()


def test_f5_every_sale_of_an_exit_says_that_it_closes() -> None:
    for purpose in set(Purpose) - {Purpose.ENTRY}:
        sale = submit_body(replace(AN_ORDER, side=Side.SELL, purpose=purpose))
        assert sale["position_intent"] == "sell_to_close"


@pytest.mark.parametrize(
    "wrong",
    [
        {"qty": "NaN"},
        {"qty": "-1"},
        {"qty": "0"},
        {"qty": True},
        {"qty": None},
        {"qty": "1e99"},
        {"qty": "1_000"},
        {"filled_qty": "3"},
        {"filled_qty": "Infinity"},
        {"side": "hold"},
        {"symbol": ""},
        {"symbol": 5},
        {"status": None},
        {"id": "x" * 300},
        {"id": "line\nbreak"},
        {"created_at": "2026-03-20T16:00:00"},
        {"created_at": 1710000000},
        {"created_at": "0001-01-01T00:00:00+14:00"},
    ],
    ids=str,
)
def test_a_malformed_order_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidData):
        answers.order(a_statement(**wrong))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(field=st.sampled_from(sorted(a_statement())), value=_JSON)
def test_any_value_in_any_field_parses_or_is_refused(field: str, value: object) -> None:
    try:
        order = answers.order(a_statement(**{field: value}))
    except InvalidData:
        return
    assert order.quantity > 0
    assert 0 <= order.filled_quantity <= order.quantity
    assert order.created_at.tzinfo is UTC


@given(value=_JSON)
def test_anything_at_all_parses_or_is_refused(value: object) -> None:
    for read in (answers.orders, answers.positions, answers.account, answers.trade_update):
        try:
            read(value)
        except InvalidData:
            continue
        assert value == []


def test_legs_are_orders_too_and_multi_leg_options_are_none() -> None:
    leg = a_statement(id="leg", status="held")
    listed = [a_statement(legs=[leg]), a_statement(order_class="mleg", symbol="", side="")]
    assert [order.broker_id for order in answers.orders(listed)] == ["61e69015", "leg"]


def test_an_order_by_money_has_the_quantity_that_filled() -> None:
    order = answers.order(a_statement(qty=None, notional="500", filled_qty="1.5"))
    assert order.quantity == order.filled_quantity == Decimal("1.5")


def test_a_fill_with_a_quantity_above_the_total_is_refused() -> None:
    update = {
        "event": "fill",
        "timestamp": "2026-03-20T16:00:00Z",
        "qty": "2",
        "price": "100",
        "order": a_statement(filled_qty="1"),
    }
    with pytest.raises(InvalidData, match="above filled_qty"):
        answers.trade_update(update)


def test_an_unknown_event_is_an_update_without_execution() -> None:
    update = {"event": "restated", "timestamp": "2026-03-20T16:00:00Z", "order": a_statement()}
    assert answers.trade_update(update).execution is None


@given(st.decimals("0.000000001", "99999999", places=9))
def test_a_body_states_numbers_exactly(quantity: Decimal) -> None:
    body = submit_body(replace(AN_ORDER, quantity=quantity))
    assert isinstance(body["qty"], str)
    assert Decimal(body["qty"]) == quantity
    assert "E" not in body["qty"]


def test_a_stop_limit_carries_both_prices_and_a_market_order_none() -> None:
    order = replace(
        AN_ORDER,
        type=OrderType.STOP_LIMIT,
        limit_price=Decimal("99.50"),
        stop_price=Decimal("100.10"),
    )
    body = submit_body(order)
    assert (body["limit_price"], body["stop_price"]) == ("99.5", "100.1")
    assert not {"limit_price", "stop_price"} & submit_body(AN_ORDER).keys()


@pytest.mark.parametrize(
    "wrong",
    [
        {"quantity": Decimal("NaN")},
        {"quantity": Decimal(0)},
        {"quantity": Decimal(-1)},
        {"quantity": Decimal("Infinity")},
        {"type": OrderType.LIMIT},
        {"type": OrderType.LIMIT, "limit_price": Decimal("NaN")},
        {"type": OrderType.STOP, "stop_price": Decimal(0)},
        {"type": OrderType.STOP, "stop_price": Decimal("0.00001")},
        {"type": OrderType.STOP, "stop_price": Decimal("NaN")},
        {"client_id": ""},
        {"client_id": "with space"},
    ],
    ids=str,
)
def test_an_unusable_order_is_refused_before_it_is_sent(wrong: dict[str, Any]) -> None:
    with pytest.raises(Rejected) as refused:
        submit_body(replace(AN_ORDER, **wrong))
    assert refused.value.code == "invalid"


TAKEN = '{"code": 40010001, "message": "client_order_id must be unique"}'


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (422, TAKEN, Rejected("duplicate", "client_order_id must be unique")),
        (422, '{"code": 40010001, "message": "bad qty"}', Rejected("40010001", "bad qty")),
        (403, '{"code": 40310000, "message": "no money"}', Rejected("40310000", "no money")),
        (
            403,
            '{"code": 40310000, "message": "market is closed"}',
            Rejected("closed", "market is closed"),
        ),
        (
            422,
            '{"code": 42210000, "message": "The market is not open"}',
            Rejected("closed", "The market is not open"),
        ),
        (403, '{"message": "forbidden."}', Rejected("forbidden", "forbidden.")),
        (401, '{"message": "unauthorized."}', Rejected("unauthorized", "unauthorized.")),
        (404, '{"code": 40410000, "message": "gone"}', Rejected("not_found", "gone")),
        (404, '{"message": "no Route matched"}', OutcomeUnknown("…")),
        (403, "<html>", OutcomeUnknown("…")),
        (429, '{"code": 42910000, "message": "slow down"}', Transient("…")),
        (429, "<html>", OutcomeUnknown("…")),
        (408, '{"code": 40810000, "message": "late"}', OutcomeUnknown("…")),
        (500, '{"code": 50010000, "message": "internal"}', OutcomeUnknown("…")),
        (504, "<html>", OutcomeUnknown("…")),
        (422, "[" * 100_000, OutcomeUnknown("…")),
        (422, "[1]", OutcomeUnknown("…")),
        (422, '{"code": true, "message": "?"}', OutcomeUnknown("…")),
    ],
)
def test_a_failed_write_means(status: int, body: str, expected: Exception) -> None:
    error = outcomes.of_write(outcomes.failure(status, body, {}))
    assert type(error) is type(expected)
    if isinstance(expected, Rejected) and isinstance(error, Rejected):
        assert (error.code, error.message) == (expected.code, expected.message)


@given(st.integers(300, 599), st.text())
def test_a_failed_read_is_never_in_doubt(status: int, body: str) -> None:
    error = outcomes.of_read(outcomes.failure(status, body, {}))
    assert isinstance(error, Transient | Rejected)


DATE = "Fri, 20 Mar 2026 16:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "3"}, 3),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "86400"}, 60),
        ({"Retry-After": "soon"}, None),
        ({"Date": DATE, "X-RateLimit-Reset": str(int(NOON.timestamp()) + 7)}, 7),
        ({"Date": DATE, "X-RateLimit-Reset": "1"}, None),
        ({"X-RateLimit-Reset": "1"}, None),
    ],
    ids=str,
)
def test_a_refused_caller_waits_as_long_as_it_is_told(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert outcomes.failure(429, "{}", headers).retry_after_s == seconds


@given(st.integers(1, 200), st.text(max_size=10))
def test_a_pause_grows_to_half_a_minute_and_repeats_itself(failures: int, salt: str) -> None:
    assert 1 <= pause(failures, salt) <= 30
    assert pause(failures, salt) == pause(failures, salt)
    assert pause(failures + 10, salt) >= 15


def test_a_connection_does_not_show_its_secrets() -> None:
    shown = repr(Connection("http://h", "the-key", "the-secret"))
    assert not [secret for secret in ("the-key", "the-secret") if secret in shown]
