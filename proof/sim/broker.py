"""A broker in memory: its time and its prices are somebody else's, and so is when it fills."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from app.adapters.port import BrokerClock, BrokerPosition, Capabilities, TradeUpdate
from app.engine import portfolio
from app.engine.errors import Rejected
from app.engine.ids import execution_id
from app.engine.orders import (
    FINAL,
    BrokerOrder,
    Execution,
    Order,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
)
from app.engine.portfolio import Account, Fee, Position, after_fill, cash_after
from proof.sim import refusing
from proof.sim.kept import Kept

ZERO = Decimal(0)
_STOPPED = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})
#: The event and the status of an order that another one has taken the place of.
REPLACED = "replaced"
_EVENTS = {
    OrderState.SUBMITTED: "new",
    OrderState.PARTIAL: "partial_fill",
    OrderState.FILLED: "fill",
    OrderState.CANCELLED: "canceled",
    OrderState.EXPIRED: "expired",
    OrderState.REJECTED: "rejected",
}


def everything(order: Order) -> Decimal:
    """Fill an order whole as soon as its price allows it."""
    return order.quantity


def at_once() -> float:
    """Let a cancel take effect as soon as it is asked for."""
    return 0.0


@dataclass
class MemoryBroker:
    """One cash account. Market orders and reached stops fill at the far side of the price.

    ``session`` tells the time and the hours, ``prices`` the (bid, ask) of each symbol, ``appetite``
    how many shares of an order the market takes at its arrival, ``patience`` after how many seconds
    a cancel takes effect. ``news`` grows by what a stream of trade updates would tell. Without
    ``client_ids`` it neither keeps nor states any, and the same order sent twice is two orders.
    """

    session: Callable[[], BrokerClock]
    prices: Mapping[str, tuple[Decimal, Decimal]]
    cash: Decimal
    client_ids: bool = True
    appetite: Callable[[Order], Decimal] = everything
    patience: Callable[[], float] = at_once
    name: str = "memory"
    book: dict[str, Kept] = field(default_factory=dict)
    ledger: list[Execution] = field(default_factory=list)
    held: dict[str, Position] = field(default_factory=dict)
    news: list[TradeUpdate] = field(default_factory=list)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(self.client_ids, auction_orders=False, stop_orders=True)

    # -- orders ---------------------------------------------------------------------------------

    def submit(self, order: Order) -> BrokerOrder:
        now = self._advance()
        refusing.check(self, order, now)
        return self._stated(self._keep(order, now))

    def cancel(self, broker_id: str) -> None:
        now = self._advance()
        kept, waits = self._open(broker_id), self.patience()
        if waits and kept.ends_at is None:
            kept.ends_at = now + timedelta(seconds=waits)
            kept.stated = replace(kept.stated, status="pending_cancel")
        elif kept.ends_at is None:
            self.end(kept, OrderState.CANCELLED)

    def replace(
        self, broker_id: str, *, quantity: Decimal | None = None, limit_price: Decimal | None = None
    ) -> BrokerOrder:
        now = self._advance()
        old = self._open(broker_id)
        ticket = replace(
            old.ticket,
            client_id=f"{old.ticket.client_id}+",
            quantity=quantity or old.stated.quantity,
            limit_price=limit_price or old.ticket.limit_price,
        )
        before = old.stated
        # Told with its successor's name, as the port says, and before the successor itself.
        old.stated = replace(
            before,
            state=OrderState.CANCELLED,
            status=REPLACED,
            replaced_by=self._next_id(),
        )
        try:
            refusing.check(self, ticket, now)
        except Rejected:
            old.stated = before
            raise
        self._tell(old)
        return self._stated(self._keep(ticket, now, before.broker_id))

    def order(self, broker_id: str) -> BrokerOrder | None:
        self._advance()
        found = self.book.get(broker_id)
        return self._stated(found) if found else None

    def order_by_client_id(self, client_id: str) -> BrokerOrder | None:
        self._advance()
        mine = (kept for kept in self.book.values() if kept.stated.client_id == client_id)
        return next((self._stated(kept) for kept in mine), None) if self.client_ids else None

    def open_orders(self) -> Sequence[BrokerOrder]:
        self._advance()
        return [self._stated(kept) for kept in self.working()]

    def orders_since(self, since: datetime) -> Sequence[BrokerOrder]:
        self._advance()
        stated = [self._stated(kept) for kept in self.book.values()]
        return [order for order in stated if order.created_at >= since]

    def executions(self, since: datetime) -> Sequence[Execution]:
        self._advance()
        return [self._told(fill) for fill in self.ledger if fill.at >= since]

    def fees(self, since: date) -> Sequence[Fee]:
        return ()  # nothing is charged

    # -- the account ----------------------------------------------------------------------------

    def positions(self) -> Mapping[str, BrokerPosition]:
        self._advance()
        return {
            symbol: BrokerPosition(symbol, position.quantity, position.average_price)
            for symbol, position in self.held.items()
            if position.quantity
        }

    def account(self) -> Account:
        self._advance()
        bids = {symbol: bid for symbol, (bid, _) in self.prices.items()}
        equity = portfolio.equity(self.cash, self.held.values(), bids)
        return Account(self.cash, equity, self.cash - refusing.reserved(self), id=self.name)

    def clock(self) -> BrokerClock:
        return self.session()

    # -- the market -----------------------------------------------------------------------------

    def trade(self, broker_id: str, shares: Decimal) -> None:
        """Let the market take up to so many shares of an open order, where its price allows it."""
        self._advance()
        kept = self.book[broker_id]
        if (price := self._price_for(kept)) is not None:
            self._fill(kept, min(shares, kept.outstanding), price)

    def working(self) -> list[Kept]:
        """Return the open orders, oldest first."""
        return [kept for kept in self.book.values() if kept.stated.state not in FINAL]

    def _advance(self) -> datetime:
        """Let the time that has passed act: days end, and stops that were reached are sold."""
        session = self.session()
        for kept in self.working():
            if kept.expires_at is not None and session.at >= kept.expires_at:
                self.end(kept, OrderState.EXPIRED)
            elif kept.ends_at is not None and session.at >= kept.ends_at:
                self.end(kept, OrderState.CANCELLED)
            elif session.is_open and kept.ticket.type in _STOPPED and self._price_for(kept):
                self._fill(kept, kept.outstanding, self._price_for(kept) or ZERO)
        return session.at

    def _price_for(self, kept: Kept) -> Decimal | None:
        """Return what an order fills at now; None where it waits."""
        ticket = kept.ticket
        bid, ask = self.prices[ticket.symbol]
        buys = ticket.side is Side.BUY
        far, stop, limit = (ask if buys else bid), ticket.stop_price, ticket.limit_price
        if stop is not None and not kept.triggered:
            kept.triggered = far >= stop if buys else far <= stop
            if not kept.triggered:
                return None
        if limit is not None and (far > limit if buys else far < limit):
            return None
        return far

    def _fill(self, kept: Kept, quantity: Decimal, price: Decimal) -> None:
        if quantity <= 0:
            return
        before, at = kept.stated, self.session().at
        filled = before.filled_quantity + quantity
        paid = before.filled_quantity * (before.average_price or ZERO) + quantity * price
        kept.stated = replace(
            before,
            filled_quantity=filled,
            average_price=paid / filled,
            state=OrderState.FILLED if filled == before.quantity else OrderState.PARTIAL,
        )
        fill = Execution(
            id=execution_id(before.broker_id, filled),
            broker_order_id=before.broker_id,
            symbol=before.symbol,
            side=before.side,
            quantity=quantity,
            price=price,
            cumulative=filled,
            at=at,
            client_id=before.client_id,
        )
        self.ledger.append(fill)
        self.cash = cash_after(self.cash, [fill])
        position = self.held.get(fill.symbol, Position(fill.symbol))
        self.held[fill.symbol] = after_fill(position, fill)
        self._tell(kept, fill)

    # -- keeping --------------------------------------------------------------------------------

    def _keep(self, order: Order, now: datetime, replaces: str | None = None) -> Kept:
        for_ever = order.time_in_force is TimeInForce.GTC
        stated = BrokerOrder(
            broker_id=self._next_id(),
            client_id=order.client_id,
            symbol=order.symbol,
            side=order.side,
            quantity=order.quantity,
            filled_quantity=ZERO,
            average_price=None,
            state=OrderState.SUBMITTED,
            type=order.type.value,
            time_in_force=order.time_in_force.value,
            created_at=now,
            status="new",
            replaces=replaces,
            limit_price=order.limit_price,
            stop_price=order.stop_price,
        )
        kept = Kept(order, stated, None if for_ever else self.session().next_close)
        self.book[stated.broker_id] = kept
        self._tell(kept)
        if (price := self._price_for(kept)) is not None:
            self._fill(kept, min(self.appetite(order), order.quantity), price)
        return kept

    def _next_id(self) -> str:
        return f"m{len(self.book) + 1}"

    def end(self, kept: Kept, state: OrderState) -> None:
        """End an order, as the broker itself or its owner's hand does."""
        kept.stated = replace(kept.stated, state=state, status=_EVENTS[state])
        self._tell(kept)

    def _tell(self, kept: Kept, fill: Execution | None = None) -> None:
        replaced = kept.stated.status == REPLACED
        event = REPLACED if replaced else _EVENTS[kept.stated.state]
        order = replace(self._stated(kept), status=event)
        told = self._told(fill) if fill else None
        self.news.append(TradeUpdate(order.status, order, told, self.session().at))

    def _stated(self, kept: Kept) -> BrokerOrder:
        return kept.stated if self.client_ids else replace(kept.stated, client_id="")

    def _told(self, fill: Execution) -> Execution:
        return fill if self.client_ids else replace(fill, client_id=None)

    def _open(self, broker_id: str) -> Kept:
        kept = self.book.get(broker_id)
        if kept is None:
            raise Rejected("not_found", f"there is no order {broker_id!r}")
        if kept.stated.state in FINAL:
            raise Rejected("not_open", f"the order is {kept.stated.state}")
        return kept
