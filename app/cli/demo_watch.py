"""What the demo sees of its day while it runs: the market's clock, the session, the orders."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx

from app.engine.book import Book
from app.engine.errors import Transient
from app.engine.orders import FINAL, Order
from app.engine.session import Phase
from app.io.store import day_figures, fills, orders, sessions, signals
from app.io.store.database import Database
from app.io.store.day_figures import DayFigures
from app.io.store.sessions import SessionRow


@dataclass(frozen=True, slots=True)
class Moment:
    """The day at one instant of the market's clock."""

    at: datetime
    session: SessionRow | None
    orders: tuple[Order, ...]
    signals: int
    fills: int
    figures: DayFigures

    @property
    def phase(self) -> str:
        return self.session.state if self.session else Phase.OFFLINE

    @property
    def settled(self) -> bool:
        return self.phase == Phase.CLOSED

    @property
    def is_over(self) -> bool:
        return self.session is not None and self.at >= self.session.close_at

    @property
    def open_orders(self) -> int:
        return sum(order.state not in FINAL for order in self.orders)

    @property
    def progress(self) -> float:
        """Return how much of the regular hours has passed, from 0 to 1."""
        if self.session is None:
            return 0.0
        whole = self.session.close_at - self.session.open_at
        return min(max((self.at - self.session.open_at) / whole, 0.0), 1.0)


class Watch:
    """Looks at a demo's database and at its exchange; it changes neither."""

    def __init__(self, database_url: str, exchange_url: str, book: Book) -> None:
        self.database = Database(database_url, "demo")
        self.book = book
        self._exchange = httpx.Client(
            base_url=exchange_url,
            timeout=5,
            trust_env=False,
            headers={"APCA-API-KEY-ID": "sim", "APCA-API-SECRET-KEY": "sim"},
        )
        self._last: Moment | None = None

    def look(self) -> Moment:
        """Return the day as it is; as it was a moment ago where a server is just restarting."""
        try:
            at = datetime.fromisoformat(self.ask("/sim/clock")["now"])
            with self.database.begin() as db:
                session = sessions.current(db, self.book.id)
                self._last = Moment(
                    at=at,
                    session=session,
                    orders=tuple(orders.listing(db, self.book.id)),
                    signals=signals.count(db, self.book.id),
                    fills=len(fills.all(db, self.book.id)),
                    figures=day_figures.counted(db, self.book.id),
                )
        except Transient:
            if self._last is None:
                raise
        return self._last

    def ask(self, path: str) -> Any:
        """Return what the exchange says of its inside. Raises Transient where it does not."""
        try:
            return self._exchange.get(path).raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise Transient(f"exchange: {error}") from error

    def held_there(self) -> Mapping[str, Decimal]:
        """Return what the exchange says we hold."""
        held: Mapping[str, str] = self.ask("/sim/state")["positions"]
        return {symbol: Decimal(quantity) for symbol, quantity in held.items() if Decimal(quantity)}
