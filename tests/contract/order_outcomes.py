"""Every way that the one request for an order can end at Alpaca, and what it is taken for."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

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

from app.engine.orders import Order, OrderState

S = OrderState
HTML = "<html><body>Bad Gateway</body></html>"
TAKEN, TRANSIENT, UNKNOWN = "taken", "`Transient`", "`OutcomeUnknown`"
#: What an outcome leads to, by the beginning of what it is to the adapter.
THEN = {
    TAKEN: "recorded as the broker states it",
    "`Rejected` duplicate": "looked up by its id and adopted; never closed as not there",
    "`Rejected` closed": "ended; an exit is parked until orders are possible again",
    "`Rejected`": "ended; of an exit it is told, and the rules ask anew",
    TRANSIENT: "sent by a later pass, while its cause lives",
    UNKNOWN: "looked up by its id; adopted, or sent again with the same id",
}


@dataclass(frozen=True)
class Outcome:
    """An ending in words, how to play it, what the adapter makes of it, and the order's state."""

    words: str
    play: Callable[[Order], Behaviour]
    adapter: str
    state: OrderState


def placed(order: Order, **changes: Any) -> dict[str, Any]:
    """Return an order as Alpaca states it when it takes it."""
    return {
        "id": "61e69015-8549-4bfd-b9c3-01e75843f47d",
        "client_order_id": order.client_id,
        "created_at": "2026-03-20T15:00:00.123456789Z",
        "submitted_at": "2026-03-20T15:00:00.123456789Z",
        "symbol": order.symbol,
        "qty": str(order.quantity),
        "filled_qty": "0",
        "filled_avg_price": None,
        "type": order.type.value,
        "limit_price": None if order.limit_price is None else str(order.limit_price),
        "side": order.side.value,
        "time_in_force": order.time_in_force.value,
        "status": "pending_new",
    } | changes


def said(
    status: int, code: int | None, message: str, **headers: str
) -> Callable[[Order], Behaviour]:
    body = {"message": message} if code is None else {"code": code, "message": message}
    return lambda _: answer(status, body, **headers)


def as_told(behaviour: Behaviour) -> Callable[[Order], Behaviour]:
    return lambda _: behaviour


def with_order(http: int = 200, **changes: Any) -> Callable[[Order], Behaviour]:
    return lambda order: answer(http, placed(order, **changes))


def cut_short(order: Order) -> Behaviour:
    """Say that the order was taken, and break off inside of it."""
    body = json.dumps(placed(order)).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()

    def play(connection: socket.socket) -> None:
        connection.sendall(head + body[: len(body) // 2])
        connection.close()

    return play


def refusal(words: str, status: int, code: int | None, message: str, name: str) -> Outcome:
    return Outcome(words, said(status, code, message), f"`Rejected` {name}", S.REJECTED)


def doubt(words: str, play: Callable[[Order], Behaviour]) -> Outcome:
    return Outcome(words, play, UNKNOWN, S.UNKNOWN)


OUTCOMES = (
    Outcome("200, the order as asked for", with_order(), TAKEN, S.SUBMITTED),
    Outcome("201, the order as asked for", with_order(201), TAKEN, S.SUBMITTED),
    Outcome(
        "200, the order with the status rejected", with_order(status="rejected"), TAKEN, S.REJECTED
    ),
    Outcome(
        "200, the order filled at once: open until its executions are here",
        lambda order: answer(200, placed(order, status="filled", filled_qty=str(order.quantity))),
        TAKEN,
        S.SUBMITTED,
    ),
    refusal("400 with a code", 400, 40010000, "request body format is invalid", "40010000"),
    refusal("401 unauthorized", 401, None, "unauthorized.", "unauthorized"),
    refusal("403 forbidden", 403, None, "forbidden.", "forbidden"),
    refusal("403 40310000, money, shares, wash trade", 403, 40310000, "insufficient", "40310000"),
    refusal("404 40410000", 404, 40410000, "asset not found", "not_found"),
    refusal("422 40010001, validation", 422, 40010001, "qty is required", "40010001"),
    refusal("422 42210000, business rule", 422, 42210000, "sub-penny increment", "42210000"),
    refusal("422 42210000, the market is closed", 422, 42210000, "market is closed", "closed"),
    Outcome(
        "422 40010001, the client id is known already",
        said(422, 40010001, "client_order_id must be unique"),
        "`Rejected` duplicate",
        S.UNKNOWN,
    ),
    Outcome(
        "422 40010001, the same in other words",
        said(422, 40010001, "client order id must be unique"),
        "`Rejected` duplicate",
        S.UNKNOWN,
    ),
    Outcome(
        "429 of the broker: refused before anything was done",
        said(429, 42910000, "rate limit exceeded", Retry_After="1"),
        TRANSIENT,
        S.NEW,
    ),
    doubt("429 of something before the broker, HTML", as_told(answer(429, HTML))),
    doubt("401, 403 or 404 that is not in the broker's format", as_told(answer(403, HTML))),
    doubt("404 of something else that speaks JSON", said(404, None, "no Route matched")),
    doubt("404 5, a gateway's own code", said(404, 5, "Not Found")),
    doubt("404 40400000, another of the broker's codes", said(404, 40400000, "no endpoint")),
    doubt("400 3, a gateway's own code", said(400, 3, "upstream: invalid argument")),
    doubt("422 0, a gateway's own code", said(422, 0, "unprocessable")),
    doubt("422 without a code", said(422, None, "unprocessable")),
    doubt("408", as_told(answer(408))),
    doubt("500 with a code", said(500, 50010000, "internal server error occurred")),
    doubt("502, HTML", as_told(answer(502, HTML))),
    doubt("503, no body", as_told(answer(503))),
    doubt("504, HTML", as_told(answer(504, HTML))),
    doubt("a redirect", as_told(answer(302, "", Location="http://127.0.0.1:1/"))),
    doubt("200, HTML", as_told(answer(200, HTML))),
    doubt("200, no body", as_told(answer(200))),
    doubt("204, no body", as_told(answer(204))),
    doubt("200, JSON that is no order", as_told(answer(200, []))),
    doubt("200, half an order", cut_short),
    doubt("200, another client id", with_order(client_order_id="another")),
    doubt("200, another quantity", with_order(qty="1")),
    doubt("200, another symbol", with_order(symbol="MSFT")),
    doubt("200, another side", with_order(side="sell")),
    doubt("no answer within the time-out", as_told(silence)),
    doubt("a reset after the request", as_told(reset)),
    doubt("the connection closed after the request", as_told(hang_up)),
    doubt("half an answer", as_told(half_a_body)),
    doubt("what is not HTTP", as_told(garbage)),
)


@contextmanager
def deaf() -> Iterator[str]:
    """Listen and take no connection: the queue of those that wait for it is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        for each in waiting:
            each.close()


@contextmanager
def absent() -> Iterator[str]:
    yield f"http://127.0.0.1:{free_port()}"


@contextmanager
def nameless() -> Iterator[str]:
    yield "http://no-such-host.invalid"


#: Nothing was sent: there was no connection to send it on.
UNREACHED = {
    "no connection within the time-out": deaf,
    "the connection is refused": absent,
    "no such host": nameless,
}


@contextmanager
def playing(outcome: Outcome, order: Order) -> Iterator[str]:
    """Play an ending at an address; exactly one request has been made at the end."""
    with stub(outcome.play(order)) as server:
        yield server.url
        assert len(server.requests) == 1, outcome.words


def rows() -> list[str]:
    """Return the table of the page about outcomes, a row an ending."""
    told = [(o.words, o.adapter, o.state) for o in OUTCOMES]
    told += [(words, TRANSIENT, S.NEW) for words in UNREACHED]
    return [
        f"| {words} | {adapter} | `{state}` | {then(adapter)} |" for words, adapter, state in told
    ]


def then(adapter: str) -> str:
    return next(what for beginning, what in THEN.items() if adapter.startswith(beginning))
