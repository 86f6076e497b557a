"""The exchange: takes orders, lets the market act on them as time passes, and keeps the account."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from app.sim import families, permission
from app.sim.book import OrderBook
from app.sim.clock import SimClock
from app.sim.ledger import Fill, Ledger, book
from app.sim.market import Market, quote_of
from app.sim.matching import Phase, Step, Tick, match, quote_around
from app.sim.orders import ZERO, Order, to_json
from app.sim.refusals import unprocessable
from app.sim.settings import Terms
from app.sim.tape import Trade, tick_after
from app.sim.tickets import read_ticket
from app.sim.timetable import Session, Timetable


@dataclass(frozen=True, slots=True)
class Update:
    """Something happened to an order; ``fill`` and ``position`` only where it traded."""

    id: str
    event: str
    order: Order
    at: float
    fill: Fill | None = None
    position: Decimal | None = None


class Exchange:
    """One account's exchange. Not thread-safe: one event loop owns it.

    ``at`` is how far the market has acted; every request calls ``advance`` first.
    """

    def __init__(self, market: Market, timetable: Timetable, clock: SimClock, terms: Terms) -> None:
        self.market, self.timetable, self.clock, self.terms = market, timetable, clock, terms
        self.book = OrderBook()
        self.ledger = Ledger(terms.cash, {})
        self.last_equity = terms.cash
        self.fills: list[Fill] = []
        self.on_update: Callable[[Update], None] = lambda _: None
        self.arrival_limit: Callable[[Order], Decimal | None] = lambda _: None
        self.started_at = self.at = clock.now()
        self.liquidity: dict[str, tuple[Trade, Decimal]] = {}

    # What it is worth

    def price(self, symbol: str) -> Decimal:
        """Return the last price; a symbol that has not traded yet is taken at its first one."""
        trade = self.market.last_trade(symbol, self.at)
        return trade.price if trade else self.market.tapes[symbol].price(0, 0)

    def ask(self, symbol: str) -> Decimal:
        """Return the best offer."""
        return quote_around(self.price(symbol), self.terms)[1]

    def values(self) -> tuple[Decimal, Decimal]:
        """Return what is held, and as a negative number what was sold short, at last prices."""
        prices = self.market.prices(list(self.ledger.holdings), self.at)
        return self.ledger.market_values(prices)

    def equity(self) -> Decimal:
        """Return cash and holdings."""
        return self.ledger.cash + sum(self.values())

    def buying_power(self) -> Decimal:
        """Return what may still be bought or sold short: open purchases are taken off."""
        long, short = self.values()
        power = self.terms.multiplier * self.equity() - long + short
        buys = [o for o in self.book.open() if o.side == "buy"]
        return power - sum((permission.reserved(o, self.ask(o.symbol)) for o in buys), ZERO)

    # Orders

    def submit(self, body: Any) -> tuple[Order, dict[str, Any]]:
        """Take an order; returns it and what the client is told. Raises Refused."""
        order = read_ticket(body, self.market.tapes, self.at, len(self.book.all))
        self.book.check_unique(order.client_id)
        order, exits = families.read_exits(body, order, self.price(order.symbol))
        self._permit(order)
        is_open = self.timetable.at(self.at) is not None
        order = replace(
            order,
            status="pending_new" if is_open else "accepted",
            expires_at=order.expires_at or self.timetable.next_close(self.at),
            intent=permission.intent_of(order, self.ledger),
        )
        self.book.keep(order)
        for leg in exits:
            self.book.keep(replace(leg, sequence=len(self.book.all), expires_at=order.expires_at))
        reply = to_json(order, self.book.children(order.id))
        if is_open:
            self.activate(order)
            self._match(order.symbol, [self.book.all[order.id]], self.arrival_limit(order))
        else:
            self._tell("accepted", order)
            if order.tif in ("ioc", "fok"):
                self.end(order, "canceled")
        return self.book.all[order.id], reply

    def cancel(self, order_id: str) -> None:
        """Cancel an open order. Raises Refused."""
        order = self.book.find(order_id)
        if not order.is_open:
            raise unprocessable(f'order is already in "{order.status}" state')
        self.end(order, "canceled")

    def replace(self, old: Order, new: Order) -> Order:
        """Put a new order in the place of an open one. Raises Refused."""
        self.book.check_unique(new.client_id)
        self._permit(new, instead_of=old)
        stamps = {**old.stamps, "replaced_at": self.at}
        gone = replace(
            old, status="replaced", replaced_by=new.id, updated_at=self.at, stamps=stamps
        )
        self.book.keep(gone)
        self._tell("replaced", gone)
        families.adopt(self.book, old, new)
        self.activate(replace(new, replaces=old.id, sequence=len(self.book.all)))
        if self.timetable.at(self.at) is not None:
            self._match(new.symbol, [self.book.all[new.id]])
        return self.book.all[new.id]

    def _permit(self, order: Order, instead_of: Order | None = None) -> None:
        resting = [o for o in self.book.open(order.symbol) if o is not instead_of]
        permission.check_window(order, self.at, self.timetable.day_of(self.at))
        permission.check_opposite(order, resting)
        permission.check_intent(order, self.ledger, self.terms.may_short)
        permission.check_shares(order, self.ledger, resting, self.price(order.symbol))
        if permission.intent_of(order, self.ledger).endswith("_to_open"):
            ask, power = self.ask(order.symbol), self.buying_power()
            freed = permission.reserved(instead_of, ask) if instead_of else ZERO
            permission.check_money(order, ask, power + freed)

    # Time

    def advance(self) -> float:
        """Let the market act until now; return the market's time."""
        now = min(self.clock.now(), self.timetable.end)
        while (at := self._next_event()) <= now:
            self.at = at
            self._happen()
        self.at = max(self.at, now)
        return self.at

    def _next_event(self) -> float:
        session = self.timetable.at(self.at)
        if session is None:
            return self.timetable.next_open(self.at).open
        if not self.book.active_symbols():
            return session.close
        return min(tick_after(self.at), session.close)

    def _happen(self) -> None:
        session = self.timetable.latest(self.at)
        if session is None:
            return
        if self.at == session.close:
            self._close(session)
            return
        if self.at == session.open:
            for order in [o for o in self.book.open() if o.status == "accepted"]:
                self.activate(order)
        for symbol in self.book.active_symbols():
            self._trade(symbol, session)

    def _trade(self, symbol: str, session: Session) -> None:
        trade = self.market.last_trade(symbol, self.at)
        if trade is None or trade.at != self.at:
            return
        if self._opens_the_session(symbol, trade, session):
            self._print(symbol, Phase.OPENING, trade.price)
        self._match(symbol, self.book.open(symbol))

    def _opens_the_session(self, symbol: str, trade: Trade, session: Session) -> bool:
        starts = self.market.tapes[symbol].starts
        return trade.tick == 0 and (trade.bar == 0 or starts[trade.bar - 1] < session.open)

    def _close(self, session: Session) -> None:
        for symbol in self.book.active_symbols():
            trade = self.market.last_trade(symbol, self.at)
            if trade is not None and trade.at >= session.open:
                self._print(symbol, Phase.CLOSING, trade.price)
        for order in self.book.open():
            if order.tif in ("opg", "cls"):
                self.end(order, "canceled")
            elif order.tif != "gtc" or (order.expires_at or 0) <= self.at:
                self.end(order, "expired")
        self.last_equity = self.equity()

    # Matching

    def _match(self, symbol: str, orders: list[Order], at_most: Decimal | None = None) -> None:
        """Match against the trade in force, as far as its liquidity is not used up yet."""
        trade = self.market.last_trade(symbol, self.at)
        if trade is None or self.at >= self.market.tapes[symbol].starts[trade.bar] + 60:
            price = self.price(symbol)
            quiet = Tick(symbol, self.at, price, *quote_around(price, self.terms), ZERO)
            self._apply([s for s in match(orders, quiet, self.terms) if s.ends])
            return
        known = self.liquidity.get(symbol)
        left = known[1] if known and known[0] == trade else trade.size * self.terms.participation
        quote = quote_of(trade, self.terms)
        offered = left if at_most is None else min(left, at_most)
        tick = Tick(symbol, self.at, trade.price, quote.bid, quote.ask, offered)
        steps = match(orders, tick, self.terms)
        self.liquidity[symbol] = (trade, left - sum((s.quantity for s in steps), ZERO))
        self._apply(steps)

    def _print(self, symbol: str, phase: Phase, price: Decimal) -> None:
        tick = Tick(symbol, self.at, price, price, price, ZERO, phase)
        self._apply(match(self.book.open(symbol), tick, self.terms))

    def _apply(self, steps: list[Step]) -> None:
        moved: set[str] = set()
        for step in steps:
            order, family = step.order, families.family_of(step.order)
            if family in moved:  # the rest of the family is not what it was when it was matched
                continue
            if step.quantity or step.ends:
                moved.add(family)
            if step.quantity:
                order = self._fill(step)
            else:
                self.book.keep(order)
            if step.ends:
                self.end(order, "canceled")

    def _fill(self, step: Step) -> Order:
        before, filled = step.order, step.order.filled + step.quantity
        done = filled == before.quantity
        order = replace(
            before,
            filled=filled,
            value=before.value + step.quantity * step.price,
            status="filled" if done else "partially_filled",
            updated_at=self.at,
            stamps={**before.stamps, "filled_at": self.at} if done else before.stamps,
        )
        fill = Fill(
            id=str(uuid.uuid4()),
            order_id=order.id,
            client_id=order.client_id,
            symbol=order.symbol,
            side=order.side,
            quantity=step.quantity,
            price=step.price,
            cumulative=filled,
            leaves=order.leaves,
            at=self.at,
        )
        self.ledger = book(self.ledger, fill, self.terms.fee_per_share)
        self.fills.append(fill)
        self.book.keep(order)
        event = "fill" if done else "partial_fill"
        held = self.ledger.held(order.symbol)
        self.on_update(Update(fill.id, event, order, self.at, fill, held))
        families.react(self, order, step.quantity)
        return order

    def activate(self, order: Order) -> None:
        """Let an order trade from now on; the exits of an oco pair are one as much as the other."""
        order = replace(order, status="new", updated_at=self.at)
        self.book.keep(order)
        self._tell("new", order)
        if order.order_class == "oco":
            for leg in self.book.children(order.id):
                self.activate(leg)

    def end(self, order: Order, status: str) -> None:
        """End an order, and what depends on it, unless something else has ended it before."""
        order = self.book.all[order.id]
        if not order.is_open:
            return
        stamps = {**order.stamps, f"{status}_at": self.at}
        order = replace(order, status=status, updated_at=self.at, stamps=stamps)
        self.book.keep(order)
        self._tell(status, order)
        families.react(self, order)

    def _tell(self, event: str, order: Order) -> None:
        self.on_update(Update(str(uuid.uuid4()), event, order, self.at))
