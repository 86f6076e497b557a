"""Follow Alpaca's stream of minute bars and news, in its JSON form."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from app.engine.errors import InvalidData, Rejected
from app.io.feeds.port import Source

#: Wall seconds. A connection that died lingers at the server, which allows only one.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 10.0, 120.0
SOUND_AFTER_S = 60.0
ANSWER_WITHIN_S = 8.0
PING_EVERY_S, PONG_WITHIN_S = 10.0, 20.0
#: The free plan's symbols; and the longest frame, for articles come with their text.
MOST_SYMBOLS, LONGEST_FRAME = 30, 4_000_000
#: Refused credentials, and a feed that the plan does not have: asking again changes nothing.
_FINAL = frozenset({402, 409})

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Heard:
    """What one frame said: minute bars, corrected ones, articles, and how much was unreadable."""

    bars: tuple[Any, ...] = ()
    corrected: tuple[Any, ...] = ()
    articles: tuple[Any, ...] = ()
    unreadable: int = 0


async def follow(
    source: Source,
    symbols: Sequence[str],
    on_heard: Callable[[Heard], Awaitable[None]],
    stop: asyncio.Event,
    first_pause_s: float = FIRST_PAUSE_S,
) -> None:
    """Hand on every frame until ``stop`` is set, connecting again after growing pauses.

    At most ``MOST_SYMBOLS`` symbols are followed, the first ones. Raises Rejected where the server
    refuses the key or the plan.
    """
    now = asyncio.get_running_loop().time
    ended: asyncio.Task[object] = asyncio.ensure_future(stop.wait())
    failures = 0
    try:
        while not stop.is_set():
            since = now()
            try:
                async with _opened(source) as socket:
                    await _log_in(socket, source)
                    await _subscribe(socket, symbols)
                    async with contextlib.aclosing(_frames(socket, ended)) as frames:
                        async for heard in frames:
                            await on_heard(heard)
            except (OSError, WebSocketException, InvalidData) as error:
                failures = 1 if now() - since > SOUND_AFTER_S else failures + 1
                wait = min(first_pause_s * 2 ** min(failures - 1, 10), LONGEST_PAUSE_S)
                log.warning("market_data_lost", error=type(error).__name__, again_in_s=wait)
                await asyncio.wait({ended}, timeout=wait)
    finally:
        ended.cancel()


def heard(frame: str | bytes) -> Heard:
    """Sort what a frame holds by what it is; kinds that we do not know are left out.

    Raises Rejected for an error that another attempt would meet again.
    """
    try:
        said = json.loads(frame)
    except (ValueError, RecursionError):
        return Heard(unreadable=1)
    messages = said if isinstance(said, list) else [said]
    records = [message for message in messages if isinstance(message, dict)]
    for record in records:
        if record.get("T") == "error":
            _complain(record)
    return Heard(
        bars=tuple(m for m in records if m.get("T") == "b"),
        corrected=tuple(m for m in records if m.get("T") == "u"),
        articles=tuple(m for m in records if m.get("T") == "n"),
        unreadable=len(messages) - len(records),
    )


def _complain(record: dict[str, Any]) -> None:
    code = record.get("code")
    if isinstance(code, int) and code in _FINAL:
        raise Rejected(str(code), "the market data stream refuses the key or the plan")
    log.warning("market_data_error", code=ascii(code)[:20])


def _opened(to: Source) -> connect:
    direct = urlsplit(to.url).hostname in {"localhost", "127.0.0.1", "::1"}
    return connect(
        to.url,
        open_timeout=ANSWER_WITHIN_S,
        ping_interval=PING_EVERY_S,
        ping_timeout=PONG_WITHIN_S,
        close_timeout=1,
        max_size=LONGEST_FRAME,
        proxy=None if direct else True,
    )


async def _log_in(socket: ClientConnection, to: Source) -> None:
    async with asyncio.timeout(ANSWER_WITHIN_S):
        await socket.send(json.dumps({"action": "auth", "key": to.key, "secret": to.secret}))
        while not _authenticated(await socket.recv()):
            pass


def _authenticated(frame: str | bytes) -> bool:
    try:
        said = json.loads(frame)
    except (ValueError, RecursionError) as error:
        raise InvalidData("the market data stream does not speak JSON") from error
    for message in said if isinstance(said, list) else ():
        if isinstance(message, dict) and message.get("T") == "error":
            _complain(message)
            raise InvalidData("the market data stream answers with an error")
        if isinstance(message, dict) and message.get("msg") == "authenticated":
            return True
    return False


async def _subscribe(socket: ClientConnection, symbols: Sequence[str]) -> None:
    followed = list(symbols[:MOST_SYMBOLS])
    if len(symbols) > len(followed):
        log.warning("market_data_cut", followed=len(followed), left_out=len(symbols[MOST_SYMBOLS:]))
    for channels in ({"bars": followed, "updatedBars": followed}, {"news": followed}):
        # Apart, so that a feed without news refuses these alone.
        await socket.send(json.dumps({"action": "subscribe", **channels}))


async def _frames(
    socket: ClientConnection, ended: asyncio.Task[object]
) -> AsyncGenerator[Heard, None]:
    while True:
        arrival: asyncio.Task[str | bytes] = asyncio.ensure_future(socket.recv())
        try:
            await asyncio.wait({arrival, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            arrival.cancel()
        if not arrival.done():
            return
        said = heard(arrival.result())
        if said != Heard():
            yield said
