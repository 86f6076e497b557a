"""What a market tick does to the orders on a book: a pure function in exact decimals."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal
from enum import Enum

from app.sim.orders import ZERO, Order
from app.sim.settings import Terms

BPS = Decimal("0.0001")
NANO_SHARE = Decimal("0.000000001")


class Phase(Enum):
    """Which part of the session a tick belongs to: auctions have phases of their own."""

    OPENING = "opg"
    CONTINUOUS = "continuous"
    CLOSING = "cls"


@dataclass(frozen=True, slots=True)
class Tick:
    """One moment of a symbol's market. ``liquidity`` is how many shares may trade in it."""

    symbol: str
    at: float
    last: Decimal
    bid: Decimal
    ask: Decimal
    liquidity: Decimal
    phase: Phase = Phase.CONTINUOUS


@dataclass(frozen=True, slots=True)
class Step:
    """What a tick did to an order: an execution if ``quantity``; ``ends`` cancels what is left."""

    order: Order
    quantity: Decimal = ZERO
    price: Decimal = ZERO
    ends: bool = False


def price_step(price: Decimal) -> Decimal:
    """Return the smallest price difference: a cent from one dollar up, a hundredth of one below."""
    return Decimal("0.01") if price >= 1 else Decimal("0.0001")


def quote_around(last: Decimal, terms: Terms) -> tuple[Decimal, Decimal]:
    """Return bid and ask around a trade, at least one price step apart."""
    half = last * terms.spread_bps * BPS / 2
    step = price_step(last)
    bid = (last - half).quantize(step, rounding=ROUND_FLOOR)
    ask = (last + half).quantize(step, rounding=ROUND_CEILING)
    bid = max(bid, step)
    return (bid, ask) if ask > bid else (bid, bid + step)


def match(orders: Iterable[Order], tick: Tick, terms: Terms) -> list[Step]:
    """Match orders of the tick's symbol, first come first served; unaffected ones are left out."""
    left, steps = tick.liquidity, []
    for order in orders:
        if order.status == "held":
            continue
        step = (
            _auction(order, tick)
            if tick.phase.value == order.tif
            else _continuous(order, tick, left, terms)
        )
        if step is None:
            continue
        if tick.phase is Phase.CONTINUOUS:
            left -= step.quantity
        steps.append(step)
    return steps


def _auction(order: Order, tick: Tick) -> Step | None:
    """Fill at the print, whole; a limit that the print misses ends."""
    if tick.phase is Phase.CONTINUOUS:
        return None
    if order.limit is not None and not _within(order, tick.last):
        return Step(order, ends=True)
    sized = _sized(order, tick.last)
    return Step(sized, sized.leaves, tick.last, ends=True)


def _continuous(order: Order, tick: Tick, left: Decimal, terms: Terms) -> Step | None:
    if order.tif in ("opg", "cls") or tick.phase is not Phase.CONTINUOUS:
        return None
    watched = _watch(order, tick)
    at_once = order.tif in ("ioc", "fok")
    price = _price(watched, tick, terms) if _is_live(watched) else None
    if price is None:
        return Step(watched, ends=at_once) if at_once or watched is not order else None
    sized = _sized(watched, price)
    quantity = min(sized.leaves, left if _is_fractional(sized) else _whole(left))
    if order.tif == "fok" and quantity < sized.leaves:
        quantity = ZERO
    if quantity <= 0:
        return Step(sized, ends=at_once) if at_once or sized is not order else None
    return Step(sized, quantity, price, ends=at_once)


def _watch(order: Order, tick: Tick) -> Order:
    """Move the watermark of a trailing stop and pull the trigger of any stop that was touched."""
    if order.type == "trailing_stop":
        best = max if order.side == "sell" else min
        hwm = tick.last if order.hwm is None else best(order.hwm, tick.last)
        if hwm != order.hwm:
            order = replace(order, hwm=hwm, stop=trail_stop(order, hwm))
    if order.stop is None or order.triggered:
        return order
    touched = tick.last >= order.stop if order.side == "buy" else tick.last <= order.stop
    return replace(order, triggered=True) if touched else order


def trail_stop(order: Order, hwm: Decimal) -> Decimal:
    """Return where a trailing stop stands for a watermark."""
    if order.trail_price is not None:
        distance = order.trail_price
    else:
        distance = hwm * (order.trail_percent or ZERO) / 100
    stop = hwm - distance if order.side == "sell" else hwm + distance
    rounding = ROUND_FLOOR if order.side == "sell" else ROUND_CEILING
    return stop.quantize(price_step(hwm), rounding=rounding)


def _is_live(order: Order) -> bool:
    return order.stop is None or order.triggered


def _price(order: Order, tick: Tick, terms: Terms) -> Decimal | None:
    """Return what an order would trade at now: the other side of the quote, worse by slippage."""
    buying = order.side == "buy"
    quote = tick.ask if buying else tick.bid
    if order.limit is not None and not _within(order, quote):
        return None
    slip = 1 + terms.slippage_bps * BPS * (1 if buying else -1)
    rounding = ROUND_CEILING if buying else ROUND_FLOOR
    price = max((quote * slip).quantize(price_step(quote), rounding=rounding), price_step(quote))
    if order.limit is None:
        return price
    return min(price, order.limit) if buying else max(price, order.limit)


def _within(order: Order, price: Decimal) -> bool:
    if order.limit is None:
        return True
    return price <= order.limit if order.side == "buy" else price >= order.limit


def _sized(order: Order, price: Decimal) -> Order:
    """Turn a notional order's money into shares at its first price."""
    if order.notional is None or order.quantity is not None:
        return order
    return replace(
        order, quantity=(order.notional / price).quantize(NANO_SHARE, rounding=ROUND_DOWN)
    )


def _is_fractional(order: Order) -> bool:
    return order.leaves != _whole(order.leaves)


def _whole(quantity: Decimal) -> Decimal:
    return quantity.to_integral_value(rounding=ROUND_DOWN)
