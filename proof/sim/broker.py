"""A broker in memory: its time and its prices are somebody else's, and so is when it fills."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
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

ZERO = Decimal(0)
_STOPPED = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})
_EVENTS = {
    OrderState.SUBMITTED: "new",
    OrderState.PARTIAL: "partial_fill",
    OrderState.FILLED: "fill",
    OrderState.CANCELLED: "canceled",
    OrderState.EXPIRED: "expired",
}


@dataclass(slots=True)
class Kept:
    """An order as it came, how it is stated now, and when its day ends."""

    ticket: Order
    stated: BrokerOrder
    expires_at: datetime | None
    triggered: bool = False

    @property
    def outstanding(self) -> Decimal:
        done = self.stated.state in FINAL
        return ZERO if done else self.stated.quantity - self.stated.filled_quantity


def everything(order: Order) -> Decimal:
    """Fill an order whole as soon as its price allows it."""
    return order.quantity


@dataclass
class MemoryBroker:
    """One cash account. Market orders and reached stops fill at the far side of the price.

    ``session`` tells the time and the hours, ``prices`` the (bid, ask) of each symbol, ``appetite``
    how many shares of an order the market takes at its arrival. ``news`` grows by what a stream of
    trade updates would tell. Without ``client_ids`` it neither keeps nor states any, and the same
    order sent twice is two orders.
    """

    session: Callable[[], BrokerClock]
    prices: Mapping[str, tuple[Decimal, Decimal]]
    cash: Decimal
    client_ids: bool = True
    appetite: Callable[[Order], Decimal] = everything
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
        self._check(order, now)
        return self._stated(self._keep(order, now))

    def cancel(self, broker_id: str) -> None:
        self._advance()
        self._end(self._open(broker_id), OrderState.CANCELLED)

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
        self._end(old, OrderState.CANCELLED, "replaced")
        self._check(ticket, now)
        successor = self._keep(ticket, now, old.stated.broker_id)
        old.stated = replace(old.stated, replaced_by=successor.stated.broker_id)
        return self._stated(successor)

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
        return Account(self.cash, equity, self.cash - self._reserved(), id=self.name)

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
                self._end(kept, OrderState.EXPIRED)
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
            broker_id=f"m{len(self.book) + 1}",
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

    def _end(self, kept: Kept, state: OrderState, status: str = "") -> None:
        kept.stated = replace(kept.stated, state=state, status=status or _EVENTS[state])
        self._tell(kept)

    def _tell(self, kept: Kept, fill: Execution | None = None) -> None:
        order = replace(self._stated(kept), status=_EVENTS[kept.stated.state])
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

    # -- refusing -------------------------------------------------------------------------------

    def _check(self, order: Order, now: datetime) -> None:
        if not (order.quantity.is_finite() and order.quantity > 0):
            raise Rejected("invalid", f"{order.quantity} shares")
        taken = {kept.stated.client_id for kept in self.book.values()}
        if self.client_ids and order.client_id in taken:
            raise Rejected("duplicate", f"{order.client_id} was used before")
        if not self.session().is_open:
            raise Rejected("closed", f"no orders at {now.isoformat()}")
        if order.side is Side.SELL and order.quantity > self._free(order.symbol):
            raise Rejected("40310000", "insufficient qty available")
        cost = order.quantity * (order.limit_price or self.prices[order.symbol][1])
        if order.side is Side.BUY and cost > self.cash - self._reserved():
            raise Rejected("40310000", "insufficient buying power")

    def _free(self, symbol: str) -> Decimal:
        sales = [k for k in self.working() if (k.stated.symbol, k.stated.side) == (symbol, "sell")]
        held = self.held.get(symbol, Position(symbol)).quantity
        return held - sum((kept.outstanding for kept in sales), ZERO)

    def _reserved(self) -> Decimal:
        buys = [kept for kept in self.working() if kept.stated.side is Side.BUY]
        asks = {kept.stated.symbol: self.prices[kept.stated.symbol][1] for kept in buys}
        each = (k.outstanding * (k.ticket.limit_price or asks[k.stated.symbol]) for k in buys)
        return sum(each, ZERO)
