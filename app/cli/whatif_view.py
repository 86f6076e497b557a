"""A what-if as it is printed: figures, trades, verdicts, and what each gate saved or cost."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

#: So many orders and verdicts are shown; all of them are in the JSON.
SHOWN = 20
_ORDERS = {"orders only as it was": "only_before", "orders only as wished": "only_after"}


def show(body: Mapping[str, Any], zone: ZoneInfo) -> None:
    """Print a comparison; times in the exchange's zone."""
    console = Console()
    wished = [f"{name}={text}" for name, text in body["changes"].items()]
    wished += [f"without {gate}" for gate in body["without"]]
    console.print(f"{body['book']} on {body['date']}: {', '.join(wished)}", markup=False)
    console.print(_figures(body["figures"]))
    for title, which in _ORDERS.items():
        if orders := body["orders"][which]:
            console.print(_orders(title, orders, zone))
    if body["verdicts"]:
        console.print(_verdicts(body["verdicts"]))
    console.print(_gates(body["gates"]))
    console.print(
        "Both columns are filled by an exchange of the past, at the recorded quotes. A gate's sum"
        " is what the entries that it refused would have come to: below zero it has saved that.",
        style="dim",
    )


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right")
    return table


def _figures(figures: Mapping[str, Mapping[str, Any]]) -> Table:
    table = _table("", "", "as it was", "as wished", "difference")
    for name, told in figures.items():
        before, after = Decimal(str(told["before"])), Decimal(str(told["after"]))
        table.add_row(name, f"{before:,}", f"{after:,}", f"{after - before:+,}")
    return table


def _orders(title: str, orders: list[Mapping[str, Any]], zone: ZoneInfo) -> Table:
    table = _table(title, "at", "side", "shares", "symbol", "purpose", "state", "price")
    for order in orders[:SHOWN]:
        at = datetime.fromisoformat(order["at"]).astimezone(zone)
        what = (order[name] for name in ("side", "quantity", "symbol", "purpose", "state"))
        table.add_row(f"{at:%H:%M:%S}", *what, order["price"] or "")
    if len(orders) > SHOWN:
        table.caption = f"and {len(orders) - SHOWN} more, see --json"
    return table


def _verdicts(verdicts: list[Mapping[str, Any]]) -> Table:
    table = _table("verdicts", "gate", "said", "as it was", "as wished", "difference")
    largest = sorted(verdicts, key=lambda v: -abs(v["after"] - v["before"]))
    for told in largest[:SHOWN]:
        gate, said = f"{told['step']} · {told['gate']}", told["reason"].replace("_", " ")
        moved = told["after"] - told["before"]
        table.add_row(gate, said, f"{told['before']:,}", f"{told['after']:,}", f"{moved:+,}")
    if len(verdicts) > SHOWN:
        table.caption = f"and {len(verdicts) - SHOWN} more, see --json"
    return table


def _gates(gates: Mapping[str, Mapping[str, Any]]) -> Table:
    table = _table("what each gate saved or cost, as it was", "gate", "refused", "trades", "sum")
    for name, told in gates.items():
        shadows, money = told["shadow_trades"], Decimal(told["shadow_pnl"])
        table.add_row(name, f"{told['refused']:,}", f"{shadows:,}", f"{money:+,}")
    return table
