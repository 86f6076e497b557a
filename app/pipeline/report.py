"""Report: a session in numbers, as a row and as one page that opens offline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from statistics import quantiles
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
from sqlalchemy.engine import Connection

from app.engine.orders import FINAL, IN_DOUBT, Execution, Order, Side
from app.engine.portfolio import Adjustment, Position, folded, held_before
from app.engine.rounding import cents, plain
from app.io.calendar import span_of
from app.io.store import (
    accounts,
    adjustments,
    fills,
    intents,
    orders,
    reports,
    signals,
    verdicts,
)
from app.io.store.sessions import SessionRow
from app.io.store.settlements import Settlement
from app.pipeline.services import Services

END_OF_DAY = "end_of_day"


def write(to: Services, db: Connection, session: SessionRow, settled: Settlement) -> None:
    """Store the end-of-day report of a session that is settled."""
    body = compile_body(to, db, session) | {"settlement": settlement_row(settled)}
    reports.save(db, to.book.id, session.date, END_OF_DAY, body, render(body))


def compile_body(to: Services, db: Connection, session: SessionRow) -> dict[str, Any]:
    """Return the session in numbers; all money as decimal strings in the account's currency."""
    book = to.book
    since, until = span_of(session.date, to.calendar.zone)
    made = [o for o in orders.listing(db, book.id, since) if o.created_at < until]
    ever = fills.all(db, book.id)
    executed = [fill for fill in ever if since <= fill.at < until]
    changes = adjustments.all(db, book.id)
    today = [change for change in changes if since <= change.at < until]
    before = held_before(ever, changes, since)
    traded = trades(executed, before, today)
    return {
        "book": book.id,
        "mode": str(book.mode),
        "currency": book.currency,
        "zone": to.calendar.zone.key,
        "session_date": session.date.isoformat(),
        "settings": to.settings,
        "signals": signals.count(db, book.id, since, until),
        "verdicts": verdicts.counts(db, book.id, since, until),
        "intents": sum(intent.at < until for intent in intents.listing(db, book.id, since)),
        "orders": [order_row(order) for order in made],
        "fills": len(executed),
        "equity_open": _money(session.equity_open),
        "equity_close": _money(session.equity_close),
        "realised_pnl": _money(sum((trade.realised for trade in traded), Decimal(0))),
        "positions_at_close": {
            symbol: plain(position.quantity)
            for symbol, position in sorted(folded(before, executed, today).items())
            if position.quantity
        },
        "trades": [trade_row(trade) for trade in traded],
        "equity": [
            [statement.at.isoformat(), _money(statement.account.equity)]
            for statement in accounts.curve(db, book.id, since, until)
        ],
        "latency_ms": {"signal_to_accept": percentiles(orders.latencies(db, book.id, since))},
        "in_doubt": sum(order.state in IN_DOUBT for order in made),
        "unfinished": sum(order.state not in FINAL for order in made),
    }


def settlement_row(settled: Settlement) -> dict[str, Any]:
    """Return a settlement as people and programs are shown it, money to the cent."""
    return {
        "late": settled.late,
        "realised": _money(settled.realised),
        "unrealised": _money(settled.unrealised),
        "fees": _money(settled.fees),
        "cash_open": _money(settled.cash_open),
        "cash_close": _money(settled.cash_close),
        "broker_cash": _money(settled.broker_cash),
        "difference": _money(settled.difference),
        "broker_equity": _money(settled.broker_equity),
        "equity_open": _money(settled.equity_open),
        "equity_close": _money(settled.equity_close),
        "trades": settled.trades,
    }


def order_row(order: Order) -> dict[str, str | None]:
    """Return an order as people and programs are shown it."""
    return {
        "client_id": order.client_id,
        "symbol": order.symbol,
        "side": str(order.side),
        "purpose": str(order.purpose),
        "quantity": plain(order.quantity),
        "state": str(order.state),
        "filled_quantity": plain(order.filled_quantity),
        "average_price": _price(order.average_price),
        "created_at": order.created_at.isoformat(),
    }


@dataclass(frozen=True, slots=True)
class Trade:
    """What a session did in one symbol: shares bought and sold, and the profit of what it sold."""

    symbol: str
    bought: Decimal
    sold: Decimal
    fills: int
    realised: Decimal


def trade_row(trade: Trade) -> dict[str, str | int]:
    """Return a trade as people and programs are shown it."""
    return {
        "symbol": trade.symbol,
        "bought": plain(trade.bought),
        "sold": plain(trade.sold),
        "fills": trade.fills,
        "realised": _money(trade.realised) or "0.00",
    }


def trades(
    executed: Sequence[Execution],
    before: Mapping[str, Position],
    changes: Sequence[Adjustment],
) -> list[Trade]:
    """Return what a session's fills did, by symbol, to the positions that it began with."""
    nothing = Decimal(0)
    return [
        Trade(
            symbol=symbol,
            bought=_sum(executed, symbol, Side.BUY),
            sold=_sum(executed, symbol, Side.SELL),
            fills=sum(e.symbol == symbol for e in executed),
            realised=after.realised - (before[symbol].realised if symbol in before else nothing),
        )
        for symbol, after in sorted(folded(before, executed, changes).items())
        if any(e.symbol == symbol for e in executed)
    ]


def _sum(executed: Sequence[Execution], symbol: str, side: Side) -> Decimal:
    return sum((e.quantity for e in executed if e.symbol == symbol and e.side is side), Decimal(0))


def percentiles(milliseconds: Sequence[float]) -> dict[str, float | int | None]:
    """Return the median, the 99th percentile and how many there were; None without two."""
    if len(milliseconds) < 2:
        only = round(milliseconds[0], 3) if milliseconds else None
        return {"p50": only, "p99": only, "count": len(milliseconds)}
    cuts = quantiles(milliseconds, n=100, method="inclusive")
    return {"p50": round(cuts[49], 3), "p99": round(cuts[98], 3), "count": len(milliseconds)}


def _money(amount: Decimal | None) -> str | None:
    return None if amount is None else str(cents(amount))


def _price(price: Decimal | None) -> str | None:
    return None if price is None else plain(round(price, 6))


def render(body: Mapping[str, Any]) -> str:
    """Return the report as one HTML page without anything from elsewhere."""
    pages = jinja2.Environment(
        loader=jinja2.PackageLoader("app.pipeline", "pages"), autoescape=True
    )
    pages.filters["money"] = lambda text: f"{Decimal(text):,.2f}"
    pages.filters["clock"] = lambda text: local(text, body["zone"])
    return pages.get_template("report.html").render(body=body, curve=polyline(body["equity"]))


def local(text: str, zone: str) -> str:
    """Return an ISO time as the clock on the exchange's wall shows it."""
    return datetime.fromisoformat(text).astimezone(ZoneInfo(zone)).strftime("%H:%M:%S")


def polyline(equity: Sequence[Sequence[Any]], width: int = 760, height: int = 180) -> str:
    """Return an SVG polyline's points for (time, equity) pairs; empty with fewer than two."""
    values = [float(value) for _, value in equity]
    if len(values) < 2:
        return ""
    low, span = min(values), (max(values) - min(values)) or 1.0
    step = width / (len(values) - 1)
    return " ".join(
        f"{n * step:.1f},{height - (value - low) / span * height:.1f}"
        for n, value in enumerate(values)
    )
