"""The exchange's order book: every order it ever took, and which of them may still trade."""

import uuid

from app.sim.orders import Order
from app.sim.refusals import invalid, not_found


class OrderBook:
    """Orders by id, by client id and, while open, by symbol."""

    def __init__(self) -> None:
        self.all: dict[str, Order] = {}
        #: Grows whenever an order is new or another.
        self.changes = 0
        self._by_client_id: dict[str, str] = {}
        self._open: dict[str, dict[str, Order]] = {}
        self._children: dict[str, list[str]] = {}

    def open(self, symbol: str | None = None) -> list[Order]:
        """Return the orders that may still trade, oldest first."""
        books = self._open.values() if symbol is None else [self._open.get(symbol, {})]
        return sorted((o for book in books for o in book.values()), key=lambda o: o.sequence)

    def active_symbols(self) -> list[str]:
        """Return the symbols with open orders."""
        return [symbol for symbol, orders in self._open.items() if orders]

    def find(self, order_id: str) -> Order:
        """Return an order by id. Raises Refused."""
        try:
            return self.all[str(uuid.UUID(order_id))]
        except ValueError:
            raise invalid("order_id is not a valid uuid") from None
        except KeyError:
            raise not_found(f"order not found for {order_id}") from None

    def find_client(self, client_id: str) -> Order:
        """Return an order by the client's id. Raises Refused."""
        if client_id not in self._by_client_id:
            raise not_found(f"order not found for {client_id}")
        return self.all[self._by_client_id[client_id]]

    def check_unique(self, client_id: str) -> None:
        """Refuse a client id that any order ever had, however it ended."""
        if client_id in self._by_client_id:
            raise invalid("client_order_id must be unique")

    def children(self, order_id: str) -> list[Order]:
        """Return the exits that belong to an order."""
        family = (self.all[child] for child in self._children.get(order_id, ()))
        return [o for o in family if o.parent == order_id]

    def keep(self, order: Order) -> None:
        """Store an order's newest state."""
        self.changes += 1
        self.all[order.id] = order
        self._by_client_id[order.client_id] = order.id
        if order.parent is not None:
            children = self._children.setdefault(order.parent, [])
            if order.id not in children:
                children.append(order.id)
        waiting = self._open.setdefault(order.symbol, {})
        if order.is_open:
            waiting[order.id] = order
        else:
            waiting.pop(order.id, None)
