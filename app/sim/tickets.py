"""From the JSON that a client sends to an order: what is well formed and what the rules allow."""

import uuid
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from app.sim.matching import price_step
from app.sim.orders import Order
from app.sim.refusals import invalid, unprocessable

TYPES = ("market", "limit", "stop", "stop_limit", "trailing_stop")
TIMES_IN_FORCE = ("day", "gtc", "opg", "cls", "ioc", "fok")
LARGEST = Decimal(1_000_000_000)
GTC_SECONDS = 90 * 86_400.0
_NEEDS = {
    "market": (),
    "limit": ("limit_price",),
    "stop": ("stop_price",),
    "stop_limit": ("limit_price", "stop_price"),
    "trailing_stop": (),
}
_PRICES = ("limit_price", "stop_price", "trail_price", "trail_percent")


def number(body: Mapping[str, Any], name: str) -> Decimal | None:
    """Read a positive number given as a JSON string or number; None when absent."""
    raw = body.get(name)
    if raw is None or raw == "":
        return None
    try:
        if isinstance(raw, bool | dict | list):
            raise InvalidOperation
        value = Decimal(str(raw))
    except InvalidOperation:
        raise invalid(f"{name} must be a number") from None
    if not value.is_finite() or value <= 0:
        raise invalid(f"{name} must be > 0")
    if value > LARGEST:
        raise invalid(f"{name} must be <= {LARGEST}")
    return value


def read_ticket(body: Any, symbols: Mapping[str, Any], now: float, sequence: int) -> Order:
    """Return the order that a submission's body describes. Raises Refused."""
    if not isinstance(body, dict):
        raise invalid("request body format is invalid")
    order = Order(
        id=str(uuid.uuid4()),
        sequence=sequence,
        client_id=_client_id(body),
        symbol=_symbol(body, symbols),
        side=_one_of(body, "side", ("buy", "sell")),
        type=_one_of(body, "type", TYPES),
        tif=_one_of(body, "time_in_force", TIMES_IN_FORCE),
        quantity=number(body, "qty"),
        notional=number(body, "notional"),
        submitted_at=now,
        limit=number(body, "limit_price"),
        stop=number(body, "stop_price"),
        trail_price=number(body, "trail_price"),
        trail_percent=number(body, "trail_percent"),
        extended_hours=body.get("extended_hours") is True,
        intent=str(body.get("position_intent") or ""),
        order_class=_order_class(body),
        expires_at=now + GTC_SECONDS if body.get("time_in_force") == "gtc" else None,
    )
    _check_prices(order, body)
    _check_quantity(order)
    _check_combination(order)
    return order


def check_price(name: str, price: Decimal | None) -> None:
    """Raise Refused for a price finer than the market's price step."""
    if price is not None and price % price_step(price) != 0:
        raise unprocessable(
            f"invalid {name} {price}. sub-penny increment does not fulfill minimum pricing criteria"
        )


def _client_id(body: Mapping[str, Any]) -> str:
    given = body.get("client_order_id")
    if given in (None, ""):
        return str(uuid.uuid4())
    if not isinstance(given, str) or len(given) > 128:
        raise invalid("client_order_id must be a string of no more than 128 characters")
    return given


def _symbol(body: Mapping[str, Any], symbols: Mapping[str, Any]) -> str:
    symbol = body.get("symbol")
    if not isinstance(symbol, str) or not symbol:
        raise invalid("symbol is required")
    if symbol.upper() not in symbols:
        raise unprocessable(f'asset "{symbol}" not found')
    return symbol.upper()


def _one_of(body: Mapping[str, Any], name: str, accepted: tuple[str, ...]) -> str:
    value = body.get(name)
    if value not in accepted:
        raise invalid(f"invalid {name} {value!r}: must be one of {', '.join(accepted)}")
    return str(value)


def _order_class(body: Mapping[str, Any]) -> str:
    given = body.get("order_class") or ""
    if given in ("", "simple"):
        if body.get("take_profit") or body.get("stop_loss"):
            raise unprocessable("take_profit and stop_loss need order_class bracket, oco or oto")
        return str(given)
    if given in ("bracket", "oco", "oto"):
        return str(given)
    raise unprocessable(f"order_class {given!r} is not supported here")


def _check_prices(order: Order, body: Mapping[str, Any]) -> None:
    for name in _NEEDS[order.type] if order.order_class != "oco" else ():
        if body.get(name) is None:
            raise invalid(f"{order.type} orders require {name.replace('_', ' ')}")
    trails = (order.trail_price is not None) + (order.trail_percent is not None)
    allowed: tuple[str, ...] = _NEEDS[order.type]
    if order.type == "trailing_stop":
        allowed = ("trail_price", "trail_percent")
        if trails != 1:
            raise invalid("trailing stop orders must specify one of trail_price or trail_percent")
    for name in _PRICES:
        if body.get(name) is not None and name not in allowed:
            raise invalid(f"{order.type} orders require no {name.replace('_', ' ')}")
    check_price("limit_price", order.limit)
    check_price("stop_price", order.stop)


def _check_quantity(order: Order) -> None:
    if (order.quantity is None) == (order.notional is None):
        raise invalid("only one of qty or notional is accepted, and one is required")
    for name, value in (("qty", order.quantity), ("notional", order.notional)):
        if value is not None and value != round(value, 9):
            raise invalid(f"{name} is limited to 9 decimal places")
    if order.notional is not None and order.notional < 1:
        raise unprocessable("cost basis must be >= minimal amount of order 1")
    whole = order.quantity is not None and order.quantity == order.quantity.to_integral_value()
    if not whole and order.tif != "day":
        raise unprocessable("fractional orders must be DAY orders")


def _check_combination(order: Order) -> None:
    if order.extended_hours and (order.type != "limit" or order.tif not in ("day", "gtc")):
        raise unprocessable("extended hours order must be DAY or GTC limit orders")
    if order.tif in ("opg", "cls") and order.type not in ("market", "limit"):
        raise unprocessable(f"{order.tif} orders must be market or limit orders")
    if order.type in ("stop", "stop_limit", "trailing_stop") and order.tif not in ("day", "gtc"):
        raise unprocessable(f"{order.type} orders must be DAY or GTC")
