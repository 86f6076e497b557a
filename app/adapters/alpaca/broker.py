"""The broker port over Alpaca's trading interface."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TypeVar

from app.adapters.alpaca import answers
from app.adapters.alpaca.fields import Record, records, text
from app.adapters.alpaca.wire import Wire
from app.adapters.port import BrokerClock, BrokerPosition, Capabilities, Connection
from app.engine.errors import InvalidData, Rejected, Transient
from app.engine.ids import digest
from app.engine.orders import FINAL, BrokerOrder, Execution, Order, OrderType, Purpose, Side
from app.engine.portfolio import Account, Fee
from app.engine.rounding import plain, to_tick
from app.engine.times import moment

ORDERS_A_PAGE = 500
FILLS_A_PAGE = 100
MOST_PAGES = 1_000

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
_TICK = timedelta(microseconds=1)
_BAD_ID = "40010001"
_LIMITED = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
_STOPPED = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})

Listed = TypeVar("Listed", Execution, Fee)


class Alpaca:
    """Somewhere to trade: Alpaca, or an exchange that speaks its protocol."""

    name = "alpaca"
    capabilities = Capabilities(client_ids=True, auction_orders=True, stop_orders=True)

    def __init__(self, connection: Connection) -> None:
        self._wire = Wire(connection)

    def submit(self, order: Order) -> BrokerOrder:
        body = submit_body(order)

        def placed(value: object) -> BrokerOrder:
            answer = answers.order(value)
            asked = (order.client_id, order.symbol, order.side, order.quantity)
            if (answer.client_id, answer.symbol, answer.side, answer.quantity) != asked:
                raise InvalidData("the answer is about another order")
            return answer

        return self._wire.write("post", "/orders", placed, body)

    def cancel(self, broker_id: str) -> None:
        path = f"/orders/{_known_form(broker_id)}"
        try:
            self._wire.write("delete", path, lambda _: None, None)
        except Rejected as error:
            if error.code.startswith("422"):
                raise Rejected("not_open", error.message) from error
            raise

    def replace(
        self, broker_id: str, *, quantity: Decimal | None = None, limit_price: Decimal | None = None
    ) -> BrokerOrder:
        _known_form(broker_id)
        changes = {"qty": quantity, "limit_price": limit_price}
        body = {name: _exact(name, value) for name, value in changes.items() if value is not None}
        if not body:
            raise Rejected("invalid", "nothing to change")
        # A client id of its own makes the successor findable when the answer is lost.
        body["client_order_id"] = digest("replace", broker_id, *body.values(), length=32)
        return self._wire.write("patch", f"/orders/{broker_id}", answers.order, body)

    def order(self, broker_id: str) -> BrokerOrder | None:
        if not _ID.fullmatch(broker_id):
            return None
        return self._lookup(f"/orders/{broker_id}", lambda found: found.broker_id == broker_id)

    def order_by_client_id(self, client_id: str) -> BrokerOrder | None:
        return self._lookup(
            "/orders:by_client_order_id",
            lambda found: found.client_id == client_id,
            client_order_id=client_id,
        )

    def open_orders(self) -> Sequence[BrokerOrder]:
        return [found for found in self._orders("open", None) if found.state not in FINAL]

    def orders_since(self, since: datetime) -> Sequence[BrokerOrder]:
        return self._orders("all", since - _TICK)

    def executions(self, since: datetime) -> Sequence[Execution]:
        found = self._activities("FILL", since - _TICK, answers.execution)
        return sorted((fill for fill in found if fill.at >= since), key=lambda fill: fill.at)

    def fees(self, since: date) -> Sequence[Fee]:
        # They bear a date and no time: a day more is asked for than is wanted.
        asked = datetime.combine(since - timedelta(days=1), time(), UTC)
        found = self._activities("FEE", asked, answers.fee)
        return sorted((fee for fee in found if fee.date >= since), key=lambda fee: fee.date)

    def _activities(
        self, kind: str, after: datetime, parse: Callable[[object], Listed]
    ) -> list[Listed]:
        """List the account's activities of a kind page by page, each once."""

        def page(value: object) -> tuple[list[Listed], str | None]:
            raw = records(value)
            last = text(raw[-1], "id") if len(raw) >= FILLS_A_PAGE else None
            return [parse(item) for item in raw], last

        found: dict[str, Listed] = {}
        token: dict[str, str] = {}
        for _ in range(MOST_PAGES):
            listed, last = self._wire.read(
                f"/account/activities/{kind}",
                page,
                after=_stamp(after),
                direction="asc",
                page_size=FILLS_A_PAGE,
                **token,
            )
            before = len(found)
            found |= {each.id: each for each in listed}
            if last is None or len(found) == before:
                return list(found.values())
            token = {"page_token": last}
        raise Transient(f"the broker lists {kind} without an end, {len(found)} so far")

    def positions(self) -> Mapping[str, BrokerPosition]:
        return self._wire.read("/positions", answers.positions)

    def account(self) -> Account:
        return self._wire.read("/account", answers.account)

    def clock(self) -> BrokerClock:
        return self._wire.read("/clock", answers.clock)

    def _lookup(
        self, path: str, asked_for: Callable[[BrokerOrder], bool], **query: str
    ) -> BrokerOrder | None:
        def found(value: object) -> BrokerOrder:
            answer = answers.order(value)
            if not asked_for(answer):
                raise InvalidData("the answer is about another order")
            return answer

        try:
            return self._wire.read(path, found, **query)
        except Rejected as error:
            if error.code in {"not_found", _BAD_ID}:
                return None
            raise

    def _orders(self, status: str, after: datetime | None) -> list[BrokerOrder]:
        """List orders page by page, oldest first.

        The cursor is an instant, and several orders may share it: each page starts a microsecond
        before the last one ended, and what was seen is skipped.
        """
        found: dict[str, BrokerOrder] = {}
        for _ in range(MOST_PAGES):
            query = {"after": _stamp(after)} if after else {}
            page, last = self._wire.read(
                "/orders",
                _page,
                status=status,
                direction="asc",
                limit=ORDERS_A_PAGE,
                nested="true",
                **query,
            )
            before = len(found)
            found |= {order.broker_id: order for order in page}
            if last is None:
                return list(found.values())
            if len(found) == before:
                break
            after = last - _TICK
        raise Transient(f"the broker lists orders without an end, {len(found)} so far")


def submit_body(order: Order) -> dict[str, object]:
    """Return the request for an order, numbers as exact text. Raises Rejected("invalid", …)."""
    if not _ID.fullmatch(order.client_id) or not order.symbol:
        raise Rejected("invalid", f"client id {order.client_id!r} or symbol {order.symbol!r}")
    body: dict[str, object] = {
        "symbol": order.symbol,
        "qty": _exact("quantity", order.quantity),
        "side": order.side.value,
        "type": order.type.value,
        "time_in_force": order.time_in_force.value,
        "client_order_id": order.client_id,
    }
    if order.type in _LIMITED:
        body["limit_price"] = _exact("limit price", order.limit_price)
    if order.type in _STOPPED:
        body["stop_price"] = _on_tick("stop price", order.stop_price)
    if order.extended_hours:
        body["extended_hours"] = True
    if order.purpose is not Purpose.ENTRY and order.side is Side.SELL:
        # On a margin account a sale of what is not there any more would open a short position.
        body["position_intent"] = "sell_to_close"
    return body


def _exact(name: str, value: Decimal | None) -> str:
    if value is None or not value.is_finite() or value <= 0:
        raise Rejected("invalid", f"{name} is {value}, not a number above zero")
    return plain(value)


def _on_tick(name: str, value: Decimal | None) -> str:
    """Return a price as text, cut toward zero to the price step: others are refused (sub-penny)."""
    exact = value if value is None or not value.is_finite() else to_tick(value)
    return _exact(name, exact)


def _known_form(broker_id: str) -> str:
    # "." or an empty id would make the path that of every order.
    if not _ID.fullmatch(broker_id):
        raise Rejected("not_found", f"{broker_id!r} is no id of an order")
    return broker_id


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _page(value: object) -> tuple[list[BrokerOrder], datetime | None]:
    """Return the orders and, where the page is full, when its last one was submitted."""
    raw = records(value)
    return answers.orders(value), _submitted(raw[-1]) if len(raw) >= ORDERS_A_PAGE else None


def _submitted(of: Record) -> datetime:
    return moment(of, "submitted_at" if of.get("submitted_at") else "created_at")
