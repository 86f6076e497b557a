"""A TCP proxy before PostgreSQL, Redis and the exchange that loses, cuts and delays at random.

``python -m proof.chaos.proxy`` reads the servers' addresses from its environment, as every process
of the stack does, and listens on the ports that it is given. It does no harm before it is told to.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from proof.chaos.addresses import Place, places
from proof.chaos.mischief import Fault, Harm, Mischief

CHUNK = 65_536
Relay = Callable[[bytes], Awaitable[None]]


@dataclass(slots=True)
class Ledger:
    """What was done so far: how often of each kind before each server, and when."""

    counts: Counter[str] = field(default_factory=Counter)
    stalls: list[tuple[str, float, float]] = field(default_factory=list)
    open: int = 0

    def note(self, front: str, fault: Fault) -> None:
        """Count a fault; a stall is kept with its beginning and its wall seconds."""
        self.counts[f"{front} {fault.harm}"] += 1
        if fault.harm is Harm.STALL:
            self.stalls.append((front, time.time(), fault.seconds))

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"counts": dict(self.counts), "stalls": self.stalls}


class Front:
    """The proxy before one server. Every connection is followed chunk by chunk, either way."""

    def __init__(self, name: str, place: Place, mischief: Mischief, ledger: Ledger) -> None:
        self._name = name
        self._place = place
        self._mischief = mischief
        self._ledger = ledger

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side ends it or a fault does."""
        try:
            theirs, ours = await self._place.connect()
        except OSError:
            _reset(writer)
            return
        link = _Link(self, writer, ours)
        self._ledger.open += 1
        ways = [
            asyncio.create_task(_pump(reader, link.forward)),
            asyncio.create_task(_pump(theirs, link.back)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._ledger.open -= 1
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in (writer, ours):
                end.close()

    def draw(self) -> Fault | None:
        """Return the fault that is due now, if one is."""
        return self._mischief.draw(asyncio.get_running_loop().time())

    def note(self, fault: Fault) -> None:
        """Count what was done."""
        self._ledger.note(self._name, fault)


class _Over(Exception):
    """The connection has ended."""


class _Link:
    """One connection through a front: its two ends, and the fault that waits for a reply."""

    def __init__(
        self, front: Front, client: asyncio.StreamWriter, server: asyncio.StreamWriter
    ) -> None:
        self._front = front
        self._client = client
        self._server = server
        self._waiting: Fault | None = None

    async def forward(self, data: bytes) -> None:
        """Pass a request on, or reset; what happens to its reply is decided here."""
        fault = self._front.draw()
        if fault is not None and fault.harm is Harm.RESET:
            self._front.note(fault)
            self._end()
        if fault is not None:
            self._waiting = fault
        self._server.write(data)
        await self._server.drain()

    async def back(self, data: bytes) -> None:
        """Pass a reply on, or do to it what was decided; what comes unasked is not safe either."""
        fault, self._waiting = self._waiting or self._front.draw(), None
        if fault is not None:
            self._front.note(fault)
            if fault.harm is Harm.CUT:
                self._client.write(data[: len(data) // 2])
                with contextlib.suppress(ConnectionError):
                    await self._client.drain()
                raise _Over
            if fault.seconds:
                await asyncio.sleep(fault.seconds)
            if fault.harm is not Harm.DELAY:
                self._end()
        self._client.write(data)
        await self._client.drain()

    def _end(self) -> None:
        _reset(self._client)
        raise _Over


async def _pump(reader: asyncio.StreamReader, relay: Relay) -> None:
    with contextlib.suppress(_Over, ConnectionError):
        while data := await reader.read(CHUNK):
            await relay(data)


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with a reset instead of a farewell."""
    if (end := writer.get_extra_info("socket")) is not None:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def control(
    mischiefs: list[Mischief], ledger: Ledger, reader: asyncio.StreamReader, writer: Any
) -> None:
    """Answer one order, ``storm``, ``calm`` or ``counts``, with everything done so far."""
    order = (await reader.readline()).decode().strip()
    if order in ("storm", "calm"):
        for mischief in mischiefs:
            mischief.rages = order == "storm"
    writer.write(json.dumps(ledger.as_json()).encode() + b"\n")
    await writer.drain()
    writer.close()


async def until_left(ledger: Ledger) -> None:
    """Wait for SIGTERM and then for the last connection's end: whoever still works may finish."""
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    await asked.wait()
    while ledger.open:
        await asyncio.sleep(0.1)


async def run(ports: dict[str, int], seed: int) -> None:
    """Serve every front and the control until SIGTERM."""
    ledger, servers, mischiefs = Ledger(), [], []
    for name, place in places(os.environ).items():
        mischief = Mischief(Random(f"{seed} {name}"))
        front = Front(name, place, mischief, ledger)
        mischiefs.append(mischief)
        servers.append(await asyncio.start_server(front.serve, "127.0.0.1", ports[name]))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await control(mischiefs, ledger, reader, writer)

    servers.append(await asyncio.start_server(answer, "127.0.0.1", ports["control"]))
    await until_left(ledger)
    for server in servers:
        server.close()


def main() -> None:
    """Read the ports, serve."""
    options = argparse.ArgumentParser(prog="python -m proof.chaos.proxy", description=__doc__)
    options.add_argument("--seed", type=int, required=True)
    for name in ("database", "redis", "exchange", "control"):
        options.add_argument(f"--{name}", type=int, required=True, help="port on 127.0.0.1")
    given = vars(options.parse_args())
    seed = given.pop("seed")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(given, seed))


if __name__ == "__main__":
    main()
