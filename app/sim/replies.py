"""What the trading endpoints answer with: accounts, positions, assets, executions as JSON."""

import uuid
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from app.sim.exchange import Exchange
from app.sim.ledger import Fill
from app.sim.orders import asset_id, text
from app.sim.permission import shares_promised
from app.sim.settings import Terms
from app.sim.tape import Tape
from app.sim.times import in_new_york, rfc3339
from app.sim.timetable import Session, Timetable

ACCOUNT_ID = str(uuid.uuid5(uuid.NAMESPACE_DNS, "account.metronome"))


def account(exchange: Exchange) -> dict[str, Any]:
    """Return the account, money as decimal strings."""
    (long, short), equity = exchange.values(), exchange.equity()
    power = text(exchange.buying_power())
    return {
        "id": ACCOUNT_ID,
        "account_number": "SIM000000001",
        "status": "ACTIVE",
        "crypto_status": "INACTIVE",
        "currency": "USD",
        "cash": text(exchange.ledger.cash),
        "equity": text(equity),
        "last_equity": text(exchange.last_equity),
        "portfolio_value": text(equity),
        "buying_power": power,
        "regt_buying_power": power,
        "non_marginable_buying_power": power,
        "options_buying_power": "0",
        "options_approved_level": "0",
        "options_trading_level": "0",
        "multiplier": text(exchange.terms.multiplier),
        "long_market_value": text(long),
        "short_market_value": text(short),
        "position_market_value": text(long - short),
        "initial_margin": text((long - short) / exchange.terms.multiplier),
        "maintenance_margin": text((long - short) / exchange.terms.multiplier),
        "last_maintenance_margin": "0",
        "sma": "0",
        "accrued_fees": "0",
        "pending_transfer_in": "0",
        "pending_transfer_out": "0",
        "intraday_adjustments": "0",
        "balance_asof": in_new_york(exchange.at - 86_400).date().isoformat(),
        "shorting_enabled": exchange.terms.may_short,
        "trading_blocked": False,
        "transfers_blocked": False,
        "account_blocked": False,
        "trade_suspended_by_user": False,
        "created_at": rfc3339(exchange.started_at),
    }


def configurations(terms: Terms) -> dict[str, Any]:
    """Return the account's configuration as it starts."""
    return {
        "no_shorting": not terms.may_short,
        "suspend_trade": False,
        "fractional_trading": True,
        "max_margin_multiplier": text(terms.multiplier),
        "trade_confirm_email": "none",
        "ptp_no_exception_entry": False,
        "max_options_trading_level": 0,
    }


def position(exchange: Exchange, symbol: str) -> dict[str, Any]:
    """Return what is held of a symbol, valued at its last price."""
    holding = exchange.ledger.holdings[symbol]
    price, before = exchange.price(symbol), last_close(exchange, symbol)
    value, gain = holding.quantity * price, holding.quantity * price - holding.cost
    today = holding.quantity * (price - before)
    promised = shares_promised(exchange.book.open(symbol), price)
    money = {
        "avg_entry_price": text(round(holding.average, 6)),
        "market_value": text(value),
        "cost_basis": text(round(holding.cost, 9)),
        "unrealized_pl": text(round(gain, 9)),
        "unrealized_plpc": _share(gain, abs(holding.cost)),
        "unrealized_intraday_pl": text(round(today, 9)),
        "unrealized_intraday_plpc": _share(today, abs(holding.quantity) * before),
        "current_price": text(price),
        "lastday_price": text(before),
        "change_today": _share(price - before, before),
    }
    return {
        "asset_id": asset_id(symbol),
        "symbol": symbol,
        "exchange": "NASDAQ",
        "asset_class": "us_equity",
        "asset_marginable": True,
        "qty": text(holding.quantity),
        "qty_available": text(holding.quantity - promised),
        "side": "long" if holding.quantity > 0 else "short",
        **money,
        "usd": money,
    }


def last_close(exchange: Exchange, symbol: str) -> Decimal:
    """Return the last price of the session before the present one; the first price before that."""
    session = exchange.timetable.latest(exchange.at)
    before = session.open - 1 if session else exchange.at
    trade = exchange.market.last_trade(symbol, before)
    return trade.price if trade else exchange.market.tapes[symbol].price(0, 0)


def _share(part: Decimal, whole: Decimal) -> str | None:
    return text(round(part / whole, 9)) if whole else None


def asset(exchange: Exchange, tape: Tape) -> dict[str, Any]:
    """Return a symbol's asset; its name says where its prices come from."""
    rule = f"derived: {tape.derived}" if tape.derived else exchange.market.source
    price, before = exchange.price(tape.symbol), last_close(exchange, tape.symbol)
    return {
        "id": asset_id(tape.symbol),
        "class": "us_equity",
        "exchange": "NASDAQ",
        "symbol": tape.symbol,
        "name": f"{tape.symbol} (simulated; {rule})",
        "status": "active",
        "tradable": True,
        "marginable": True,
        "shortable": exchange.terms.may_short,
        "easy_to_borrow": exchange.terms.may_short,
        "borrow_status": "easy_to_borrow" if exchange.terms.may_short else "not_shortable",
        "fractionable": True,
        "maintenance_margin_requirement": 100,
        "last_price": text(price),
        "last_close_pct_change": _share(price - before, before),
        "attributes": ["derived"] if tape.derived else [],
    }


def activity(fill: Fill) -> dict[str, Any]:
    """Return an execution as the account's ledger lists it."""
    done = fill.leaves == 0
    return {
        "id": activity_id(fill),
        "activity_type": "FILL",
        "transaction_time": rfc3339(fill.at),
        "type": "fill" if done else "partial_fill",
        "price": text(fill.price),
        "qty": text(fill.quantity),
        "side": fill.side,
        "symbol": fill.symbol,
        "leaves_qty": text(fill.leaves),
        "order_id": fill.order_id,
        "cum_qty": text(fill.cumulative),
        "order_status": "filled" if done else "partially_filled",
    }


def fee(fill: Fill, per_share: Decimal) -> dict[str, Any]:
    """Return what an execution was charged as the account's ledger lists it: by its date."""
    return {
        "id": activity_id(fill, "FEE"),
        "activity_type": "FEE",
        "date": in_new_york(fill.at).date().isoformat(),
        "net_amount": text(-fill.quantity * per_share),
        "description": f"fee for {text(fill.quantity)} shares of {fill.symbol}",
        "symbol": fill.symbol,
        "status": "executed",
    }


def activity_id(fill: Fill, kind: str = "FILL") -> str:
    """Return the ledger's id of an execution: its New York time, then an id of its own."""
    at, name = in_new_york(fill.at), fill.id if kind == "FILL" else f"{kind}:{fill.id}"
    return f"{at:%Y%m%d%H%M%S}{at.microsecond // 1000:03d}::{uuid.uuid5(uuid.NAMESPACE_OID, name)}"


def clock(timetable: Timetable, now: float) -> dict[str, Any]:
    """Return the service's clock, in New York's time."""
    return {
        "timestamp": in_new_york(now).isoformat(timespec="microseconds"),
        "is_open": timetable.at(now) is not None,
        "next_open": in_new_york(timetable.next_open(now).open).isoformat(),
        "next_close": in_new_york(timetable.next_close(now)).isoformat(),
    }


def calendar(timetable: Timetable, first: date, last: date) -> list[dict[str, Any]]:
    """Return trading days, in New York's time without a zone; trades settle a session later."""
    return [
        _calendar_day(session, timetable.next_open(session.close))
        for session in timetable.between(first, last)
        if session is not timetable.sessions[-1]
    ]


def _calendar_day(session: Session, after: Session) -> dict[str, Any]:
    begin, end = in_new_york(session.open), in_new_york(session.close)
    return {
        "date": session.day.isoformat(),
        "open": f"{begin:%H:%M}",
        "close": f"{end:%H:%M}",
        "session_open": "0400",
        "session_close": f"{end + timedelta(hours=4):%H%M}",
        "settlement_date": after.day.isoformat(),
    }
