"""A market that stands still until it is moved, and a paper ledger behind a line that fails."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.adapters.port import Broker, BrokerClock, Capabilities
from app.engine.errors import OutcomeUnknown, Rejected, Transient
from app.engine.ids import execution_id
from app.engine.market import Bar, Quote
from app.engine.orders import BrokerOrder, Execution, Order, OrderType, Side
from app.io.calendar import ExchangeCalendar
from app.io.feeds.port import Bars, Quotes, Take

D = Decimal
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
#: Friday, 2026-03-20, 11:00 in New York: the middle of a full day.
NOON = datetime(2026, 3, 20, 15, 0, tzinfo=UTC)
CALENDAR = ExchangeCalendar("XNYS")


@dataclass
class Market:
    """Prices and a time that stand still until they are told to move."""

    at: datetime = NOON
    speed: float = 1.0
    prices: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    #: (symbols, start, end) of every request for minutes.
    asked: list[tuple[tuple[str, ...], datetime, datetime]] = field(default_factory=list)
    #: What a minute moves a symbol's price by, as a share.
    drift: dict[str, float] = field(default_factory=dict)

    def now(self) -> datetime:
        return self.at

    def session(self) -> BrokerClock:
        hours = CALENDAR.session_for(self.at)
        coming = hours if self.at < hours.open else CALENDAR.next_after(hours.date)
        closing = hours if self.at < hours.close else coming
        return BrokerClock(self.at, hours.open <= self.at < hours.close, coming.open, closing.close)

    def latest(self, symbols: Sequence[str], take: Take = lambda: None) -> Quotes:
        take()
        return Quotes({s: self.quote(s) for s in symbols if s in self.prices})

    def quote(self, symbol: str) -> Quote:
        bid, ask = (float(side) for side in self.prices[symbol])
        return Quote(symbol, self.at, bid, ask, (bid + ask) / 2, 1e6)

    def minute_bars(
        self, symbols: Sequence[str], start: datetime, end: datetime, take: Take
    ) -> Bars:
        take()
        self.asked.append((tuple(symbols), start, end))
        count = int((end - start) / MINUTE)
        return Bars(
            tuple(
                self._bar(symbol, start + n * MINUTE, n - count)
                for symbol in symbols
                if symbol in self.prices
                for n in range(count)
            )
        )

    def _bar(self, symbol: str, at: datetime, minutes_to_end: int) -> Bar:
        last = self.quote(symbol).last
        drift = self.drift.get(symbol, 0.0)
        opens, closes = (last * (1 + drift) ** n for n in (minutes_to_end, minutes_to_end + 1))
        low, high = sorted((opens, closes))
        return Bar(symbol, at, opens, high, low, closes, 1000.0)


class Unruly:
    """The paper ledger behind a line that fails when it is told to.

    ``line`` holds what the next submissions meet: "lost" (arrived, the answer did not), "drop"
    (never arrived), "down" (certainly not sent), "refuse" (the broker's no), "closed" (its word
    that the market is) or "" (nothing). While ``resting``, what arrives works without filling.
    Without ``client_ids`` it has never seen one: a repeat is a second order, nothing is found by
    it, and nothing that it says bears one.
    """

    def __init__(self, ledger: Broker, client_ids: bool = True, stops: bool = False) -> None:
        self.ledger = ledger
        self.capabilities = Capabilities(
            client_ids=client_ids, auction_orders=True, stop_orders=stops
        )
        self.line: deque[str] = deque()
        self.tried: list[str] = []
        self.hidden = 0
        self.looked_up = 0
        self.mute = False
        self.resting = False
        self.parts = 1
        self.meanwhile: Callable[[Order], None] = lambda order: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ledger, name)

    def submit(self, order: Order) -> BrokerOrder:
        self.tried.append(order.client_id)
        self.meanwhile(order)
        fault = self.line.popleft() if self.line else ""
        if fault == "down":
            raise Transient("connection refused")
        if fault == "refuse":
            raise Rejected("halted", "trading in this symbol is halted")
        if fault == "closed":
            raise Rejected("closed", "the market is closed")
        if fault == "drop":
            raise OutcomeUnknown("connection reset before anything was read")
        if self.resting:
            far = D(1) if order.side is Side.BUY else D(1_000_000)
            order = replace(order, type=OrderType.LIMIT, limit_price=far)
        if not self.capabilities.client_ids:
            order = replace(order, client_id=f"{order.client_id}-{len(self.tried)}")
        seen = self.ledger.submit(order)
        if fault == "lost":
            raise OutcomeUnknown("read timed out")
        return self._said(seen)

    def order_by_client_id(self, client_id: str) -> BrokerOrder | None:
        self.looked_up += 1
        if self.hidden:
            self.hidden -= 1
            return None
        return self.ledger.order_by_client_id(client_id) if self.capabilities.client_ids else None

    def order(self, broker_id: str) -> BrokerOrder | None:
        seen = self.ledger.order(broker_id)
        return seen and self._said(seen)

    def open_orders(self) -> Sequence[BrokerOrder]:
        return [self._said(seen) for seen in self.ledger.open_orders()]

    def orders_since(self, since: datetime) -> Sequence[BrokerOrder]:
        if self.hidden and not self.capabilities.client_ids:
            self.hidden -= 1
            return []
        return [self._said(seen) for seen in self.ledger.orders_since(since)]

    def executions(self, since: datetime) -> Sequence[Execution]:
        if self.mute:
            return []
        whole = self.ledger.executions(since)
        parts = [part for execution in whole for part in in_parts(execution, self.parts)]
        known = self.capabilities.client_ids
        return parts if known else [replace(part, client_id=None) for part in parts]

    def _said(self, seen: BrokerOrder) -> BrokerOrder:
        return seen if self.capabilities.client_ids else replace(seen, client_id="")


def in_parts(execution: Execution, count: int) -> list[Execution]:
    """Cut a fill into so many, the last of them taking what is left."""
    each = execution.quantity // count
    sizes = [each] * (count - 1) + [execution.quantity - each * (count - 1)]
    cuts = [sum(sizes[: n + 1], D(0)) for n in range(count)]
    return [
        replace(
            execution,
            id=execution_id(execution.broker_order_id, cut),
            quantity=size,
            cumulative=cut,
        )
        for size, cut in zip(sizes, cuts, strict=True)
    ]
