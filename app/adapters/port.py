"""The broker port: what we need from somewhere to trade, in our words."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from app.engine.orders import BrokerOrder, Execution, Order
from app.engine.portfolio import Account, Fee


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a broker can do; the pipeline asks these, never the broker's name.

    Without ``client_ids`` a repeated submit is a second order, ``order_by_client_id`` finds
    nothing, ``BrokerOrder.client_id`` is empty and ``Execution.client_id`` is None: an order is
    known by the broker's id alone, which the reply to ``submit`` states.
    """

    client_ids: bool
    auction_orders: bool
    stop_orders: bool


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a broker answers, who we are there, and how long we wait for it (wall seconds)."""

    url: str
    key: str = field(repr=False)
    secret: str = field(repr=False)
    connect_timeout_s: float = 3.0
    read_timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class BrokerPosition:
    """What the broker says we hold of a symbol; negative for short."""

    symbol: str
    quantity: Decimal
    average_price: Decimal


@dataclass(frozen=True, slots=True)
class BrokerClock:
    """The broker's time and the session around it, aware UTC."""

    at: datetime
    is_open: bool
    next_open: datetime
    next_close: datetime


class Broker(Protocol):
    """Somewhere to trade. Raises only Transient, Rejected or OutcomeUnknown.

    The codes of Rejected that mean the same everywhere: ``duplicate`` (client id seen before),
    ``invalid`` (refused here, nothing was sent), ``unauthorized``, ``forbidden``, ``not_found``,
    ``not_open`` (nothing left to cancel or change) and ``closed`` (the market, the auction or the
    symbol takes no such order now). Any other code is the broker's own.

    A broker's id of an order is unique at that broker for ever: an adapter to one that counts anew
    each day puts the day in front of it.

    Reads may be retried by the adapter (at most three times). ``submit``, ``cancel`` and
    ``replace`` send one request each and never repeat it.
    """

    @property
    def name(self) -> str: ...

    @property
    def capabilities(self) -> Capabilities: ...

    def submit(self, order: Order) -> BrokerOrder:
        """Place the order; send exactly one request.

        Repeating a client id places nothing new where ``capabilities.client_ids``: the broker
        refuses it and ``Rejected("duplicate", …)`` is raised. Raises Transient only when the
        request cannot have been carried out (never connected, or refused for its rate before
        anything was done), Rejected for the broker's own no, OutcomeUnknown for everything else.
        """

    def cancel(self, broker_id: str) -> None:
        """Ask for a cancel; the order may still fill. Raises Rejected where it cannot be done."""

    def replace(
        self, broker_id: str, *, quantity: Decimal | None = None, limit_price: Decimal | None = None
    ) -> BrokerOrder:
        """Ask for a change and return the successor, which has an id of its own.

        What was replaced ends as CANCELLED and names it in ``replaced_by``. The successor counts
        its own quantity and fills from zero, and names what it ``replaces`` where the broker does.
        """

    def order(self, broker_id: str) -> BrokerOrder | None:
        """Return an order by the broker's id, None when the broker does not know it."""

    def order_by_client_id(self, client_id: str) -> BrokerOrder | None:
        """Return an order by our id, None when the broker does not (yet) know it."""

    def open_orders(self) -> Sequence[BrokerOrder]:
        """Return every order that may still fill."""

    def orders_since(self, since: datetime) -> Sequence[BrokerOrder]:
        """Return every order, open or finished, placed at or after ``since``, oldest first."""

    def executions(self, since: datetime) -> Sequence[Execution]:
        """Return every execution at or after ``since``, oldest first."""

    def fees(self, since: date) -> Sequence[Fee]:
        """Return what was charged beside prices, dated ``since`` or later, oldest first.

        Each has an id of its own that never changes, and the cash has it already.
        """

    def positions(self) -> Mapping[str, BrokerPosition]:
        """Return what is held now, by symbol; flat symbols are absent."""

    def account(self) -> Account:
        """Return which account it is, its money, and what it is barred from."""

    def clock(self) -> BrokerClock:
        """Return the broker's time and session."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a ledger of our own needs: a file, its first cash, prices and the session.

    ``prices`` returns (bid, ask) of a symbol, None where there is none.
    """

    path: Path
    cash: Decimal
    prices: Callable[[str], tuple[Decimal, Decimal] | None]
    session: Callable[[], BrokerClock]


class Build(Protocol):
    """Make a broker; only a ledger of our own needs the rehearsal."""

    def __call__(self, connection: Connection, rehearsal: Rehearsal | None = None) -> Broker: ...


@dataclass(frozen=True, slots=True)
class TradeUpdate:
    """News of one order from a broker's stream; ``execution`` where the news is a fill."""

    event: str
    order: BrokerOrder
    execution: Execution | None
    at: datetime


class Follow(Protocol):
    """Follow a broker's stream of trade updates until ``stop`` is set.

    ``on_connect`` is called after each (re)connect and whenever news was lost, so that the owner
    takes a snapshot. Reconnects by itself; raises Rejected where the broker refuses the
    credentials, and whatever the callbacks raise.
    """

    async def __call__(
        self,
        connection: Connection,
        *,
        on_update: Callable[[TradeUpdate], None],
        on_connect: Callable[[], None],
        stop: asyncio.Event,
    ) -> None: ...
