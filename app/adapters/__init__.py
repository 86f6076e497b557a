"""Brokers: where orders go. One port, one file or folder per broker."""

import asyncio
from collections.abc import Callable

from app.adapters.port import Broker, Build, Connection, Follow, Rehearsal, TradeUpdate


# A broker's client library is imported when that broker is asked for, not before.
def _alpaca(connection: Connection, rehearsal: Rehearsal | None = None) -> Broker:
    from app.adapters.alpaca.broker import Alpaca

    return Alpaca(connection)


def _paper(connection: Connection, rehearsal: Rehearsal | None = None) -> Broker:
    from app.adapters.paper.ledger import open_ledger

    return open_ledger(rehearsal)


async def _alpaca_stream(
    connection: Connection,
    *,
    on_update: Callable[[TradeUpdate], None],
    on_connect: Callable[[], None],
    stop: asyncio.Event,
) -> None:
    from app.adapters.alpaca.stream import follow

    await follow(connection, on_update=on_update, on_connect=on_connect, stop=stop)


BROKERS: dict[str, Build] = {
    "alpaca": _alpaca,
    "paper": _paper,
}

#: Brokers that push trade updates; the others are polled.
STREAMS: dict[str, Follow] = {
    "alpaca": _alpaca_stream,
}
