"""Following Alpaca's stream: every update arrives, and whatever may have been missed is told."""

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from broker_exchange import exchange as running_exchange
from broker_exchange import on_stage
from broker_orders import an_order
from broker_stubs import free_port
from websockets.asyncio.server import ServerConnection, serve

from app.adapters import STREAMS
from app.adapters.port import Connection, TradeUpdate
from app.engine.errors import InvalidData, Rejected
from app.engine.orders import Execution

Play = Callable[[ServerConnection, int], Awaitable[None]]

AUTHORISED = {"stream": "authorization", "data": {"status": "authorized"}}
LISTENING = {"stream": "listening", "data": {"streams": ["trade_updates"]}}


def an_update(event: str = "fill", **order: Any) -> dict[str, Any]:
    stated = {
        "id": "61e69015",
        "client_order_id": "a2b3c4",
        "created_at": "2026-03-20T16:00:00Z",
        "symbol": "AAPL",
        "qty": "2",
        "filled_qty": "2",
        "filled_avg_price": "100.5",
        "type": "market",
        "side": "buy",
        "time_in_force": "day",
        "status": "filled",
    } | order
    data = {"event": event, "timestamp": "2026-03-20T16:00:01.5Z", "order": stated}
    return {"stream": "trade_updates", "data": data | {"price": "100.5", "qty": "2"}}


@contextlib.asynccontextmanager
async def exchange(play: Play) -> AsyncIterator[Connection]:
    """Serve a stream that lets its client in and then plays; plays know how often it connected."""
    connects = 0

    async def talk(socket: ServerConnection) -> None:
        nonlocal connects
        connects += 1
        asked = json.loads(await socket.recv())
        assert asked["data"] == {"key_id": "the-key", "secret_key": "the-secret"}
        await socket.send(json.dumps(AUTHORISED).encode())
        assert json.loads(await socket.recv())["data"] == {"streams": ["trade_updates"]}
        await socket.send(json.dumps(LISTENING))
        await play(socket, connects)

    port = free_port()
    async with serve(talk, "127.0.0.1", port):
        yield Connection(f"ws://127.0.0.1:{port}/stream", "the-key", "the-secret")


async def followed(connection: Connection, enough: Callable[[list[Any]], bool]) -> list[Any]:
    """Follow until enough was heard; a connect is heard as None."""
    heard: list[Any] = []
    stop = asyncio.Event()

    def hear(news: TradeUpdate | None) -> None:
        heard.append(news)
        if enough(heard):
            stop.set()

    await asyncio.wait_for(
        STREAMS["alpaca"](connection, on_update=hear, on_connect=lambda: hear(None), stop=stop), 20
    )
    return heard


def test_binary_and_text_frames_and_unknown_events_arrive() -> None:
    async def play(socket: ServerConnection, _: int) -> None:
        await socket.send(json.dumps(an_update()).encode())
        await socket.send(json.dumps({"stream": "of tomorrow", "data": 5}))
        await socket.send(json.dumps(an_update("of tomorrow")))
        await socket.wait_closed()

    async def scene() -> list[Any]:
        async with exchange(play) as connection:
            return await followed(connection, lambda heard: len(heard) == 3)

    connected, fill, other = asyncio.run(scene())
    assert connected is None
    assert (fill.event, fill.execution.id) == ("fill", "61e69015:2")
    assert (other.event, other.execution) == ("of tomorrow", None)


@pytest.mark.parametrize(
    "frame", [b"\xff\xfe", "not json", "[1]", json.dumps(an_update(qty="NaN")), "[" * 100_000]
)
def test_a_message_that_cannot_be_read_asks_for_a_snapshot(frame: str | bytes) -> None:
    async def play(socket: ServerConnection, _: int) -> None:
        await socket.send(frame)
        await socket.send(json.dumps(an_update()))
        await socket.wait_closed()

    async def scene() -> list[Any]:
        async with exchange(play) as connection:
            return await followed(connection, lambda heard: heard[-1] is not None)

    first, second, fill = asyncio.run(scene())
    assert first is second is None
    assert fill.event == "fill"


def test_a_lost_line_is_taken_up_again_with_a_snapshot() -> None:
    async def play(socket: ServerConnection, connects: int) -> None:
        if connects == 1:
            await socket.send(json.dumps(an_update()))
            return
        await socket.wait_closed()

    async def scene() -> list[Any]:
        async with exchange(play) as connection:
            return await followed(connection, lambda heard: heard.count(None) == 2)

    before, fill, after = asyncio.run(scene())
    assert before is after is None
    assert fill.event == "fill"


def test_refused_credentials_end_it() -> None:
    async def refuse(socket: ServerConnection) -> None:
        await socket.recv()
        said = {"stream": "authorization", "data": {"status": "unauthorized"}}
        await socket.send(json.dumps(said))
        await socket.wait_closed()

    async def scene() -> None:
        port = free_port()
        async with serve(refuse, "127.0.0.1", port):
            connection = Connection(f"ws://127.0.0.1:{port}", "the-key", "the-secret")
            await followed(connection, lambda _: False)

    with pytest.raises(Rejected) as refused:
        asyncio.run(scene())
    assert refused.value.code == "unauthorized"
    assert "the-key" not in str(refused.value)
    assert "the-secret" not in str(refused.value)


@pytest.mark.parametrize("error", [InvalidData("broken"), OSError("full")], ids=str)
def test_what_the_owner_raises_is_not_swallowed(error: Exception) -> None:
    async def play(socket: ServerConnection, _: int) -> None:
        await socket.wait_closed()

    def fail(_: object) -> bool:
        raise error

    async def scene() -> None:
        async with exchange(play) as connection:
            await followed(connection, fail)

    with pytest.raises(type(error), match=str(error)):
        asyncio.run(scene())


def test_stopping_ends_it_while_the_line_is_silent_or_down() -> None:
    async def scene(connection: Connection) -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(0.2, stop.set)
        await asyncio.wait_for(
            STREAMS["alpaca"](
                connection, on_update=lambda _: None, on_connect=lambda: None, stop=stop
            ),
            5,
        )

    async def silent() -> None:
        async def play(socket: ServerConnection, _: int) -> None:
            await socket.wait_closed()

        async with exchange(play) as connection:
            await scene(connection)

    asyncio.run(silent())
    asyncio.run(scene(Connection(f"ws://127.0.0.1:{free_port()}", "k", "s")))


def test_the_fills_of_the_exchange_arrive_as_its_ledger_states_them(
    tmp_path: Path,
) -> None:
    with running_exchange(tmp_path) as url:
        streamed, listed = traded(url)
    assert [fill.id for fill in streamed] == [fill.id for fill in listed]
    assert sum(fill.quantity for fill in streamed) == 2


def traded(url: str) -> tuple[list[Execution], list[Execution]]:
    """Buy something and return its executions as streamed and as listed."""
    stage = on_stage(url)
    connected = threading.Event()

    def place() -> None:
        assert connected.wait(10)
        stage.broker.submit(an_order("streamed"))

    def enough(heard: list[Any]) -> bool:
        connected.set()
        return any(update is not None and update.event == "fill" for update in heard)

    trader = threading.Thread(target=place)
    trader.start()
    stream = Connection(url.replace("http", "ws") + "/stream", "key", "secret")
    heard = asyncio.run(followed(stream, enough))
    trader.join(10)
    streamed = [update.execution for update in heard if update is not None and update.execution]
    return streamed, list(stage.broker.executions(stage.since))
