"""The two streams' conversations: how a client logs in and says what it wants to hear."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeGuard

import msgpack
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.sim.hub import CHANNELS, Listener
from app.sim.world import World

#: Wall seconds that a client of the data stream has for logging in.
LOGIN_SECONDS = 10.0
ERRORS = {
    400: "invalid syntax",
    401: "not authenticated",
    402: "auth failed",
    403: "already authenticated",
    404: "auth timeout",
    410: "invalid subscribe action for this feed",
}


async def _receive(socket: WebSocket) -> Any:
    """Return the next message, JSON or msgpack; None where it is neither. Raises at the end."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    data = message.get("text") or message.get("bytes") or b""
    try:
        return json.loads(data)
    except (ValueError, UnicodeDecodeError):
        pass
    try:
        return msgpack.unpackb(data) if isinstance(data, bytes) else None
    except (ValueError, msgpack.exceptions.ExtraData):
        return None


async def _write(socket: WebSocket, listener: Listener) -> None:
    """Send a listener's frames until it hangs up."""
    while (frame := await listener.frames.get()) is not None:
        if isinstance(frame, bytes):
            await socket.send_bytes(frame)
        else:
            await socket.send_text(frame)
    await socket.close(1012)


async def _converse(
    socket: WebSocket, listener: Listener, listen: Callable[[], Awaitable[None]]
) -> None:
    """Read and write at the same time until either side ends."""
    tasks = [asyncio.ensure_future(_write(socket, listener)), asyncio.ensure_future(listen())]
    done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    for result in await asyncio.gather(*done, *waiting, return_exceptions=True):
        if isinstance(result, Exception) and not isinstance(
            result, WebSocketDisconnect | RuntimeError | OSError
        ):
            raise result


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


async def trading(world: World, socket: WebSocket) -> None:
    """Serve one client of the trading stream; frames are binary and hold JSON, as in paper."""
    await socket.accept()
    listener = Listener()

    def say(stream: str, data: dict[str, Any]) -> None:
        listener.send(json.dumps({"stream": stream, "data": data}).encode())

    async def listen() -> None:
        allowed = False
        while True:
            message = await _receive(socket)
            action = message.get("action") if isinstance(message, dict) else None
            data = message.get("data") if isinstance(message, dict) else None
            data = data if isinstance(data, dict) else (message or {})
            if action in ("authenticate", "auth"):
                allowed = world.access.allows(
                    data.get("key_id") or data.get("key"),
                    data.get("secret_key") or data.get("secret"),
                )
                status = "authorized" if allowed else "unauthorized"
                say("authorization", {"status": status, "action": "authenticate"})
            elif action == "listen" and allowed:
                streams = data.get("streams")
                wanted = [s for s in streams if s == "trade_updates"] if _is_list(streams) else []
                (world.trades.listeners.add if wanted else world.trades.listeners.discard)(listener)
                say("listening", {"streams": wanted})
            else:
                say("authorization", {"status": "unauthorized", "action": str(action)})

    try:
        await _converse(socket, listener, listen)
    finally:
        world.trades.listeners.discard(listener)


async def data(world: World, socket: WebSocket) -> None:
    """Serve one client of the market data stream, in msgpack where its header asks for it."""
    await socket.accept()
    listener = Listener(packed=socket.headers.get("content-type") == "application/msgpack")
    listener.send_list([{"T": "success", "msg": "connected"}])

    async def listen() -> None:
        if not await _log_in(world, socket, listener):
            listener.send(None)
            await asyncio.Event().wait()
        world.data.listeners.add(listener)
        while True:
            _subscribe(listener, await _receive(socket))

    try:
        await _converse(socket, listener, listen)
    finally:
        world.data.listeners.discard(listener)


async def _log_in(world: World, socket: WebSocket, listener: Listener) -> bool:
    try:
        async with asyncio.timeout(LOGIN_SECONDS):
            while True:
                message = await _receive(socket)
                if not isinstance(message, dict) or "action" not in message:
                    _fail(listener, 400)
                elif message["action"] != "auth":
                    _fail(listener, 401)
                elif world.access.allows(message.get("key"), message.get("secret")):
                    listener.send_list([{"T": "success", "msg": "authenticated"}])
                    return True
                else:
                    _fail(listener, 402)
                    return False
    except TimeoutError:
        _fail(listener, 404)
        return False


def _fail(listener: Listener, code: int) -> None:
    listener.send_list([{"T": "error", "code": code, "msg": ERRORS[code]}])


def _subscribe(listener: Listener, message: Any) -> None:
    action = message.get("action") if isinstance(message, dict) else None
    if action == "auth":
        _fail(listener, 403)
        return
    if action not in ("subscribe", "unsubscribe"):
        _fail(listener, 400)
        return
    for channel, symbols in message.items():
        if channel == "action" or not _is_list(symbols):
            continue
        named = [s for s in symbols if isinstance(s, str)]
        wanted = listener.channels.setdefault(channel, set())
        (wanted.update if action == "subscribe" else wanted.difference_update)(named)
    known = {*CHANNELS, *listener.channels}
    state = {channel: sorted(listener.channels.get(channel, ())) for channel in sorted(known)}
    listener.send_list([{"T": "subscription", **state}])


def routes(world: World) -> list[WebSocketRoute]:
    """Return the streams of a world."""

    async def on_trading(socket: WebSocket) -> None:
        await trading(world, socket)

    async def on_data(socket: WebSocket) -> None:
        await data(world, socket)

    return [
        WebSocketRoute("/stream", on_trading),
        WebSocketRoute("/v2/iex", on_data),
        WebSocketRoute("/v2/sip", on_data),
        WebSocketRoute("/v1beta1/news", on_data),
    ]
