"""What every request passes before and after its endpoint: keys, faults, the rate limit."""

import asyncio
import json
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.sim.faults import Door, Kind
from app.sim.world import World

Headers = list[tuple[bytes, bytes]]
#: Where Alpaca's keys are not asked for, and what its market data are.
OTHER_DOORS = ("/sim/", "/query", "/cgi-bin/", "/files/", "/v1/")
DATA = ("/v2/stocks", "/v1beta1/news")
GATEWAY_PAGE = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n"
    b"<body><center><h1>502 Bad Gateway</h1></center></body>\r\n</html>\r\n"
)
_JSON: Headers = [(b"content-type", b"application/json")]
_HTML: Headers = [(b"content-type", b"text/html")]


async def _answer(send: Send, status: int, headers: Headers, body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


async def _say(send: Send, status: int, headers: Headers, body: dict[str, Any]) -> None:
    await _answer(send, status, [*_JSON, *headers], json.dumps(body).encode())


def gate(world: World, app: ASGIApp) -> ASGIApp:
    """Wrap the exchange's endpoints; the world's own, under /sim, are open and never misbehave.

    The services beside the exchange know their callers by other signs, and err in other ways.
    """

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(OTHER_DOORS):
            await app(scope, receive, send)
            return
        key, secret = _pair(dict(scope["headers"]))
        if not key or not secret:
            await _say(send, 401, [], {"message": "unauthorized."})
        elif not world.access.allows(key, secret):
            await _say(send, 403, [], {"message": "forbidden."})
        elif not await _misbehave(world, door := _door(scope["path"]), send):
            await _limited(world, door, app, scope, receive, send)

    return guarded


def _pair(headers: dict[bytes, bytes]) -> tuple[str, str]:
    """Return the key and the secret of a request; a bearer token counts as both."""
    bearer = headers.get(b"authorization", b"").decode("latin-1").partition("Bearer ")[2]
    key = headers.get(b"apca-api-key-id", b"").decode("latin-1")
    secret = headers.get(b"apca-api-secret-key", b"").decode("latin-1")
    return key or bearer, secret or bearer


def _door(path: str) -> Door:
    return Door.DATA if path.startswith(DATA) else Door.TRADING


async def _misbehave(world: World, door: Door, send: Send) -> bool:
    """Draw the faults that happen before a request is looked at; True if one answered it."""
    if slow := world.faults.draw(Kind.SLOW, door):
        await asyncio.sleep(slow.seconds)
    if world.faults.draw(Kind.RATE_LIMIT_429, door):
        await _too_many(send, [])
        return True
    if world.faults.draw(Kind.HTML_ERROR, door):
        await _answer(send, 502, _HTML, GATEWAY_PAGE)
        return True
    return False


async def _too_many(send: Send, headers: Headers) -> None:
    await _say(send, 429, headers, {"code": 42910000, "message": "rate limit exceeded"})


async def _limited(
    world: World, door: Door, app: ASGIApp, scope: Scope, receive: Receive, send: Send
) -> None:
    passes, headers = world.limits.take(door, world.exchange.clock.now())
    if not passes:
        await _too_many(send, headers)
        return

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *headers]}
        await send(message)

    if scope["method"] == "POST" and scope["path"] == "/v2/orders":
        await _submission(world, app, scope, receive, with_headers, send)
    else:
        await app(scope, receive, with_headers)


async def _submission(
    world: World, app: ASGIApp, scope: Scope, receive: Receive, reply: Send, send: Send
) -> None:
    """Take an order, then perhaps lose the answer to it."""
    messages: list[Message] = []

    async def collect(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, collect)
    accepted = messages[0]["status"] == 200
    if accepted and world.faults.draw(Kind.ACCEPT_THEN_DROP, Door.TRADING):
        await _hang_up(receive, send)
    elif accepted and world.faults.draw(Kind.ERROR_504_AFTER_ACCEPT, Door.TRADING):
        await _say(send, 504, [], {"code": 50410000, "message": "gateway timeout"})
    else:
        for message in messages:
            await reply(message)


async def _hang_up(receive: Receive, send: Send) -> None:
    """Close the connection without a word: ASGI has no such message, the server's transport has."""
    send.__self__.transport.abort()  # type: ignore[attr-defined]
    await receive()
