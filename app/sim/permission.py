"""May this account place this order now: auction windows, wash trades, shares and buying power."""

from collections.abc import Iterable
from datetime import time
from decimal import Decimal

from app.sim.families import family_of
from app.sim.ledger import Ledger
from app.sim.orders import ZERO, Order, text
from app.sim.refusals import Refused, forbidden, unprocessable
from app.sim.times import in_new_york
from app.sim.timetable import Session

EVENING = time(19, 0)
OPG_CUTOFF = 120.0
CLS_CUTOFF = 600.0


def check_window(order: Order, now: float, today: Session | None) -> None:
    """Refuse auction orders that come too late for today's and too early for the next auction.

    The windows are 09:28-19:00 and 15:50-19:00 New York; on half days they follow the close.
    """
    if today is None or in_new_york(now).time() >= EVENING:
        return
    if order.tif == "opg" and now >= today.open - OPG_CUTOFF:
        raise unprocessable("opg orders are accepted after 7:00pm and before 9:28am New York time")
    if order.tif == "cls" and now >= today.close - CLS_CUTOFF:
        raise unprocessable(
            "cls orders are accepted after 7:00pm and before ten minutes to the close"
        )


def check_opposite(order: Order, resting: Iterable[Order]) -> None:
    """Refuse an order that could trade against an open order of the same account."""
    for other in resting:
        if other.side == order.side or other.status == "held":
            continue
        if _could_trade(order, other):
            kind = "market" if "market" in (order.type, other.type) else other.type
            raise forbidden(
                "potential wash trade detected. use complex orders",
                reject_reason=f"opposite side {kind} order exists",
                existing_order_id=other.id,
            )


def _could_trade(one: Order, other: Order) -> bool:
    buy, sell = (one, other) if one.side == "buy" else (other, one)
    if buy.type != "limit" or sell.type != "limit" or buy.limit is None or sell.limit is None:
        return True
    return buy.limit >= sell.limit


def intent_of(order: Order, ledger: Ledger) -> str:
    """Return the position intent that the position gives an order, whatever it says itself."""
    held = ledger.held(order.symbol)
    closes = held > 0 if order.side == "sell" else held < 0
    return f"{order.side}_to_{'close' if closes else 'open'}"


def check_intent(order: Order, ledger: Ledger, may_short: bool) -> None:
    """Refuse an order that would not do to the position what it says; shorts on a cash account."""
    inferred = intent_of(order, ledger)
    if order.intent and order.intent != inferred:
        raise unprocessable(
            f"position intent mismatch, inferred: {inferred}, specified: {order.intent}"
        )
    if inferred == "sell_to_open":
        if not may_short:
            raise forbidden("account is not allowed to short")
        if order.quantity is None or order.quantity != order.quantity.to_integral_value():
            raise unprocessable("fractional orders cannot be sold short")


def check_shares(order: Order, ledger: Ledger, resting: Iterable[Order], price: Decimal) -> None:
    """Refuse to close more than there is and is not promised: no order crosses from long to short.

    An order that opens closes nothing.
    """
    if intent_of(order, ledger).endswith("_to_open"):
        return
    held = abs(ledger.held(order.symbol))
    own = family_of(order)
    selling = [o for o in resting if o.side == order.side and family_of(o) != own]
    promised = shares_promised(selling, price, order.side)
    wanted = shares_of(order, price)
    if wanted > held - promised:
        available = text(held - promised)
        raise forbidden(
            f"insufficient qty available for order (requested: {text(wanted)}, "
            f"available: {available})",
            available=available,
            existing_qty=text(held),
            held_for_orders=text(promised),
            symbol=order.symbol,
            related_orders=[o.id for o in selling],
        )


def check_money(order: Order, price: Decimal, buying_power: Decimal) -> None:
    """Refuse a purchase or a short sale that the buying power does not cover."""
    cost = reserved(order, price) if order.side == "buy" else shares_of(order, price) * price
    if cost > buying_power:
        raise short_of_money(cost, buying_power)


def short_of_money(cost: Decimal, buying_power: Decimal) -> Refused:
    """The refusal, with the numbers compared."""
    return forbidden(
        "insufficient buying power",
        buying_power=text(round(buying_power, 2)),
        cost_basis=text(round(cost, 2)),
    )


def shares_of(order: Order, price: Decimal) -> Decimal:
    """Return how many shares an open order may still trade."""
    if order.quantity is None and order.notional is not None:
        return order.notional / price
    return order.leaves


def shares_promised(resting: Iterable[Order], price: Decimal, side: str = "sell") -> Decimal:
    """Return how many shares open orders of a side hold; exits of one family hold the same ones."""
    by_family: dict[str, Decimal] = {}
    for order in resting:
        if order.side == side and order.status != "held":
            family = family_of(order)
            by_family[family] = max(by_family.get(family, ZERO), shares_of(order, price))
    return sum(by_family.values(), ZERO)


def reserved(order: Order, price: Decimal) -> Decimal:
    """Return the money that an open purchase holds back."""
    if order.side != "buy" or order.status == "held":
        return ZERO
    if order.notional is not None:
        return order.notional - order.value
    worst = order.limit or (max(order.stop, price) if order.stop is not None else price)
    return order.leaves * worst
