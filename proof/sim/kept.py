"""An order as the broker in memory keeps it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.engine.orders import FINAL, BrokerOrder, Order

ZERO = Decimal(0)


@dataclass(slots=True)
class Kept:
    """An order as it came, how it is stated now, and when its day ends.

    ``ends_at`` is when a cancel that was asked for takes effect.
    """

    ticket: Order
    stated: BrokerOrder
    expires_at: datetime | None
    triggered: bool = False
    ends_at: datetime | None = None

    @property
    def outstanding(self) -> Decimal:
        done = self.stated.state in FINAL
        return ZERO if done else self.stated.quantity - self.stated.filled_quantity
