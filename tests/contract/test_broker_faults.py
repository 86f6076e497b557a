"""What the Alpaca adapter makes of every way that a call can go wrong, and how often it asks."""

import multiprocessing
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from broker_orders import an_order
from broker_stubs import (
    Behaviour,
    answer,
    free_port,
    garbage,
    half_a_body,
    hang_up,
    reset,
    silence,
    stub,
)

from app.adapters import BROKERS
from app.adapters.port import Broker, Connection
from app.engine.errors import AppError, InvalidData, OutcomeUnknown, Rejected, Transient
from app.engine.orders import OrderState

ORDER = an_order("faults")
NOON = datetime(2026, 3, 20, 16, tzinfo=UTC)
HTML = "<html><body>502 Bad Gateway the-secret</body></html>"
DUPLICATE = {"code": 40010001, "message": "client_order_id must be unique"}


def alpaca(url: str, **overrides: Any) -> Broker:
    times = {"connect_timeout_s": 1.0, "read_timeout_s": 0.4} | overrides
    return BROKERS["alpaca"](Connection(url, "the-key", "the-secret", **times))


def placed(**overrides: Any) -> dict[str, Any]:
    return {
        "id": "61e69015-8549-4bfd-b9c3-01e75843f47d",
        "client_order_id": ORDER.client_id,
        "created_at": "2026-03-20T16:00:00.123456789Z",
        "submitted_at": "2026-03-20T16:00:00.123456789Z",
        "symbol": "AAPL",
        "qty": "2",
        "filled_qty": "0",
        "filled_avg_price": None,
        "type": "market",
        "side": "buy",
        "time_in_force": "day",
        "status": "pending_new",
    } | overrides


FAULTS: list[tuple[str, Behaviour, type[AppError], str | None]] = [
    ("reset", reset, OutcomeUnknown, None),
    ("hang up", hang_up, OutcomeUnknown, None),
    ("half a body", half_a_body, OutcomeUnknown, None),
    ("garbage", garbage, OutcomeUnknown, None),
    ("silence", silence, OutcomeUnknown, None),
    ("200 html", answer(200, HTML), OutcomeUnknown, None),
    ("200 list", answer(200, []), OutcomeUnknown, None),
    ("200 null", answer(200, "null"), OutcomeUnknown, None),
    ("200 deep", answer(200, "[" * 200_000), OutcomeUnknown, None),
    ("redirect", answer(302, "", Location="http://127.0.0.1:1/"), OutcomeUnknown, None),
    ("500 json", answer(500, {"code": 50010000, "message": "oh"}), OutcomeUnknown, None),
    ("502 html", answer(502, HTML), OutcomeUnknown, None),
    ("503 empty", answer(503), OutcomeUnknown, None),
    ("504 html", answer(504, HTML), OutcomeUnknown, None),
    ("429 json", answer(429, {"code": 42910000, "message": "slow"}), Transient, None),
    ("429 html", answer(429, HTML), OutcomeUnknown, None),
    ("403 html", answer(403, HTML), OutcomeUnknown, None),
    ("404 stranger", answer(404, {"message": "no route"}), OutcomeUnknown, None),
    ("401", answer(401, {"message": "unauthorized."}), Rejected, "unauthorized"),
    ("403", answer(403, {"message": "forbidden."}), Rejected, "forbidden"),
    ("403 code", answer(403, {"code": 40310000, "message": "no"}), Rejected, "40310000"),
    ("404 code", answer(404, {"code": 40410000, "message": "no"}), Rejected, "not_found"),
    ("echo", answer(403, {"code": 40310000, "message": "the-secret"}), Rejected, "40310000"),
    ("422 code", answer(422, {"code": 42210000, "message": "no"}), Rejected, "42210000"),
]

OF_SUBMIT: list[tuple[str, Behaviour, type[AppError], str | None]] = [
    ("422 duplicate", answer(422, DUPLICATE), Rejected, "duplicate"),
    ("another's id", answer(200, placed(client_order_id="x")), OutcomeUnknown, None),
    ("another quantity", answer(200, placed(qty="20")), OutcomeUnknown, None),
    ("another side", answer(200, placed(side="sell")), OutcomeUnknown, None),
]


def check(error: AppError, expected: type[AppError], code: str | None) -> None:
    assert type(error) is expected
    assert "the-secret" not in f"{error} {error!r} {error.__cause__}"
    if isinstance(error, Rejected):
        assert error.code == code


@pytest.mark.parametrize(
    ("fault", "expected", "code"),
    [row[1:] for row in FAULTS + OF_SUBMIT],
    ids=[row[0] for row in FAULTS + OF_SUBMIT],
)
def test_a_failed_submit_is_one_request(
    fault: Behaviour, expected: type[AppError], code: str | None
) -> None:
    with stub(fault) as server:
        with pytest.raises(AppError) as failed:
            alpaca(server.url).submit(ORDER)
        check(failed.value, expected, code)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("fault", "expected", "code"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS]
)
def test_a_failed_replacement_is_one_request(
    fault: Behaviour, expected: type[AppError], code: str | None
) -> None:
    with stub(fault) as server:
        with pytest.raises(AppError) as failed:
            alpaca(server.url).replace("61e69015", quantity=Decimal(3))
        check(failed.value, expected, code)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("fault", "expected", "code"),
    [row[1:] for row in FAULTS if not row[0].startswith("200")],
    ids=[row[0] for row in FAULTS if not row[0].startswith("200")],
)
def test_a_failed_cancel_is_one_request(
    fault: Behaviour, expected: type[AppError], code: str | None
) -> None:
    with stub(fault) as server:
        with pytest.raises(AppError) as failed:
            alpaca(server.url).cancel("61e69015")
        check(failed.value, expected, "not_open" if code == "42210000" else code)
        assert len(server.requests) == 1


@pytest.mark.parametrize("fault", [row[1] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_a_failed_read_is_never_in_doubt_and_asks_at_most_four_times(fault: Behaviour) -> None:
    with stub(fault) as server:
        with pytest.raises((Transient, Rejected)) as failed:
            alpaca(server.url).account()
        assert "the-secret" not in f"{failed.value} {failed.value.__cause__}"
        assert 1 <= len(server.requests) <= 4


@pytest.mark.parametrize(
    "fault",
    [reset, half_a_body, answer(502, HTML), answer(429, HTML)],
    ids=["reset", "half a body", "502", "429"],
)
def test_a_read_gets_over_two_faults(fault: Behaviour) -> None:
    with stub(fault, fault, answer(200, [])) as server:
        assert alpaca(server.url, read_timeout_s=5.0).positions() == {}
        assert len(server.requests) == 3


def test_a_read_told_to_wait_longer_than_it_may_hands_the_wait_back() -> None:
    slow = answer(429, {"code": 42910000, "message": "slow"}, Retry_After="30")
    with stub(slow) as server:
        with pytest.raises(Transient) as failed:
            alpaca(server.url).account()
        assert failed.value.retry_after_s == 30
        assert len(server.requests) == 1


def test_a_broker_that_does_not_listen_was_sent_nothing() -> None:
    with pytest.raises(Transient, match="cannot be reached"):
        alpaca(f"http://127.0.0.1:{free_port()}").submit(ORDER)


def test_a_broker_whose_name_is_unknown_was_sent_nothing() -> None:
    with pytest.raises(Transient, match="cannot be reached"):
        alpaca("http://no-such-host.invalid").submit(ORDER)


def test_an_unusable_order_is_never_sent() -> None:
    with stub(answer(200, placed())) as server:
        with pytest.raises(Rejected):
            alpaca(server.url).submit(an_order("nan", quantity=Decimal("NaN")))
        assert server.requests == []


def test_a_submit_states_its_numbers_as_text() -> None:
    with stub(answer(200, placed(qty="0.3"))) as server:
        order = an_order("faults", quantity=Decimal("0.1") + Decimal("0.2"))
        assert alpaca(server.url).submit(order).state is OrderState.SUBMITTED
        (body,) = server.bodies()
        assert body["qty"] == "0.3"
        assert body["client_order_id"] == order.client_id


@pytest.mark.parametrize("code", [{}, {"code": 5}, {"code": 404}, {"code": 40400000}])
def test_a_stranger_that_answers_404_does_not_make_an_order_unknown(code: dict[str, int]) -> None:
    body = {"message": "no Route matched"} | code
    with stub(answer(404, body)) as server, pytest.raises(Transient):
        alpaca(server.url).order_by_client_id(ORDER.client_id)


def test_an_answer_about_another_order_is_not_adopted() -> None:
    with stub(answer(200, placed(client_order_id="another"))) as server:
        broker = alpaca(server.url)
        with pytest.raises(Transient, match="another order"):
            broker.order_by_client_id(ORDER.client_id)


def test_orders_of_one_instant_on_both_sides_of_a_page_are_all_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.adapters.alpaca.broker.ORDERS_A_PAGE", 3)
    early, late = "2026-03-20T16:00:00.000001999Z", "2026-03-20T16:00:00.000002Z"
    a, b, c, d = (
        placed(id=name, submitted_at=at)
        for name, at in (("a", early), ("b", early), ("c", early), ("d", late))
    )
    with stub(answer(200, [a, b, c]), answer(200, [b, c, d]), answer(200, [d])) as server:
        listed = alpaca(server.url).orders_since(NOON)
        assert [order.broker_id for order in listed] == ["a", "b", "c", "d"]
        after = [path.partition("after=")[2] for path in server.paths()]
    assert after[1:] == ["2026-03-20T16%3A00%3A00Z", "2026-03-20T16%3A00%3A00.000001Z"]


def test_orders_without_an_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.adapters.alpaca.broker.ORDERS_A_PAGE", 1)
    with stub(answer(200, [placed()])) as server:
        with pytest.raises(Transient, match="without an end"):
            alpaca(server.url).orders_since(NOON)
        assert len(server.requests) == 2


def test_one_connection_serves_many_calls() -> None:
    peers: set[object] = set()

    def remembered(connection: Any) -> None:
        peers.add(connection.getpeername())
        answer(200, [])(connection)

    with stub(remembered) as server:
        broker = alpaca(server.url)
        for _ in range(5):
            broker.positions()
        assert len(server.requests) == 5
    assert len(peers) == 1


# The stub's thread is the one that a forking process is warned about from Python 3.12 on.
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_has_a_connection_of_its_own() -> None:
    peers: set[object] = set()

    def remembered(connection: Any) -> None:
        peers.add(connection.getpeername())
        answer(200, [])(connection)

    with stub(remembered) as server:
        broker = alpaca(server.url)
        broker.positions()
        child = multiprocessing.get_context("fork").Process(target=broker.positions)
        child.start()
        child.join(10)
        broker.positions()
        assert child.exitcode == 0
        assert len(server.requests) == 3
    assert len(peers) == 2


@pytest.mark.parametrize(
    ("url", "key"),
    [("ftp://host", "k"), ("host:80", "k"), ("", "k"), ("http://h", ""), ("http://h", "a\nb")],
)
def test_a_connection_that_cannot_work_is_refused_at_once(url: str, key: str) -> None:
    with pytest.raises(InvalidData, match="the broker's"):
        BROKERS["alpaca"](Connection(url, key, "the-secret"))
