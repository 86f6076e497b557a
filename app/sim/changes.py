"""What a client may change about an open order."""

import uuid
from dataclasses import replace
from typing import Any

from app.sim.matching import trail_stop
from app.sim.orders import ZERO, Order
from app.sim.refusals import invalid, unprocessable
from app.sim.tickets import check_price, number

REPLACEABLE = frozenset({"new", "partially_filled"})


def changed(old: Order, body: Any, now: float) -> Order:
    """Return the order that takes an open one's place. Raises Refused.

    A quantity counts what has already filled, as in FIX: the successor's is what is left of it.
    """
    if not isinstance(body, dict):
        raise invalid("request body format is invalid")
    if old.status not in REPLACEABLE:
        raise unprocessable(f'cannot replace order in "{old.status}" state')
    if old.quantity is None or old.notional is not None:
        raise unprocessable("notional orders cannot be replaced")
    total = number(body, "qty") or old.quantity
    if total != total.to_integral_value():
        raise unprocessable("qty must be whole shares")
    if total <= old.filled:
        raise unprocessable(f"qty must be more than what has filled ({old.filled})")
    new = replace(
        old,
        id=str(uuid.uuid4()),
        client_id=str(body.get("client_order_id") or uuid.uuid4()),
        quantity=total - old.filled,
        filled=ZERO,
        value=ZERO,
        tif=str(body.get("time_in_force") or old.tif),
        limit=_price(body, "limit_price", old.limit, old.type),
        stop=_price(body, "stop_price", old.stop, old.type),
        submitted_at=now,
        updated_at=now,
        stamps={},
    )
    return _with_trail(new, body)


def _price(body: dict[str, Any], name: str, before: Any, order_type: str) -> Any:
    given = number(body, name)
    if given is None:
        return before
    if before is None or order_type == "trailing_stop":
        raise unprocessable(f"{order_type} orders have no {name.replace('_', ' ')}")
    check_price(name, given)
    return given


def _with_trail(new: Order, body: dict[str, Any]) -> Order:
    trail = number(body, "trail")
    if trail is None:
        return new
    if new.type != "trailing_stop":
        raise unprocessable(f"{new.type} orders have no trail")
    if new.trail_price is not None:
        new = replace(new, trail_price=trail)
    else:
        new = replace(new, trail_percent=trail)
    return new if new.hwm is None else replace(new, stop=trail_stop(new, new.hwm))
