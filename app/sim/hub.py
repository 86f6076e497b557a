"""Who listens to the two streams, and what is sent to them."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgpack

from app.sim.data_json import article_json, bar_json, quote_json, trade_json
from app.sim.exchange import Exchange, Update
from app.sim.faults import Door, Faults, Kind
from app.sim.happenings import Happenings
from app.sim.market import quote_of
from app.sim.orders import text, to_json
from app.sim.tape import tick_after
from app.sim.times import rfc3339

#: Frames that may wait for a slow client before it is cut off, as error 407 announces.
BACKLOG = 10_000
CHANNELS = ("trades", "quotes", "bars")
#: What of a message is a time.
TIMES = frozenset({"t", "created_at", "updated_at"})


@dataclass(slots=True, eq=False)
class Listener:
    """One connection: what it wants to hear and the frames on their way to it; None hangs up."""

    packed: bool = False
    channels: dict[str, set[str]] = field(default_factory=dict)
    frames: "asyncio.Queue[bytes | str | None]" = field(
        default_factory=lambda: asyncio.Queue(BACKLOG)
    )

    def send(self, frame: bytes | str | None) -> None:
        """Queue a frame; a client that has not read thousands of them is cut off."""
        try:
            self.frames.put_nowait(frame)
        except asyncio.QueueFull:
            self.hang_up()

    def hang_up(self) -> None:
        """Drop what waits and close the connection."""
        while not self.frames.empty():
            self.frames.get_nowait()
        self.frames.put_nowait(None)

    def send_list(self, messages: list[dict[str, Any]]) -> None:
        """Queue market data messages in the connection's encoding; times are epoch seconds."""
        if self.packed:
            self.send(msgpack.packb([_with_time(m, _timestamp) for m in messages]))
        else:
            self.send(json.dumps([_with_time(m, rfc3339) for m in messages]))


def _with_time(message: dict[str, Any], write: Callable[[float], Any]) -> dict[str, Any]:
    return {name: write(v) if name in TIMES else v for name, v in message.items()}


def _timestamp(at: float) -> msgpack.Timestamp:
    return msgpack.Timestamp.from_unix_nano(round(at * 1e6) * 1000)


def update_json(update: Update) -> dict[str, Any]:
    """Return what the trading stream says about an update."""
    data: dict[str, Any] = {
        "event": update.event,
        "execution_id": update.id,
        "timestamp": rfc3339(update.at),
        "order": to_json(update.order),
    }
    if update.fill is not None:
        data |= {
            "price": text(update.fill.price),
            "qty": text(update.fill.quantity),
            "position_qty": text(update.position),
        }
    return {"stream": "trade_updates", "data": data}


class TradeHub:
    """Sends every update of the account to whoever listens, faults included."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._held: list[bytes] = []
        self.listeners: set[Listener] = set()
        self.sent = 0

    def publish(self, update: Update) -> None:
        """Send an update to every listener; nothing is kept for those who come later."""
        if not self.listeners:
            return
        if self._faults.draw(Kind.STREAM_DISCONNECT, Door.TRADING):
            _disconnect(self.listeners)
            return
        frame = json.dumps(update_json(update)).encode()
        if update.fill is None:
            self._deliver(frame)
            return
        if self._faults.draw(Kind.DUPLICATE_FILL, Door.TRADING):
            self._deliver(frame)
        loop = asyncio.get_running_loop()
        if late := self._faults.draw(Kind.LATE_FILL, Door.TRADING):
            loop.call_later(late.seconds, self._deliver, frame)
        elif swapped := self._faults.draw(Kind.OUT_OF_ORDER_FILLS, Door.TRADING):
            self._held.append(frame)
            loop.call_later(swapped.seconds, self._release)
        else:
            self._deliver(frame)

    def _deliver(self, frame: bytes) -> None:
        self.sent += 1
        for listener in self.listeners:
            listener.send(frame)
        self._release()

    def _release(self) -> None:
        """Send what was held back so that something else could overtake it."""
        if self._held:
            self._deliver(self._held.pop(0))


class DataHub:
    """Sends trades, quotes, minute bars and news as the market's clock passes them."""

    def __init__(self, exchange: Exchange, faults: Faults, happenings: Happenings) -> None:
        self._exchange = exchange
        self._faults = faults
        self._happenings = happenings
        self._until = exchange.at
        self.listeners: set[Listener] = set()

    def advance(self) -> None:
        """Send everything that has happened since the last call; after a jump, the newest hour."""
        now = self._exchange.at
        start = max(self._until, now - 3600)
        self._until = now
        if not self.listeners:
            return
        tick = tick_after(start)
        while tick <= now:
            self._tick(tick)
            tick = tick_after(tick)
        self._tell(start, now)

    def disconnect(self) -> None:
        """Close every connection if the fault is drawn."""
        if self.listeners and self._faults.draw(Kind.STREAM_DISCONNECT, Door.DATA):
            _disconnect(self.listeners)

    def _tick(self, at: float) -> None:
        messages = list(self._messages(at))
        for listener in self.listeners:
            wanted = [m for channel, m in messages if _wants(listener, channel, m["S"])]
            if wanted:
                listener.send_list(wanted)

    def _tell(self, start: float, now: float) -> None:
        """Send the news of (start, now]; what is about no symbol goes to those who want all."""
        for article in self._happenings.told_after(start, now):
            if not article.wire:
                continue
            message = {"T": "n", **article_json(article)}
            times = 2 if self._faults.draw(Kind.NEWS_REPEATED) else 1
            for listener in self.listeners:
                if any(_wants(listener, "news", symbol) for symbol in (*article.symbols, "*")):
                    for _ in range(times):
                        listener.send_list([message])

    def _messages(self, at: float) -> Iterator[tuple[str, dict[str, Any]]]:
        for symbol, tape in self._exchange.market.tapes.items():
            over = tape.bar_at(at - 60)
            if over >= 0 and tape.starts[over] == at - 60:
                yield "bars", {"T": "b", "S": symbol, **bar_json(tape, over)}
            trade = tape.last_trade(at)
            if trade is None or trade.at != at:
                continue
            yield "trades", {"T": "t", "S": symbol, **trade_json(trade)}
            quote = quote_of(trade, self._exchange.terms)
            yield "quotes", {"T": "q", "S": symbol, **quote_json(quote)}


def _disconnect(listeners: set[Listener]) -> None:
    while listeners:
        listeners.pop().hang_up()


def _wants(listener: Listener, channel: str, symbol: str) -> bool:
    wanted = listener.channels.get(channel, set())
    return symbol in wanted or "*" in wanted
