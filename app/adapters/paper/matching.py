"""When a resting order of the paper ledger fills, triggers or ends: pure rules over one price."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from app.adapters.port import BrokerClock
from app.engine.errors import Rejected
from app.engine.orders import BrokerOrder, Order, OrderState, OrderType, Side, TimeInForce

#: The auctions take no orders this shortly before they are held.
CLOSE_CUTOFF = timedelta(minutes=10)
OPEN_CUTOFF = timedelta(minutes=2)

_AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})
_FOR_THE_DAY = _AT_ONCE | {TimeInForce.DAY}
_LIMITED = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
_STOPPED = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})


@dataclass(frozen=True, slots=True)
class Price:
    """Best bid and ask."""

    bid: Decimal
    ask: Decimal


@dataclass(frozen=True, slots=True)
class Resting:
    """An open order. ``due`` is its auction's time, ``expires_at`` the end of its day."""

    side: Side
    type: OrderType
    time_in_force: TimeInForce
    limit_price: Decimal | None
    stop_price: Decimal | None
    triggered: bool
    due: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of a resting order: a fill at a price, an end, or a stop that has triggered."""

    fill_price: Decimal | None = None
    ends: OrderState | None = None
    triggered: bool = False


def sound(price: tuple[Decimal, Decimal] | None) -> Price | None:
    """Return a price that can be traded on, None for one that cannot."""
    if price is None or not all(side.is_finite() and side > 0 for side in price):
        return None
    bid, ask = price
    return Price(bid, ask) if bid <= ask else None


def due(time_in_force: TimeInForce, session: BrokerClock) -> datetime | None:
    """Return when an auction order is to fill, None for others. Raises Rejected when too late."""
    if time_in_force is TimeInForce.CLS:
        if session.is_open and session.next_close - session.at < CLOSE_CUTOFF:
            raise Rejected("closed", "too late for the closing auction")
        return session.next_close
    if time_in_force is TimeInForce.OPG:
        if session.is_open or session.next_open - session.at < OPEN_CUTOFF:
            raise Rejected("closed", "too late for the opening auction")
        return session.next_open
    return None


def resting(order: Order, session: BrokerClock) -> Resting:
    """Return how an order rests. Raises Rejected where it is too late for its auction."""
    return Resting(
        side=order.side,
        type=order.type,
        time_in_force=order.time_in_force,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        triggered=False,
        due=due(order.time_in_force, session),
        expires_at=session.next_close if order.time_in_force in _FOR_THE_DAY else None,
    )


def stated(order: Order, broker_id: str, session: BrokerClock) -> BrokerOrder:
    """Return what is said of an order that was taken."""
    return BrokerOrder(
        broker_id=broker_id,
        client_id=order.client_id,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        filled_quantity=Decimal(0),
        average_price=None,
        state=OrderState.SUBMITTED,
        type=order.type.value,
        time_in_force=order.time_in_force.value,
        created_at=session.at,
        status="new",
        limit_price=order.limit_price,
        stop_price=order.stop_price,
    )


def step(order: Resting, price: Price | None, session: BrokerClock) -> Step:
    """Say what the session and the price of now make of an order."""
    if order.due is not None:
        return _auction(order, price, session)
    if order.expires_at is not None and session.at >= order.expires_at:
        return Step(ends=OrderState.EXPIRED)
    outcome = _continuous(order, price) if session.is_open and price is not None else Step()
    if outcome.fill_price is None and order.time_in_force in _AT_ONCE:
        return Step(ends=OrderState.CANCELLED)
    return outcome


def _auction(order: Resting, price: Price | None, session: BrokerClock) -> Step:
    if order.due is None or session.at < order.due or price is None:
        return Step()
    at = _marketable(order, price)
    return Step(fill_price=at) if at is not None else Step(ends=OrderState.EXPIRED)


def _continuous(order: Resting, price: Price) -> Step:
    triggered = order.triggered or order.type not in _STOPPED or _stop_reached(order, price)
    if not triggered:
        return Step()
    return Step(fill_price=_marketable(order, price), triggered=order.type in _STOPPED)


def _stop_reached(order: Resting, price: Price) -> bool:
    if order.stop_price is None:
        return False
    if order.side is Side.BUY:
        return price.ask >= order.stop_price
    return price.bid <= order.stop_price


def _marketable(order: Resting, price: Price) -> Decimal | None:
    """Return the far side's price where the order's limit allows it."""
    far = price.ask if order.side is Side.BUY else price.bid
    if order.type not in _LIMITED or order.limit_price is None:
        return far
    allowed = far <= order.limit_price if order.side is Side.BUY else far >= order.limit_price
    return far if allowed else None
