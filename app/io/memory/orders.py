"""Orders, and the figures that are counted from them."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from app.engine.debut import Debut
from app.engine.errors import InvalidData
from app.engine.links import Chain, Link
from app.engine.orders import (
    FINAL,
    OPEN,
    WORKING,
    Order,
    OrderState,
    Purpose,
    Side,
    check_transition,
)
from app.io.memory.state import State
from app.io.store.orders import STATED

_TAKEN = WORKING | {OrderState.FILLED}
_ENDED_EMPTY = frozenset({OrderState.CANCELLED, OrderState.EXPIRED})


class Orders:
    """``store.orders``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def insert(self, order: Order, broker: str) -> bool:
        known = self._state.orders
        if order.client_id in known or any(o.intent_id == order.intent_id for o in known.values()):
            return False
        known[order.client_id] = order
        return True

    def get(self, client_id: str, lock: bool = False) -> Order | None:
        return self._state.orders.get(client_id)

    def unfinished(self, book_id: str) -> list[Order]:
        return self._listed(o for o in self._state.orders.values() if o.state in OPEN)

    def open_symbols(self, book_id: str) -> frozenset[str]:
        return frozenset(o.symbol for o in self._state.orders.values() if o.state in OPEN)

    def listing(self, book_id: str, since: datetime | None = None) -> list[Order]:
        mine = self._state.orders.values()
        return self._listed(o for o in mine if since is None or o.created_at >= since)

    def sales(self, book_id: str, symbol: str, since: datetime | None) -> list[Order]:
        late = self.listing(book_id, since)
        return [o for o in late if o.symbol == symbol and o.side is Side.SELL]

    def started(self, client_id: str, fence: int) -> None:
        order = self._state.orders[client_id]
        self._state.orders[client_id] = replace(order, state=OrderState.SUBMITTING, fence=fence)

    def move(
        self, client_id: str, after: OrderState, at: datetime, error: str | None = None
    ) -> Order:
        order = self._state.orders.get(client_id)
        if order is None:
            raise InvalidData(f"no order has the client id {client_id}")
        if order.state in FINAL:
            return order
        if after is not order.state:
            check_transition(order.state, after)
        return self._put(replace(order, state=after))

    def store(self, order: Order, at: datetime | None) -> Order:
        stated = {name: getattr(order, name) for name in (*STATED, "state")}
        self._put(replace(self._state.orders[order.client_id], **stated))
        return order

    def _put(self, order: Order) -> Order:
        self._state.orders[order.client_id] = order
        if order.state in _TAKEN:
            self._state.taken.add(order.client_id)
        return order

    def _listed(self, found: Iterator[Order]) -> list[Order]:
        return sorted(found, key=lambda order: (order.created_at, order.client_id))


class OrderFigures:
    """``store.order_figures``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def entries_since(self, book_id: str, since: datetime) -> list[tuple[str, datetime]]:
        counted = [
            order
            for order in self._entries()
            if order.created_at >= since
            and order.state is not OrderState.REJECTED
            and (order.state not in _ENDED_EMPTY or order.filled_quantity > 0)
        ]
        counted.sort(key=lambda order: (order.created_at, order.client_id))
        return [(order.symbol, order.created_at) for order in counted]

    def debut(self, book_id: str, today: datetime) -> Debut | None:
        taken = [order for order in self._entries() if self._was_taken(order)]
        first = min((order.created_at for order in taken), default=None)
        if first is not None and first < today:
            return None
        begun = {o.symbol for o in self._entries() if self._was_taken(o) or o.state in OPEN}
        return Debut(first is not None, frozenset(begun))

    def _entries(self) -> Iterator[Order]:
        return (o for o in self._state.orders.values() if o.purpose is Purpose.ENTRY)

    def _was_taken(self, order: Order) -> bool:
        worked = order.client_id in self._state.taken or order.filled_quantity > 0
        return worked and order.state is not OrderState.REJECTED


class OrderLinks:
    """``store.order_links``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def load(self, client_id: str) -> Chain:
        return tuple(self._state.links.get(client_id, ()))

    def owners(self, broker: str, broker_ids: Collection[str]) -> dict[str, str]:
        return {
            link.broker_id: client_id
            for client_id, chain in self._state.links.items()
            for link in chain
            if link.broker_id in broker_ids
        }

    def save(self, order: Order, broker: str, before: Chain, after: Sequence[Link]) -> None:
        self._state.links[order.client_id] = list(after)
