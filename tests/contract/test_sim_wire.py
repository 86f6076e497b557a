"""The wire itself: recorded payloads, keys, rate limits, and both streams by hand."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
from sim_server import Running, exchange, wait_until
from websockets.sync.client import ClientConnection, connect

PAYLOADS = Path(__file__).parents[2].parent / "shared/data/payloads/alpaca"
#: Withdrawn by the service on 2026-07-06, or meant for accounts that this is not.
GONE = {
    "pattern_day_trader",
    "daytrade_count",
    "daytrading_buying_power",
    "pdt_check",
    "dtbp_check",
}


@pytest.fixture(scope="module")
def world() -> Iterator[Running]:
    with exchange("--key", "key:secret", "--rate-limit", "100000") as running:
        yield running


def recorded(name: str) -> Any:
    return json.loads((PAYLOADS / name).read_text())


def missing(theirs: Any, ours: Any, path: str = "") -> list[str]:
    """Return every key that a recorded answer has and ours lacks."""
    if isinstance(theirs, list) and theirs and isinstance(theirs[0], dict):
        assert ours, f"{path} is empty"
        return missing(theirs[0], ours[0], f"{path}[]")
    if not isinstance(theirs, dict) or ours is None:
        return []
    absent = [f"{path}.{key}" for key in theirs if key not in ours and key not in GONE]
    for key in theirs:
        absent += missing(theirs[key], ours.get(key), f"{path}.{key}")
    return absent


def _bars(world: Running) -> Any:
    return world.get("/v2/stocks/bars", symbols="AAPL,TSLA", timeframe="1Day", start="2026-03-12")


ANSWERS: dict[str, Callable[[Running], Any]] = {
    "client_tests/account_routes/get_account.json": lambda w: w.get("/v2/account"),
    "docs/entities_account_v2.json": lambda w: w.get("/v2/account"),
    "client_tests/account_routes/get_account_configurations.json": lambda w: w.get(
        "/v2/account/configurations"
    ),
    "client_tests/asset_routes/get_asset.json": lambda w: w.get("/v2/assets/AAPL"),
    "client_tests/asset_routes/get_all_assets.json": lambda w: w.get("/v2/assets"),
    "client_tests/order_routes/market_order.json": lambda w: w.order(symbol="AMZN").json(),
    "client_tests/order_routes/get_orders.json": lambda w: w.get("/v2/orders", status="all"),
    "docs/entities_order_v2.json": lambda w: w.order(symbol="AMZN").json(),
    "docs/entities_account_trade_activity_v2.json": lambda w: w.get("/v2/account/activities/FILL")[
        0
    ],
    "client_tests/position_routes/get_all_positions.json": lambda w: w.get("/v2/positions"),
    "docs/entities_position.json": lambda w: w.get("/v2/positions/AMZN"),
    "docs/entities_clock.json": lambda w: w.get("/v2/clock"),
    "docs/entities_calendar.json": lambda w: w.get("/v2/calendar", start="2026-03-20")[0],
    "client_tests/position_routes/close_all_positions.json": lambda w: w.call(
        "DELETE", "/v2/positions"
    ).json(),
}
MARKET_ANSWERS: dict[str, Callable[[Running], Any]] = {
    "multisymbol_get_bars.json": _bars,
    "get_bars_single_empty_response.json": lambda w: w.get(
        "/v2/stocks/bars", symbols="ZZZZ", timeframe="1Min"
    ),
    "multi_stock_latest_bar.json": lambda w: w.get("/v2/stocks/bars/latest", symbols="SPY,TSLA"),
    "get_latest_quote.json": lambda w: w.get("/v2/stocks/quotes/latest", symbols="AAPL"),
    "get_latest_trade.json": lambda w: w.get("/v2/stocks/trades/latest", symbols="AAPL"),
    "multisymbol_quotes.json": lambda w: w.get("/v2/stocks/quotes", symbols="AAPL,TSLA"),
    "multisymbol_get_trades.json": lambda w: w.get("/v2/stocks/trades", symbols="AAPL,TSLA"),
    "get_snapshot.json": lambda w: w.get("/v2/stocks/snapshots", symbols="AAPL"),
}


@pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the recorded payloads are not on this machine")
@pytest.mark.parametrize("name", ANSWERS)
def test_trading_answers_have_every_recorded_field(world: Running, name: str) -> None:
    assert missing(recorded(name), ANSWERS[name](world)) == []


@pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the recorded payloads are not on this machine")
@pytest.mark.parametrize("name", MARKET_ANSWERS)
def test_market_answers_have_every_recorded_field(world: Running, name: str) -> None:
    theirs = recorded(f"client_tests/historical_stock_data/{name}")
    assert missing(theirs, MARKET_ANSWERS[name](world)) == []


def test_keys_are_asked_for_and_compared(world: Running) -> None:
    answer = world.call("GET", "/v2/account", headers={})
    assert (answer.status_code, answer.json()) == (401, {"message": "unauthorized."})
    wrong = {"APCA-API-KEY-ID": "key", "APCA-API-SECRET-KEY": "wrong"}
    answer = world.call("GET", "/v2/account", headers=wrong)
    assert (answer.status_code, answer.json()) == (403, {"message": "forbidden."})


def test_a_body_that_is_no_json_and_a_path_that_is_none(world: Running) -> None:
    answer = world.call("POST", "/v2/orders", data=b"{nonsense")
    assert (answer.status_code, answer.json()["code"]) == (400, 40010000)
    answer = world.call("GET", "/v2/nowhere")
    assert (answer.status_code, answer.json()["code"]) == (404, 40410000)


def test_the_rate_limit_answers_429_and_recovers_with_the_simulated_minute() -> None:
    with exchange("--rate-limit", "5", speed="1") as world:
        world.call("POST", "/sim/clock", json={"paused": True})
        answers = [world.call("GET", "/v2/clock") for _ in range(6)]
        assert [a.status_code for a in answers] == [200] * 5 + [429]
        assert answers[4].headers["X-RateLimit-Remaining"] == "0"
        assert answers[5].headers["X-RateLimit-Limit"] == "5"
        reset = int(answers[5].headers["X-RateLimit-Reset"])
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(reset))
        world.call("POST", "/sim/clock", json={"jump_to": at})
        assert world.call("GET", "/v2/clock").status_code == 200


def test_activities_page_by_the_last_id_in_both_directions(world: Running) -> None:
    for _ in range(5):
        world.order(symbol="SPY", qty="1")
    whole = world.get("/v2/account/activities/FILL", direction="asc")
    assert whole == sorted(whole, key=lambda a: a["transaction_time"])
    pages, token = [], None
    while True:
        params = {"direction": "asc", "page_size": 2, "page_token": token}
        page = world.get("/v2/account/activities", **{k: v for k, v in params.items() if v})
        if not page:
            break
        pages += page
        token = page[-1]["id"]
    assert pages == whole
    assert world.get("/v2/account/activities/FILL")[0]["id"] == whole[-1]["id"]
    mine = world.get("/v2/account/activities/FILL", order_id=whole[0]["order_id"])
    assert {a["order_id"] for a in mine} == {whole[0]["order_id"]}


def said(socket: ClientConnection) -> Any:
    return json.loads(socket.recv(timeout=10))


def test_the_trading_stream_by_hand(world: Running) -> None:
    with connect(f"{world.ws}/stream") as socket:
        listen = json.dumps({"action": "listen", "data": {"streams": ["trade_updates"]}})
        socket.send(listen)
        assert said(socket)["data"] == {"status": "unauthorized", "action": "listen"}
        for secret, status in (("wrong", "unauthorized"), ("secret", "authorized")):
            login = {"key_id": "key", "secret_key": secret}
            socket.send(json.dumps({"action": "authenticate", "data": login}))
            assert said(socket) == {
                "stream": "authorization",
                "data": {"status": status, "action": "authenticate"},
            }
        socket.send(listen)
        assert said(socket) == {"stream": "listening", "data": {"streams": ["trade_updates"]}}
        order = world.order(symbol="QQQ", qty="1").json()
        frame = socket.recv(timeout=10)
        assert isinstance(frame, bytes)
        new, fill = json.loads(frame), said(socket)
        assert (new["stream"], new["data"]["event"]) == ("trade_updates", "new")
        assert "price" not in new["data"]
        assert fill["data"]["order"]["id"] == order["id"]
        assert {"execution_id", "timestamp", "price", "qty", "position_qty"} <= set(fill["data"])
        if PAYLOADS.is_dir():
            assert missing(recorded("docs/trading_api_streaming.7.json"), fill) == []


def test_the_data_stream_by_hand_in_json(world: Running) -> None:
    with connect(f"{world.ws}/v2/iex") as socket:
        assert said(socket) == [{"T": "success", "msg": "connected"}]
        socket.send("not json")
        assert said(socket) == [{"T": "error", "code": 400, "msg": "invalid syntax"}]
        socket.send(json.dumps({"action": "subscribe", "quotes": ["NVDA"]}))
        assert said(socket) == [{"T": "error", "code": 401, "msg": "not authenticated"}]
        socket.send(json.dumps({"action": "auth", "key": "key", "secret": "secret"}))
        assert said(socket) == [{"T": "success", "msg": "authenticated"}]
        socket.send(json.dumps({"action": "auth", "key": "key", "secret": "secret"}))
        assert said(socket)[0]["code"] == 403
        wanted = {"action": "subscribe", "quotes": ["NVDA"], "trades": ["AMD"], "bars": ["SPY"]}
        socket.send(json.dumps(wanted))
        state = said(socket)[0]
        assert {**wanted, **state, "T": None} == {**wanted, "T": None}
        seen: dict[str, Any] = {}
        while set(seen) != {"q", "t", "b"}:
            seen |= {message["T"]: message for message in said(socket)}
        assert [seen[kind]["S"] for kind in "qtb"] == ["NVDA", "AMD", "SPY"]
        assert seen["q"]["t"].endswith("Z")
        if PAYLOADS.is_dir():
            for kind, name in (("t", "realtime"), ("q", "realtime.2"), ("b", "realtime.3")):
                theirs = recorded(f"docs/market_data_api_stock_pricing_data_{name}.json")
                assert missing(theirs, seen[kind]) == []
        socket.send(json.dumps({"action": "unsubscribe", "quotes": ["NVDA"], "trades": ["AMD"]}))
        left = wait_until(lambda: next((m for m in said(socket) if m["T"] == "subscription"), 0))
        assert (left["quotes"], left["trades"], left["bars"]) == ([], [], ["SPY"])


def test_the_data_stream_packs_when_asked_and_refuses_a_wrong_key(world: Running) -> None:
    headers = {"Content-Type": "application/msgpack"}
    with connect(f"{world.ws}/v2/sip", additional_headers=headers) as socket:
        assert msgpack.unpackb(socket.recv(timeout=10))[0]["msg"] == "connected"
        socket.send(msgpack.packb({"action": "auth", "key": "key", "secret": "no"}))
        assert msgpack.unpackb(socket.recv(timeout=10))[0]["code"] == 402


JUNK = ["[]", "5", "null", '"x"', "{}", '{"action": []}', '{"action": {"a": 1}}', b"\xff\x00"]
HOSTILE = [
    {"action": "listen", "data": {"streams": 5}},
    {"action": "listen", "data": {"streams": [{}]}},
    {"action": "listen", "data": 7},
    {"action": "subscribe", "quotes": [[]], "trades": 7, "bars": {"a": 1}},
]


@pytest.mark.parametrize(
    ("path", "last", "answer"),
    [
        (
            "/stream",
            {"action": "listen", "data": {"streams": ["trade_updates"]}},
            {"stream": "listening", "data": {"streams": ["trade_updates"]}},
        ),
        (
            "/v2/iex",
            {"action": "subscribe", "quotes": ["ZZZZ"]},
            [{"T": "subscription", "bars": [], "quotes": ["ZZZZ"], "trades": []}],
        ),
    ],
)
def test_no_message_breaks_a_stream(world: Running, path: str, last: Any, answer: Any) -> None:
    with connect(world.ws + path) as socket:
        for junk in JUNK:
            socket.send(junk)
        socket.send(json.dumps({"action": "auth", "key": "key", "secret": "secret"}))
        for message in (*HOSTILE, last):
            socket.send(json.dumps(message))
        wait_until(lambda: said(socket) == answer)
