"""An order as the exchange holds it and as it writes it down for its clients."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from app.sim.times import rfc3339

OPEN = frozenset({"pending_new", "accepted", "new", "partially_filled", "held"})
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Order:
    """Values as the client sent them plus what has become of them. Times are epoch seconds."""

    id: str
    sequence: int
    client_id: str
    symbol: str
    side: str
    type: str
    tif: str
    quantity: Decimal | None
    submitted_at: float
    notional: Decimal | None = None
    limit: Decimal | None = None
    stop: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    extended_hours: bool = False
    intent: str = ""
    order_class: str = ""
    status: str = "pending_new"
    hwm: Decimal | None = None
    triggered: bool = False
    filled: Decimal = ZERO
    value: Decimal = ZERO
    updated_at: float = 0.0
    expires_at: float | None = None
    stamps: dict[str, float] = field(default_factory=dict)
    replaced_by: str | None = None
    replaces: str | None = None
    parent: str | None = None

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def leaves(self) -> Decimal:
        """What may still fill; a notional order's quantity is unknown until its first trade."""
        return self.quantity - self.filled if self.quantity is not None else ZERO

    @property
    def average(self) -> Decimal | None:
        return self.value / self.filled if self.filled else None


def asset_id(symbol: str) -> str:
    """Return the id of a symbol's asset, the same in every world."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{symbol}.asset.metronome"))


def text(number: Decimal | None) -> str | None:
    """Write a decimal without exponent or trailing zeros; None stays None."""
    if number is None:
        return None
    digits = format(number, "f")
    return (digits.rstrip("0").rstrip(".") or "0") if "." in digits else digits


def average_text(order: Order) -> str | None:
    """Write the average price, to six decimals."""
    average = order.average
    return None if average is None else text(round(average, 6))


def _stamp(order: Order, name: str) -> str | None:
    at = order.stamps.get(name)
    return None if at is None else rfc3339(at)


def to_json(order: Order, legs: Sequence[Order] = ()) -> dict[str, Any]:
    """Return the order with every field that the real service sends, its exits inside."""
    return {
        "id": order.id,
        "client_order_id": order.client_id,
        "created_at": rfc3339(order.submitted_at),
        "updated_at": rfc3339(order.updated_at or order.submitted_at),
        "submitted_at": rfc3339(order.submitted_at),
        "filled_at": _stamp(order, "filled_at"),
        "expired_at": _stamp(order, "expired_at"),
        "expires_at": None if order.expires_at is None else rfc3339(order.expires_at),
        "cancel_requested_at": _stamp(order, "canceled_at"),
        "canceled_at": _stamp(order, "canceled_at"),
        "failed_at": _stamp(order, "failed_at"),
        "replaced_at": _stamp(order, "replaced_at"),
        "replaced_by": order.replaced_by,
        "replaces": order.replaces,
        "asset_id": asset_id(order.symbol),
        "symbol": order.symbol,
        "asset_class": "us_equity",
        "notional": text(order.notional),
        "qty": None if order.notional is not None else text(order.quantity),
        "filled_qty": text(order.filled),
        "filled_avg_price": average_text(order),
        "order_class": order.order_class,
        "order_type": order.type,
        "type": order.type,
        "side": order.side,
        "position_intent": order.intent,
        "time_in_force": order.tif,
        "limit_price": text(order.limit),
        "stop_price": text(order.stop),
        "status": order.status,
        "extended_hours": order.extended_hours,
        "legs": [to_json(leg) for leg in legs] or None,
        "trail_percent": text(order.trail_percent),
        "trail_price": text(order.trail_price),
        "hwm": text(order.hwm),
        "commission": "0",
        "subtag": None,
        "source": None,
    }
