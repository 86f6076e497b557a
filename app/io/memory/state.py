"""What decisions read of a book, as plain values: what PostgreSQL's tables hold of it."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from app.engine.events import Event
from app.engine.exits.parking import Parked
from app.engine.links import Link
from app.engine.market import Bar, Quote
from app.engine.orders import Execution, Intent, Order
from app.engine.portfolio import Adjustment, Position
from app.engine.signals import Signal
from app.io.store.accounts import Statement
from app.io.store.book_states import BookRow
from app.io.store.recovery import Difference
from app.io.store.sessions import SessionRow
from app.io.store.settings_log import Entry


@dataclass(slots=True)
class ModelCall:
    """A call to the model about a content; ``outcome`` is None until it has ended."""

    at: datetime
    symbol: str
    event_id: str
    key: str
    outcome: str | None = None
    answer: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Filled:
    """An execution and the order of ours that it belongs to."""

    client_id: str
    execution: Execution


@dataclass(slots=True)
class Money:
    """Cash now, and the equity of the newest opening."""

    cash: Decimal
    equity_open: Decimal


@dataclass(slots=True)
class State:
    """One book; dictionaries are by id, symbol or date, in the order in which entries were made.

    ``signals`` and ``intents`` wait; ``routed`` and ``decided`` name those that were dealt with,
    ``taken`` the orders that the broker ever worked, ``charged`` the fees that are known. ``links``
    are the broker's orders that an order of ours is, by its client id.
    ``settings`` are by fingerprint, ``bars`` by symbol, each symbol's sorted by time.
    """

    row: BookRow
    signals: dict[str, Signal] = field(default_factory=dict)
    routed: set[str] = field(default_factory=set)
    intents: dict[str, Intent] = field(default_factory=dict)
    decided: set[str] = field(default_factory=set)
    orders: dict[str, Order] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    positions: dict[str, Position] = field(default_factory=dict)
    fills: dict[str, Filled] = field(default_factory=dict)
    adjustments: list[Adjustment] = field(default_factory=list)
    links: dict[str, list[Link]] = field(default_factory=dict)
    money: Money | None = None
    statements: dict[str, Statement] = field(default_factory=dict)
    charged: set[str] = field(default_factory=set)
    sessions: dict[date, SessionRow] = field(default_factory=dict)
    parked: dict[str, Parked] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    quotes: dict[str, Quote] = field(default_factory=dict)
    bars: dict[str, list[Bar]] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    calls: dict[int, ModelCall] = field(default_factory=dict)
    settings: dict[str, Entry] = field(default_factory=dict)
