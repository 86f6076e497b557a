"""The veil: what the broker has, and does not show yet."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.engine.orders import BrokerOrder, Execution


@dataclass
class Veil:
    """Orders and fills that are shown a while after they came to be, to whoever asks.

    ``draw`` says for how many seconds the next one is hidden, mostly none.
    """

    now: Callable[[], datetime]
    draw: Callable[[], float]
    shown_at: dict[str, datetime] = field(default_factory=dict)

    def order(self, order: BrokerOrder | None) -> BrokerOrder | None:
        """Return an order if it is shown."""
        if order is None:
            return None
        return order if self._shows(order.broker_id, order.created_at) else None

    def orders(self, known: Iterable[BrokerOrder]) -> list[BrokerOrder]:
        """Return the orders that are shown."""
        return [order for order in known if self._shows(order.broker_id, order.created_at)]

    def fills(self, known: Iterable[Execution]) -> list[Execution]:
        """Return the fills that are shown."""
        return [fill for fill in known if self._shows(fill.id, fill.at)]

    def _shows(self, name: str, since: datetime) -> bool:
        if name not in self.shown_at:
            self.shown_at[name] = since + timedelta(seconds=self.draw())
        return self.now() >= self.shown_at[name]
