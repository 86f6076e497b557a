"""Orders, what the broker says of them, and the table of transitions between their states."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from app.engine.errors import InvalidData


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"


class TimeInForce(StrEnum):
    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    OPG = "opg"
    CLS = "cls"


class Purpose(StrEnum):
    """Why an order exists; everything but ENTRY only ever reduces a position."""

    ENTRY = "entry"
    PROTECT = "protect"  # a stop that rests at the broker
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    TRAILING_STOP = "trailing_stop"
    TREND_BREAK = "trend_break"
    GAP = "gap"
    OPPOSITE = "opposite"
    PRE_CLOSE = "pre_close"
    FLATTEN = "flatten"
    CLEAN_UP = "clean_up"


class OrderState(StrEnum):
    NEW = "NEW"
    SUBMITTING = "SUBMITTING"
    UNKNOWN = "UNKNOWN"
    SUBMITTED = "SUBMITTED"
    PARTIAL = "PARTIAL"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


FINAL = frozenset(
    {OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED}
)
IN_DOUBT = frozenset({OrderState.SUBMITTING, OrderState.UNKNOWN})
OPEN = frozenset(OrderState) - FINAL

#: The broker has it and it may still fill.
WORKING = frozenset({OrderState.SUBMITTED, OrderState.PARTIAL})

_ACCEPTED = WORKING | FINAL

#: Every legal move. A final state has none: late news about a finished order changes nothing.
TRANSITIONS: dict[OrderState, frozenset[OrderState]] = {
    OrderState.NEW: frozenset({OrderState.SUBMITTING, OrderState.CANCELLED, OrderState.REJECTED}),
    # Back to NEW only when the request certainly never reached the broker.
    OrderState.SUBMITTING: _ACCEPTED | {OrderState.UNKNOWN, OrderState.NEW},
    OrderState.UNKNOWN: _ACCEPTED | {OrderState.SUBMITTING},
    OrderState.SUBMITTED: (_ACCEPTED - {OrderState.SUBMITTED}) | {OrderState.UNKNOWN},
    OrderState.PARTIAL: (_ACCEPTED - {OrderState.SUBMITTED, OrderState.REJECTED})
    | {OrderState.UNKNOWN},
    OrderState.FILLED: frozenset(),
    OrderState.CANCELLED: frozenset(),
    OrderState.REJECTED: frozenset(),
    OrderState.EXPIRED: frozenset(),
}


def check_transition(before: OrderState, after: OrderState) -> None:
    """Raise InvalidData unless an order may move from ``before`` to ``after``."""
    if after not in TRANSITIONS[before]:
        raise InvalidData(f"an order cannot go from {before} to {after}")


@dataclass(frozen=True, slots=True)
class Intent:
    """What a book wants to do and why, before anyone has asked how much or whether it may.

    ``quantity`` is None for an entry (the risk manager sizes it), and for an exit what is to be
    sold. ``price`` is the last one seen when the intent was made, ``signals`` what caused it,
    ``stop_price`` where a stop is to rest at the broker.
    """

    id: str
    book: str
    symbol: str
    side: Side
    purpose: Purpose
    price: Decimal
    at: datetime
    signals: tuple[str, ...] = ()
    basket: str | None = None
    quantity: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    stop_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """An order as we hold it. Quantities are shares, prices are in the account's currency."""

    client_id: str
    book: str
    intent_id: str
    symbol: str
    side: Side
    purpose: Purpose
    quantity: Decimal
    type: OrderType
    time_in_force: TimeInForce
    created_at: datetime
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    extended_hours: bool = False
    state: OrderState = OrderState.NEW
    fence: int = 0
    broker_id: str | None = None
    filled_quantity: Decimal = Decimal(0)
    average_price: Decimal | None = None
    reserved_risk: Decimal = Decimal(0)
    reserved_notional: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class BrokerOrder:
    """An order as the broker states it; ``state`` is the broker's status in our words.

    ``client_id`` is empty where the broker takes none. An order that was replaced has ended, and
    ``replaced_by`` names its successor, which counts its own quantity and its own fills from zero.
    """

    broker_id: str
    client_id: str
    symbol: str
    side: Side
    quantity: Decimal
    filled_quantity: Decimal
    average_price: Decimal | None
    state: OrderState
    type: str
    time_in_force: str
    created_at: datetime
    status: str
    replaced_by: str | None = None
    replaces: str | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill as the broker's ledger or stream states it; ``id`` is ``ids.execution_id``.

    ``client_id`` is None where the source does not say it: its order is the broker's.
    """

    id: str
    broker_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    cumulative: Decimal
    at: datetime
    client_id: str | None = None


def outstanding(order: Order) -> Decimal:
    """Return the quantity that may still fill."""
    return Decimal(0) if order.state in FINAL else order.quantity - order.filled_quantity


def protects(order: Intent | Order) -> bool:
    """Return whether this is a stop that rests at the broker."""
    return order.purpose is Purpose.PROTECT
