"""How the broker's words travel over a stream: plain JSON, exact decimals."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.engine.errors import InvalidData
from app.engine.orders import BrokerOrder, Execution, OrderState, Side

#: The streams of a book, and the group that reads each.
SIGNALS, INTENTS, APPROVED, FILLS = "signals.raw", "intents", "orders.approved", "fills"
GROUPS = {SIGNALS: "router", INTENTS: "risk", APPROVED: "adapter", FILLS: "ledger"}


@dataclass(frozen=True, slots=True)
class Update:
    """What the broker said about an order: its state, and the execution that changed it, if one."""

    order: BrokerOrder
    execution: Execution | None


def encode(update: Update) -> dict[str, str]:
    """Return the fields of a stream entry."""
    return {"update": json.dumps(as_json(update), separators=(",", ":"))}


def decode(fields: dict[str, str]) -> Update:
    """Read what ``encode`` wrote. Raises InvalidData for anything else."""
    try:
        raw = json.loads(fields["update"])
        return Update(_order(raw["order"]), _execution(raw["execution"]))
    except (KeyError, ValueError, TypeError, ArithmeticError) as error:
        raise InvalidData(f"not a broker update: {error!r}") from error


def as_json(value: Any) -> Any:
    """Return a value object as JSON values: decimals as strings, times as ISO 8601."""
    return _plain(asdict(value))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value


def _order(raw: dict[str, Any]) -> BrokerOrder:
    prices = ("average_price", "limit_price", "stop_price")
    return BrokerOrder(
        **{
            **raw,
            **{name: _price(raw.get(name)) for name in prices},
            "side": Side(raw["side"]),
            "state": OrderState(raw["state"]),
            # An order for an amount of money has none until it fills: not ours, and no error.
            "quantity": _number(raw["quantity"]),
            "filled_quantity": _number(raw["filled_quantity"]),
            "created_at": _moment(raw["created_at"]),
        }
    )


def _execution(raw: dict[str, Any] | None) -> Execution | None:
    if raw is None:
        return None
    numbers = {name: _positive(raw[name]) for name in ("quantity", "price", "cumulative")}
    return Execution(**{**raw, **numbers, "side": Side(raw["side"]), "at": _moment(raw["at"])})


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if not (number.is_finite() and number >= 0):
        raise ValueError(f"{text} is no quantity or price")
    return number


def _positive(text: str) -> Decimal:
    if not (number := _number(text)):
        raise ValueError(f"{text} is not above zero")
    return number


def _price(text: str | None) -> Decimal | None:
    return None if text is None else _positive(text)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return moment
