"""Which orders and executions a list request asks for."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.sim.ledger import Fill
from app.sim.orders import Order
from app.sim.refusals import invalid
from app.sim.replies import activity_id
from app.sim.times import parse

Query = Mapping[str, Any]


def moment_in(query: Query, name: str, *, end_of_day: bool = False) -> float | None:
    """Return a time given in a query as epoch seconds; None when absent. Raises Refused."""
    given = query.get(name)
    if not given:
        return None
    try:
        return parse(given, end_of_day=end_of_day)
    except ValueError:
        raise invalid(f"{name} must be an RFC 3339 time or a date: {given!r}") from None


def whole_in(query: Query, name: str, default: int, largest: int) -> int:
    """Return a positive whole number given in a query. Raises Refused."""
    given = query.get(name, default)
    try:
        value = int(given)
    except ValueError:
        value = 0
    if not 1 <= value <= largest:
        raise invalid(f"{name} must be between 1 and {largest}: {given!r}")
    return value


def select_orders(orders: Iterable[Order], query: Query) -> list[Order]:
    """Return the orders that a list request asks for, newest first unless it says otherwise."""
    status = query.get("status", "open")
    if status not in ("open", "closed", "all"):
        raise invalid(f"status must be open, closed or all: {status!r}")
    after, until = moment_in(query, "after"), moment_in(query, "until")
    symbols = {s.strip().upper() for s in query.get("symbols", "").split(",") if s.strip()}
    side = query.get("side")
    chosen = [
        o
        for o in orders
        if _is_listed(o, query)
        and (status == "all" or o.is_open == (status == "open"))
        and (not symbols or o.symbol in symbols)
        and (not side or o.side == side)
        and (after is None or o.submitted_at > after)
        and (until is None or o.submitted_at < until)
    ]
    chosen.sort(key=lambda o: o.sequence, reverse=query.get("direction", "desc") != "asc")
    return _window(chosen, query)[: whole_in(query, "limit", 50, 500)]


def is_nested(query: Query) -> bool:
    """Are exits wanted inside their parents?"""
    return str(query.get("nested", "")).lower() == "true"


def _is_listed(order: Order, query: Query) -> bool:
    """Nested exits are inside their parents; otherwise those that are held stay hidden."""
    return order.parent is None if is_nested(query) else order.status != "held"


def _window(orders: list[Order], query: Query) -> list[Order]:
    """Cut a list at the orders named by id; both are left out themselves."""
    ids = [o.id for o in orders]
    before, after = query.get("before_order_id"), query.get("after_order_id")
    if before and after:
        raise invalid("before_order_id and after_order_id exclude each other")
    if before in ids:
        mark = orders[ids.index(before)].sequence
        return [o for o in orders if o.sequence < mark]
    if after in ids:
        mark = orders[ids.index(after)].sequence
        return [o for o in orders if o.sequence > mark]
    return orders


def select_activities(entries: Sequence[tuple[Fill, str]], query: Query) -> list[tuple[Fill, str]]:
    """Return the (execution, kind) pairs that an activities request asks for, one page of them."""
    after, until = moment_in(query, "after"), moment_in(query, "until", end_of_day=True)
    if query.get("date"):
        after = moment_in(query, "date")
        until = moment_in(query, "date", end_of_day=True)
    order_id = query.get("order_id")
    chosen = [
        (f, kind)
        for f, kind in entries
        if (after is None or f.at >= after)
        and (until is None or f.at <= until)
        and (not order_id or f.order_id == order_id)
    ]
    if query.get("direction", "desc") != "asc":
        chosen.reverse()
    token = query.get("page_token")
    if token:
        ids = [activity_id(f, kind) for f, kind in chosen]
        if token not in ids:
            raise invalid(f"invalid page_token {token!r}")
        chosen = chosen[ids.index(token) + 1 :]
    return chosen[: whole_in(query, "page_size", 100, 100)]
