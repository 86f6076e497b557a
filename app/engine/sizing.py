"""How much: what is in use, what room is left under each limit, and the whole shares that fit all.

Every cap only ever shrinks a size. Amounts are in the account's currency, cut toward zero.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from app.engine import trades
from app.engine.book import BookStatus, RiskPolicy
from app.engine.caps import DayCounts
from app.engine.debut import Debut
from app.engine.market import Quote
from app.engine.orders import Order, Purpose, outstanding
from app.engine.portfolio import Position
from app.engine.rounding import decimal, to_tick
from app.engine.session import Phase, SessionHours

#: An entry may pay so much more than the quote, and no more: it is sized at that price and limited
#: to it, so that no fill passes what the order has reserved.
SLIPPAGE = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class RiskContext:
    """What the risk manager sees of one book, read under the lock on the book's row.

    ``pending`` holds every unfinished order, ``positions`` what is held after all known fills;
    cash, buying power and equity are the account's. ``quotes`` needs the intent's symbol and, for a
    true exposure, every symbol held (without one a position counts at its cost). ``entries`` are
    the day's, ``gains`` what the book's own closed trades gained, as shares of their cost.
    ``unreachable`` is for how long the broker has answered nothing, by the wall; ``debut`` is there
    until a real book's first day is over.
    """

    at: datetime
    hours: SessionHours | None
    phase: Phase
    equity: Decimal
    cash: Decimal
    buying_power: Decimal
    day_start_equity: Decimal
    positions: Mapping[str, Position]
    quotes: Mapping[str, Quote]
    pending: tuple[Order, ...]
    status: BookStatus
    reconciled: bool
    entries: DayCounts
    gains: tuple[Decimal, ...]
    unreachable: timedelta
    debut: Debut | None


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a limit is taken: by positions and by what pending entries have reserved."""

    used: Decimal
    limit: Decimal

    @property
    def room(self) -> Decimal:
        return max(Decimal(0), self.limit - self.used)


def held(context: RiskContext) -> dict[str, Position]:
    """Return the positions that are not flat."""
    return {symbol: p for symbol, p in context.positions.items() if p.quantity}


def entering(context: RiskContext) -> tuple[Order, ...]:
    """Return the unfinished entries."""
    return tuple(o for o in context.pending if o.purpose is Purpose.ENTRY and outstanding(o) > 0)


def reserved(amount: Decimal, order: Order) -> Decimal:
    """Return the part of a reservation that belongs to what has not been filled yet."""
    return amount * outstanding(order) / order.quantity


def risk_in_use(policy: RiskPolicy, context: RiskContext) -> Use:
    """Return what stops would cost if all were hit, of ``max_concurrent_risk`` x equity."""
    positions = sum((risk_of(policy, p) for p in held(context).values()), Decimal(0))
    entries = sum((reserved(o.reserved_risk, o) for o in entering(context)), Decimal(0))
    return Use(positions + entries, decimal(policy.max_concurrent_risk * context.equity))


def risk_of(policy: RiskPolicy, position: Position) -> Decimal:
    """Return what a position loses from its cost to its stop; without one, the usual distance."""
    if position.stop_price is None:
        distance = policy.stop_loss * position.average_price
    else:
        distance = max(Decimal(0), position.average_price - position.stop_price)
    return abs(position.quantity) * distance


def exposure_in_use(policy: RiskPolicy, context: RiskContext) -> Use:
    """Return the value of positions and reserved entries, of ``max_exposure`` x equity."""
    positions = sum((_value(context, p) for p in held(context).values()), Decimal(0))
    entries = sum((reserved(o.reserved_notional, o) for o in entering(context)), Decimal(0))
    return Use(positions + entries, decimal(policy.max_exposure * context.equity))


def leverage(policy: RiskPolicy, symbol: str) -> Decimal:
    """Return how far a symbol moves with its index, by size: 3 for a fund of -3, else 1."""
    return abs(policy.leverage.get(symbol, Decimal(1)))


def look_through_in_use(policy: RiskPolicy, context: RiskContext) -> Use:
    """Return exposure times leverage of positions and reserved entries, of its limit x equity."""
    positions = (leverage(policy, p.symbol) * _value(context, p) for p in held(context).values())
    entries = (
        leverage(policy, o.symbol) * reserved(o.reserved_notional, o) for o in entering(context)
    )
    used = sum(positions, Decimal(0)) + sum(entries, Decimal(0))
    return Use(used, decimal(policy.max_look_through * context.equity))


def kelly_risk(policy: RiskPolicy, context: RiskContext) -> Decimal | None:
    """Return the most that one trade may risk by Kelly's share; None with too few trades to say."""
    if len(context.gains) < policy.kelly_min_trades:
        return None
    share = max(Decimal(0), trades.kelly(context.gains))
    return decimal(policy.kelly_fraction * share * context.equity)


def amounts(context: RiskContext) -> Iterator[tuple[str, Decimal]]:
    """Yield every amount of the context by its name."""
    yield "equity", context.equity
    yield "cash", context.cash
    yield "buying power", context.buying_power
    yield "equity at the open", context.day_start_equity
    for symbol, p in context.positions.items():
        for amount in (p.quantity, p.average_price, p.stop_price or Decimal(0)):
            yield f"position {symbol}", amount
    for order in context.pending:
        for amount in (order.reserved_risk, order.reserved_notional):
            yield f"order {order.client_id}", amount
    for gain in context.gains:
        yield "closed trade", gain


def money_in_use(context: RiskContext) -> Use:
    """Return what pending entries have reserved, of cash or buying power, whichever is less.

    An entry that the broker has already taken off its buying power counts twice for a moment: that
    errs on the side of a smaller order.
    """
    entries = sum((reserved(o.reserved_notional, o) for o in entering(context)), Decimal(0))
    return Use(entries, min(context.cash, context.buying_power))


def position_limit(policy: RiskPolicy, equity: Decimal) -> Decimal:
    """Return the most that one position may cost: the exposure shared by ``min_slots`` (F3)."""
    return decimal(policy.max_exposure * equity / policy.min_slots)


def sizing_price(quote: Quote) -> Decimal | None:
    """Return what a share may cost at most; None without a price.

    That is the ask or the last price, whichever is higher, plus slippage, cut to the price step.
    """
    if not _is_price(quote.last):
        return None
    highest = max(quote.ask, quote.last) if _is_price(quote.ask) else quote.last
    return to_tick(decimal(highest) * (1 + SLIPPAGE)) or None


def price_of(context: RiskContext, symbol: str) -> Decimal:
    """Return what a share of a symbol may cost at most; 0 without a price."""
    quote = context.quotes.get(symbol)
    return (sizing_price(quote) if quote else None) or Decimal(0)


def entry_quantity(
    policy: RiskPolicy, context: RiskContext, symbol: str, price: Decimal
) -> Decimal:
    """Return the most whole shares at ``price`` that every limit has room for."""
    risk = min(
        decimal(policy.risk_per_trade * context.equity),
        risk_in_use(policy, context).room,
    )
    by_kelly = kelly_risk(policy, context)
    risk = risk if by_kelly is None else min(risk, by_kelly)
    notional = min(
        position_limit(policy, context.equity),
        exposure_in_use(policy, context).room,
        money_in_use(context).room,
    )
    through = look_through_in_use(policy, context).room
    if not (price > 0 and risk > 0 and notional > 0 and through > 0):
        return Decimal(0)
    weight = leverage(policy, symbol) * price
    by_leverage = [through // weight] if weight > 0 else []
    return min(risk // (policy.stop_loss * price), notional // price, *by_leverage)


def _value(context: RiskContext, position: Position) -> Decimal:
    quote = context.quotes.get(position.symbol)
    known = quote is not None and _is_price(quote.last)
    price = decimal(quote.last) if quote is not None and known else position.average_price
    return abs(position.quantity) * price


def _is_price(number: float) -> bool:
    return math.isfinite(number) and number > 0
