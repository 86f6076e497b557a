"""The stream of minutes and news: what arrives, what is left out, and when it is given up."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from broker_stubs import free_port
from websockets.asyncio.server import ServerConnection, serve

from app.engine.errors import Rejected
from app.io.feeds.bars_stream import MOST_SYMBOLS, Heard, follow, heard
from app.io.feeds.port import Source

Play = Callable[[ServerConnection, int], Awaitable[None]]
BAR = {"T": "b", "S": "AAPL", "o": 1, "h": 1, "l": 1, "c": 1, "v": 1, "t": "2026-03-20T15:00:00Z"}
AGAIN, ARTICLE = BAR | {"T": "u"}, {"T": "n", "headline": "Something"}


@contextlib.asynccontextmanager
async def exchange(play: Play, asked: list[Any]) -> AsyncIterator[Source]:
    connects = 0

    async def talk(socket: ServerConnection) -> None:
        nonlocal connects
        connects += 1
        await socket.send('[{"T": "success", "msg": "connected"}]')
        asked.append(json.loads(await socket.recv()))
        await play(socket, connects)

    port = free_port()
    async with serve(talk, "127.0.0.1", port):
        yield Source(f"ws://127.0.0.1:{port}/v2/iex", "the-key", "the-secret")


async def let_in(socket: ServerConnection) -> None:
    await socket.send('[{"T": "success", "msg": "authenticated"}]')


def scene(play: Play, enough: int, symbols: tuple[str, ...] = ("AAPL",)) -> tuple[Any, list[Any]]:
    """Follow until so many frames were heard; return them, and what the client sent first."""
    asked: list[Any] = []

    async def run() -> list[Heard]:
        frames: list[Heard] = []
        stop = asyncio.Event()

        async def hear(said: Heard) -> None:
            frames.append(said)
            if len(frames) >= enough:
                stop.set()

        async with exchange(play, asked) as source:
            await asyncio.wait_for(follow(source, symbols, hear, stop, first_pause_s=0.01), 20)
        return frames

    return asyncio.run(run()), asked


def test_it_logs_in_and_asks_for_bars_and_news_apart() -> None:
    subscribed: list[Any] = []

    async def play(socket: ServerConnection, _: int) -> None:
        await let_in(socket)
        subscribed.extend([json.loads(await socket.recv()), json.loads(await socket.recv())])
        await socket.send(json.dumps([{"T": "subscription", "bars": ["S0"]}]))
        await socket.send(json.dumps([BAR, AGAIN, ARTICLE, {"T": "of tomorrow"}, {"T": "q"}]))
        await socket.wait_closed()

    symbols = tuple(f"S{n}" for n in range(40))
    frames, [login] = scene(play, 1, symbols)
    assert login == {"action": "auth", "key": "the-key", "secret": "the-secret"}
    assert frames == [Heard((BAR,), (AGAIN,), (ARTICLE,))]
    bars, news = subscribed
    assert bars["bars"] == bars["updatedBars"] == news["news"] == list(symbols[:MOST_SYMBOLS])


def test_a_lost_line_is_taken_up_again() -> None:
    async def play(socket: ServerConnection, connects: int) -> None:
        if connects == 1:
            await socket.send('[{"T": "error", "code": 406, "msg": "connection limit exceeded"}]')
            return
        if connects == 2:
            await socket.send("not json")
            return
        await let_in(socket)
        for _ in range(2):
            await socket.recv()
        await socket.send(json.dumps([BAR]))

    frames, asked = scene(play, 2)
    assert [len(f.bars) for f in frames] == [1, 1]
    assert len(asked) >= 4


def test_an_error_within_the_stream_does_not_end_it() -> None:
    async def play(socket: ServerConnection, _: int) -> None:
        await let_in(socket)
        await socket.send('[{"T": "error", "code": 410, "msg": "not for this feed"}]')
        await socket.send('[{"T": "error", "code": "x"}, 5, null]')
        await socket.send("[" * 100_000)
        await socket.send(json.dumps(BAR).encode())
        await socket.wait_closed()

    frames, asked = scene(play, 3)
    assert frames == [Heard(unreadable=2), Heard(unreadable=1), Heard((BAR,))]
    assert len(asked) == 1


@pytest.mark.parametrize("code", [402, 409])
def test_a_refused_key_or_plan_is_not_asked_again(code: int) -> None:
    async def play(socket: ServerConnection, _: int) -> None:
        await socket.send(json.dumps([{"T": "error", "code": code, "msg": "no"}]))
        await socket.wait_closed()

    with pytest.raises(Rejected):
        scene(play, 1)


@pytest.mark.parametrize("frame", ["{}", "[]", "null", '"b"', '{"T": ["b"]}', b"[1e999]"])
def test_frames_of_any_shape_are_sorted(frame: str | bytes) -> None:
    assert heard(frame).bars == ()
