"""Every fault on demand: each is asked for, seen to happen, and counted."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from sim_server import Running, exchange, wait_until
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect


@pytest.fixture(scope="module")
def shared() -> Iterator[Running]:
    with exchange("--rate-limit", "100000", "--cash", "100000000") as running:
        yield running


@pytest.fixture
def world(shared: Running) -> Iterator[Running]:
    yield shared
    shared.faults()


def always(kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "probability": 1, **more}


@contextmanager
def listening(world: Running) -> Iterator[ClientConnection]:
    with connect(f"{world.ws}/stream") as socket:
        for action, data in (
            ("authenticate", {"key_id": "key", "secret_key": "secret"}),
            ("listen", {"streams": ["trade_updates"]}),
        ):
            socket.send(json.dumps({"action": action, "data": data}))
            socket.recv(timeout=10)
        yield socket


def heard(socket: ClientConnection, count: int) -> list[dict[str, Any]]:
    return [json.loads(socket.recv(timeout=10))["data"] for _ in range(count)]


def by_client_id(world: Running, client_id: str) -> requests.Response:
    params = {"client_order_id": client_id}
    return world.call("GET", "/v2/orders:by_client_order_id", params=params)


def test_accept_then_drop(world: Running) -> None:
    world.faults(always("accept_then_drop"))
    with pytest.raises(requests.ConnectionError):
        world.order(client_order_id="dropped")
    assert by_client_id(world, "dropped").json()["status"] == "filled"
    assert world.order(qty="-1").status_code == 422  # a refusal is always answered
    assert world.counts()["accept_then_drop"] == 1


def test_error_504_after_accept(world: Running) -> None:
    world.faults(always("error_504_after_accept"))
    assert world.order(client_order_id="hidden-by-504").status_code == 504
    assert by_client_id(world, "hidden-by-504").json()["status"] == "filled"


def test_rate_limit_429_before_anything_is_done(world: Running) -> None:
    world.faults(always("rate_limit_429"))
    assert world.order(client_order_id="limited").status_code == 429
    world.faults()
    assert by_client_id(world, "limited").status_code == 404


def test_html_error_before_anything_is_done(world: Running) -> None:
    world.faults(always("html_error"))
    answer = world.order(client_order_id="no-json")
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html")
    assert answer.text.startswith("<html>")
    world.faults()
    assert by_client_id(world, "no-json").status_code == 404


def test_slow(world: Running) -> None:
    world.faults(always("slow", seconds=0.4))
    before = time.monotonic()
    assert world.call("GET", "/v2/clock").status_code == 200
    assert time.monotonic() - before >= 0.4


def test_eventual_visibility(world: Running) -> None:
    world.faults(always("eventual_visibility", seconds=0.5))
    order = world.order(client_order_id="shy").json()
    assert by_client_id(world, "shy").status_code == 404
    assert world.call("GET", f"/v2/orders/{order['id']}").status_code == 404
    assert order["id"] not in [o["id"] for o in world.get("/v2/orders", status="all")]
    wait_until(lambda: by_client_id(world, "shy").status_code == 200)
    assert world.order(client_order_id="shy").status_code == 422


def test_duplicate_fill(world: Running) -> None:
    world.faults(always("duplicate_fill"))
    with listening(world) as socket:
        world.order()
        new, fill, again = heard(socket, 3)
    assert (new["event"], fill["event"]) == ("new", "fill")
    assert fill == again


def test_late_fill(world: Running) -> None:
    world.faults(always("late_fill", seconds=0.3))
    with listening(world) as socket:
        order = world.order().json()
        assert heard(socket, 1)[0]["event"] == "new"
        assert world.get(f"/v2/orders/{order['id']}")["status"] == "filled"
        before = time.monotonic()
        assert heard(socket, 1)[0]["event"] == "fill"
        assert time.monotonic() - before >= 0.1


def test_out_of_order_fills(world: Running) -> None:
    world.faults(always("out_of_order_fills", seconds=5))
    with listening(world) as socket:
        first = world.order().json()["id"]
        second = world.order(type="limit", limit_price="1").json()["id"]
        told = [(e["order"]["id"], e["event"]) for e in heard(socket, 3)]
    assert told == [(first, "new"), (second, "new"), (first, "fill")]


def test_partial_fill(world: Running) -> None:
    world.faults(always("partial_fill"))
    with listening(world) as socket:
        world.order(qty="100")
        events = heard(socket, 3)
    assert [e["event"] for e in events] == ["new", "partial_fill", "fill"]
    assert sum(int(e["qty"]) for e in events[1:]) == 100
    assert 10 <= int(events[1]["qty"]) <= 90


def test_stream_disconnect(world: Running) -> None:
    world.faults(always("stream_disconnect"))
    with listening(world) as socket:
        world.order()
        with pytest.raises(ConnectionClosed):
            heard(socket, 1)
    assert world.counts()["stream_disconnect"] == 1


def test_faults_are_counted_at_the_door_where_they_happen(world: Running) -> None:
    before = world.get("/sim/faults")["doors"]
    world.faults(always("html_error"), always("slow", seconds=0.01))
    for path in ("/v2/account", "/v2/orders", "/v2/stocks/bars"):
        assert world.call("GET", path).status_code == 502
    world.faults()
    after = world.get("/sim/faults")["doors"]

    def more(door: str, kind: str) -> int:
        number: int = after[door].get(kind, 0) - before[door].get(kind, 0)
        return number

    for kind in ("html_error", "slow"):
        assert [more(door, kind) for door in ("trading", "data", "beside")] == [2, 1, 0]


def test_what_is_under_sim_never_misbehaves_and_refuses_nonsense(world: Running) -> None:
    world.faults(always("html_error"), always("rate_limit_429"), always("slow", seconds=9))
    before = time.monotonic()
    assert world.get("/sim/state")["clock"]["speed"] == 20
    assert time.monotonic() - before < 9
    answer = world.call("POST", "/sim/faults", json={"rules": [{"kind": "gremlins"}]})
    assert answer.status_code == 422
    assert "unknown kind 'gremlins'" in answer.json()["message"]
    for wrong, said in (
        ({"speed": -1}, "speed must be above 0"),
        ({"paused": "no"}, "paused must be true or false"),
        ({"jump_to": "2026-03-19"}, "the clock cannot jump back"),
        ({"jump_to": "2031-01-01"}, "the world ends at"),
        ({"jump_to": "soon"}, "isoformat"),
        ({"pace": 1}, "accepted: jump_to, paused, speed"),
        ([], "accepted: jump_to, paused, speed"),
    ):
        answer = world.call("POST", "/sim/clock", json=wrong)
        assert answer.status_code == 422
        assert said in answer.json()["message"]


def test_the_same_seed_gives_the_same_faults() -> None:
    def run() -> list[int]:
        with exchange("--faults", "rate_limit_429@0.3,html_error@0.3", "--seed", "5") as world:
            return [world.call("GET", "/v2/clock").status_code for _ in range(40)]

    first = run()
    assert first == run()
    assert {200, 429, 502} == set(first)
