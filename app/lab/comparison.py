"""A day as it was beside the same day as it is wished: what differs, in numbers."""

from collections.abc import Iterable
from typing import Any

from app.engine.ids import digest
from app.engine.orders import Order
from app.engine.rounding import cents, plain
from app.lab.whatif import Outcome, Wish

#: The kind under which a comparison is kept among a day's reports.
KIND = "whatif"


def compared(book: str, date: str, wish: Wish, before: Outcome, after: Outcome) -> dict[str, Any]:
    """Return everything that differs as JSON values; money in the account's currency."""
    return {
        "book": book,
        "date": date,
        "changes": dict(sorted(wish.changes.items())),
        "without": sorted(wish.without),
        "figures": {
            name: {"before": one, "after": other}
            for (name, one), (_, other) in zip(_figures(before), _figures(after), strict=True)
        },
        "verdicts": _verdicts(before, after),
        "orders": {
            "only_before": _orders(before, after),
            "only_after": _orders(after, before),
        },
        "gates": {
            name: {
                "refused": gate.refused,
                "shadow_trades": gate.trades,
                "shadow_pnl": str(cents(gate.gained)),
            }
            for name, gate in sorted(before.gates.items(), key=lambda each: each[1].gained)
        },
    }


def kind_of(wish: Wish) -> str:
    """Return the name under which a wish's comparison is kept: the same wish, the same name."""
    changes = [f"{name}={text}" for name, text in sorted(wish.changes.items())]
    return f"{KIND}:{digest(*changes, *sorted(wish.without), length=12)}"


def _figures(of: Outcome) -> Iterable[tuple[str, Any]]:
    filled = [order for order in of.orders if order.filled_quantity]
    yield "signals", of.signals
    yield "orders", len(of.orders)
    yield "entries filled", sum(order.purpose == "entry" for order in filled)
    yield "exits filled", sum(order.purpose != "entry" for order in filled)
    yield "profit or loss", str(cents(of.gained))
    yield "equity at the close", str(cents(of.equity_close))
    yield "questions to the model", of.asked
    yield "of them without an answer on the tape", of.unanswered


def _verdicts(before: Outcome, after: Outcome) -> list[dict[str, Any]]:
    """Return the verdicts that were said a different number of times."""
    keys = sorted(before.verdicts.keys() | after.verdicts.keys())
    return [
        {
            "step": step,
            "gate": gate,
            "reason": reason,
            "before": before.verdicts[step, gate, reason],
            "after": after.verdicts[step, gate, reason],
        }
        for step, gate, reason in keys
        if before.verdicts[step, gate, reason] != after.verdicts[step, gate, reason]
    ]


def _orders(of: Outcome, other: Outcome) -> list[dict[str, Any]]:
    known = {_key(order): order for order in other.orders}
    return [_line(order) for order in of.orders if _key(order) not in known]


def _key(order: Order) -> tuple[object, ...]:
    """Return what makes an order the same in both days: its cause may have another name."""
    return order.created_at, order.symbol, order.purpose, order.quantity


def _line(order: Order) -> dict[str, Any]:
    average = order.average_price
    return {
        "at": order.created_at.isoformat(),
        "side": order.side.value,
        "quantity": plain(order.quantity),
        "symbol": order.symbol,
        "purpose": order.purpose.value,
        "state": order.state.value,
        "price": None if average is None else plain(average),
    }
