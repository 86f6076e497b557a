"""Follow Alpaca's stream of trade updates.

The library's own stream retries refused credentials for ever, drops the message whose handler
fails, and offers no word of a reconnect; this one stops, raises and tells.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable
from typing import Any
from urllib.parse import urlsplit

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from app.adapters.alpaca import answers
from app.adapters.alpaca.fields import Record, record
from app.adapters.port import Connection, TradeUpdate
from app.engine.errors import InvalidData, Rejected
from app.engine.ids import digest

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
SOUND_AFTER_S = 30.0
ANSWER_WITHIN_S = 4.0
PING_EVERY_S = 10.0
PONG_WITHIN_S = 20.0

log = structlog.get_logger()


async def follow(
    connection: Connection,
    *,
    on_update: Callable[[TradeUpdate], None],
    on_connect: Callable[[], None],
    stop: asyncio.Event,
) -> None:
    """Follow the stream at ``connection.url`` until ``stop`` is set; see the port."""
    async with contextlib.aclosing(_news(connection, stop)) as news:
        async for update in news:
            if update is None:
                on_connect()
            else:
                on_update(update)


async def _news(to: Connection, stop: asyncio.Event) -> AsyncGenerator[TradeUpdate | None, None]:
    """Yield updates, and None wherever some may have been missed."""
    now = asyncio.get_running_loop().time
    ended: asyncio.Task[object] = asyncio.ensure_future(stop.wait())
    failures = 0
    try:
        while not stop.is_set():
            since = now()
            try:
                async with _opened(to) as socket:
                    await _authorise(socket, to)
                    yield None
                    async for update in _updates(socket, ended):
                        yield update
            except (OSError, WebSocketException, InvalidData) as error:
                # A line that drops at once is not sound: each connect costs its owner a snapshot.
                failures = 1 if now() - since > SOUND_AFTER_S else failures + 1
                wait = pause(failures, to.key)
                log.warning("trade_updates_lost", error=type(error).__name__, again_in_s=wait)
                await asyncio.wait({ended}, timeout=wait)
    finally:
        ended.cancel()


def pause(failures: int, salt: str) -> float:
    """Return the seconds before the next attempt: doubling, and up to half less by a digest."""
    whole = min(FIRST_PAUSE_S * 2.0 ** min(failures - 1, 10), LONGEST_PAUSE_S)
    drawn = int.from_bytes(digest("pause", salt, str(failures)).encode()) % 1000
    return max(whole * (1 - drawn / 2000), FIRST_PAUSE_S)


def _opened(to: Connection) -> connect:
    direct = urlsplit(to.url).hostname in {"localhost", "127.0.0.1", "::1"}
    return connect(
        to.url,
        open_timeout=ANSWER_WITHIN_S,
        ping_interval=PING_EVERY_S,
        ping_timeout=PONG_WITHIN_S,
        close_timeout=1,
        proxy=None if direct else True,
    )


async def _authorise(socket: ClientConnection, to: Connection) -> None:
    keys = {"key_id": to.key, "secret_key": to.secret}
    await socket.send(json.dumps({"action": "authenticate", "data": keys}))
    answer = await _answer(socket, "authorization")
    if answer.get("status") != "authorized":
        raise Rejected("unauthorized", "the stream of trade updates refuses the credentials")
    await socket.send(json.dumps({"action": "listen", "data": {"streams": ["trade_updates"]}}))
    await _answer(socket, "listening")


async def _answer(socket: ClientConnection, stream: str) -> Record:
    """Wait for a control message; news of orders before it is covered by the snapshot after it."""
    async with asyncio.timeout(ANSWER_WITHIN_S):
        while True:
            message = _message(await socket.recv())
            if message.get("stream") == stream:
                return record(message.get("data"))


async def _updates(
    socket: ClientConnection, ended: asyncio.Task[object]
) -> AsyncGenerator[TradeUpdate | None, None]:
    while True:
        arrival: asyncio.Task[object] = asyncio.ensure_future(socket.recv())
        try:
            await asyncio.wait({arrival, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            arrival.cancel()
        if not arrival.done():
            return
        try:
            message = _message(arrival.result())
            if message.get("stream") == "trade_updates":
                yield answers.trade_update(message.get("data"))
        except InvalidData as error:
            # What the message meant to say is in the broker's books: have them read instead.
            log.warning("trade_update_unreadable", why=str(error))
            yield None


def _message(frame: Any) -> Record:
    """Read a frame; paper accounts send JSON in binary ones, live accounts in text."""
    try:
        return record(json.loads(frame))
    except (ValueError, RecursionError) as error:
        raise InvalidData(f"a frame of {len(frame)} bytes is not JSON") from error
