"""The proxy over loopback: what each fault does to a reply, and what it is counted as."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.local.environment import any_free_port
from proof.chaos.addresses import Place
from proof.chaos.mischief import Fault, Harm, Mischief
from proof.chaos.proxy import Front, Ledger, control
from proof.chaos.run import order_proxy

HELLO = b"hello, server"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bytes]]


class Scripted(Mischief):
    """Mischief that commits the given faults, one a chunk, and then none."""

    def __init__(self, *faults: Fault | None) -> None:
        super().__init__(Random(0))
        self._faults = list(faults)

    def draw(self, now: float) -> Fault | None:
        return self._faults.pop(0) if self._faults else None


class Echo:
    """A server that answers each chunk in capitals and remembers what it was asked."""

    def __init__(self) -> None:
        self.heard = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(100):
                self.heard += data
                writer.write(data.upper())
        finally:
            writer.close()


def through(mischief: Mischief, talk: Talk) -> tuple[bytes | str, Echo, Ledger]:
    """Talk to an echo through a front; return the answer or the name of what ended it."""

    async def all_of_it() -> tuple[bytes | str, Echo, Ledger]:
        echo, ledger = Echo(), Ledger()
        server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
        place = Place(port=server.sockets[0].getsockname()[1])
        front = Front("redis", place, mischief, ledger)
        proxy = await asyncio.start_server(front.serve, "127.0.0.1", 0)
        port = proxy.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answer: bytes | str
        try:
            answer = await talk(reader, writer)
        except ConnectionError as error:
            answer = type(error).__name__
        writer.close()
        while ledger.open:
            await asyncio.sleep(0.01)
        proxy.close()
        server.close()
        await asyncio.sleep(0.05)  # closed sockets are let go by the loop's next turns
        return answer, echo, ledger

    return asyncio.run(asyncio.wait_for(all_of_it(), 20))


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(HELLO)
    return await reader.read(100)


async def ask_until_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(HELLO)
    return await reader.read(-1)


def test_without_mischief_everything_passes() -> None:
    answer, echo, ledger = through(Mischief(Random(0)), ask)
    assert (answer, echo.heard, ledger.counts) == (HELLO.upper(), HELLO, {})


def test_a_lost_reply_was_a_request_that_arrived() -> None:
    answer, echo, ledger = through(Scripted(Fault(Harm.LOST)), ask)
    assert (answer, echo.heard) == ("ConnectionResetError", HELLO)
    assert ledger.counts == {f"redis {Harm.LOST}": 1}


def test_a_reset_comes_before_the_request() -> None:
    answer, echo, ledger = through(Scripted(Fault(Harm.RESET)), ask)
    assert (answer, echo.heard) == ("ConnectionResetError", b"")
    assert ledger.counts == {f"redis {Harm.RESET}": 1}


def test_a_stalled_reply_never_comes_and_is_kept_with_its_seconds() -> None:
    began = time.time()
    answer, echo, ledger = through(Scripted(Fault(Harm.STALL, 0.4)), ask)
    assert (answer, echo.heard) == ("ConnectionResetError", HELLO)
    assert time.time() - began >= 0.4
    [(front, at, seconds)] = ledger.stalls
    assert (front, seconds) == ("redis", 0.4)
    assert began <= at <= time.time()


def test_a_delayed_reply_comes() -> None:
    began = time.monotonic()
    answer, _, ledger = through(Scripted(Fault(Harm.DELAY, 0.3)), ask)
    assert answer == HELLO.upper()
    assert time.monotonic() - began >= 0.3
    assert (ledger.counts, ledger.stalls) == ({f"redis {Harm.DELAY}": 1}, [])


def test_a_cut_reply_is_half_of_it_and_the_end() -> None:
    answer, echo, ledger = through(Scripted(Fault(Harm.CUT)), ask_until_the_end)
    assert (answer, echo.heard) == (HELLO.upper()[: len(HELLO) // 2], HELLO)
    assert ledger.counts == {f"redis {Harm.CUT}": 1}


def test_a_fault_may_strike_the_reply_alone() -> None:
    answer, echo, ledger = through(Scripted(None, Fault(Harm.LOST)), ask)
    assert (answer, echo.heard) == ("ConnectionResetError", HELLO)
    assert ledger.counts == {f"redis {Harm.LOST}": 1}


def test_a_server_that_is_not_there_is_a_reset() -> None:
    async def knock() -> str:
        front = Front("redis", Place(path="/nowhere/redis.sock"), Scripted(), Ledger())
        proxy = await asyncio.start_server(front.serve, "127.0.0.1", 0)
        port = proxy.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            return repr(await reader.read(1))
        except ConnectionError as error:
            return type(error).__name__
        finally:
            writer.close()
            proxy.close()

    assert asyncio.run(knock()) == "ConnectionResetError"


def test_the_control_begins_and_ends_the_storm_and_tells_the_counts() -> None:
    mischief, ledger, port = Mischief(Random(0)), Ledger(), any_free_port()
    ledger.note("redis", Fault(Harm.STALL, 2.0))

    async def order(what: str) -> dict[str, object]:
        server = await asyncio.start_server(
            lambda reader, writer: control([mischief], ledger, reader, writer), "127.0.0.1", port
        )
        try:
            return await asyncio.to_thread(order_proxy, port, what)
        finally:
            server.close()

    told = asyncio.run(order("storm"))
    assert told["counts"] == {f"redis {Harm.STALL}": 1}
    assert mischief.rages
    asyncio.run(order("calm"))
    assert not mischief.rages


@pytest.mark.parametrize("seed", range(3))
def test_the_same_seed_gives_the_same_faults(seed: int) -> None:
    drawn = []
    for _ in range(2):
        mischief = Mischief(Random(seed), every_s=0.5)
        mischief.rages = True
        drawn.append([mischief.draw(moment / 10) for moment in range(20_000)])
    assert drawn[0] == drawn[1]
    faults = [fault for fault in drawn[0] if fault is not None]
    assert {fault.harm for fault in faults} == set(Harm)
    assert 2500 < len(faults) < 4500  # 2,000 seconds, one each half second and the next request


@given(st.lists(st.floats(0, 1000), max_size=200))
@settings(max_examples=50)
def test_a_calm_one_does_nothing_at_any_time(moments: list[float]) -> None:
    mischief = Mischief(Random(1), every_s=0.001)
    assert [mischief.draw(moment) for moment in sorted(moments)] == [None] * len(moments)
