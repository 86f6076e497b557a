"""One valid value of each of the engine's types; a test overrides only what it is about."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from book_builders import (
    MEGATECH,
    MINUTE,
    SECOND,
    SEMIS,
    WEIGHTS,
    D,
    a_book,
    a_mix_policy,
    a_model_policy,
    a_risk_policy,
    a_route_policy,
    a_signal_policy,
    an_event_policy,
    an_exit_policy,
)

from app.engine.baskets import RouteContext
from app.engine.book import BookStatus
from app.engine.candidates import Candidate, SignalContext
from app.engine.caps import DayCounts
from app.engine.events import Event, EventKind
from app.engine.exits import ExitContext
from app.engine.ids import client_order_id, signal_id, slot_of
from app.engine.market import Panel, Quote
from app.engine.orders import (
    BrokerOrder,
    Execution,
    Intent,
    Order,
    OrderState,
    OrderType,
    Purpose,
    Side,
    TimeInForce,
)
from app.engine.portfolio import Position
from app.engine.session import Phase, SessionHours
from app.engine.signals import Signal
from app.engine.sizing import RiskContext

__all__ = [
    "MEGATECH",
    "MINUTE",
    "SECOND",
    "SEMIS",
    "WEIGHTS",
    "D",
    "a_book",
    "a_mix_policy",
    "a_model_policy",
    "a_risk_policy",
    "a_route_policy",
    "a_signal_policy",
    "an_event_policy",
    "an_exit_policy",
]

#: Friday, 2026-03-20: 09:30 to 16:00 in New York; and the half day of 2025-12-24.
FULL_DAY = SessionHours(
    date(2026, 3, 20),
    datetime(2026, 3, 20, 13, 30, tzinfo=UTC),
    datetime(2026, 3, 20, 20, 0, tzinfo=UTC),
)
HALF_DAY = SessionHours(
    date(2025, 12, 24),
    datetime(2025, 12, 24, 14, 30, tzinfo=UTC),
    datetime(2025, 12, 24, 18, 0, tzinfo=UTC),
)
#: In the middle of the full day, at the start of a tick.
AT = datetime(2026, 3, 20, 15, 0, tzinfo=UTC)


def an_event(symbol: str | None = "AAPL", **changes: Any) -> Event:
    event = Event(
        id=f"e-1:{symbol}",
        kind=EventKind.MARKET_NEWS,
        symbol=symbol,
        at=AT,
        first_seen_at=AT,
        source="alphavantage",
        title="Something was announced",
        relevance=0.9,
        tone=0.5,
    )
    return replace(event, **changes)


def a_panel(symbols: Sequence[str] = ("AAPL", "MSFT"), bars: int = 40, seed: int = 1) -> Panel:
    """A random walk around 100, bars of 30 s that end at ``AT``."""
    draw = np.random.default_rng(seed)
    shape = (len(symbols), bars)
    close = 100 * np.cumprod(1 + draw.normal(0, 0.001, shape), axis=1)
    opened = np.concatenate([np.full((len(symbols), 1), 100.0), close[:, :-1]], axis=1)
    reach = draw.uniform(0, 0.05, shape)
    return Panel(
        symbols=tuple(symbols),
        end=AT,
        span=30 * SECOND,
        open=opened,
        high=np.maximum(opened, close) + reach,
        low=np.minimum(opened, close) - reach,
        close=close,
        volume=draw.uniform(0, 1000, shape),
    )


def a_candidate(**changes: Any) -> Candidate:
    candidate = Candidate(
        symbol="AAPL",
        score=0.3,
        own=0.3,
        price=100.0,
        bars=30,
        due=True,
        held=False,
        quoted_at=AT,
        last=None,
    )
    return replace(candidate, **changes)


def a_signal_context(**changes: Any) -> SignalContext:
    return replace(SignalContext(AT, FULL_DAY, a_book()), **changes)


def a_signal(symbol: str = "AAPL", score: float = 0.3, at: datetime = AT) -> Signal:
    slot = slot_of(at, 30 * SECOND)
    return Signal(
        signal_id("us_baskets", symbol, slot), "us_baskets", symbol, slot, at, score, 100.0
    )


def a_route_context(at: datetime = AT, **changes: Any) -> RouteContext:
    context = RouteContext(
        at=at, held={}, pending=frozenset(), prices={"SQQQ": D(30), "SOXS": D(20)}
    )
    return replace(context, **changes)


def a_quote(symbol: str = "AAPL", last: float = 100.0, **changes: Any) -> Quote:
    return replace(Quote(symbol, AT, last - 0.01, last, last, 1e6), **changes)


def a_position(symbol: str = "AAPL", quantity: int = 10, price: str = "100") -> Position:
    return Position(symbol, D(quantity), D(price), opened_at=AT - 10 * MINUTE)


def an_intent(**changes: Any) -> Intent:
    intent = Intent(
        id="an-intent",
        book="us_baskets",
        symbol="AAPL",
        side=Side.BUY,
        purpose=Purpose.ENTRY,
        price=D(100),
        at=AT,
    )
    return replace(intent, **changes)


def an_order(**changes: Any) -> Order:
    order = Order(
        client_id=client_order_id("PAPER", "us_baskets", "buy", "AAPL", D(10), "an-intent"),
        book="us_baskets",
        intent_id="an-intent",
        symbol="AAPL",
        side=Side.BUY,
        purpose=Purpose.ENTRY,
        quantity=D(10),
        type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        created_at=AT,
    )
    return replace(order, **changes)


def a_pending_entry(symbol: str = "MSFT", notional: int = 2000, **changes: Any) -> Order:
    """An entry that the broker works, with what it reserves."""
    money = D(notional)
    reserves = {"reserved_notional": money, "reserved_risk": money * D("0.015")}
    return an_order(symbol=symbol, **{"state": OrderState.SUBMITTED, **reserves, **changes})


def a_stop(state: OrderState = OrderState.SUBMITTED, **changes: Any) -> Order:
    """A stop of AAPL that rests at the broker."""
    stop = {"side": Side.SELL, "purpose": Purpose.PROTECT, "type": OrderType.STOP}
    return an_order(**{**stop, "stop_price": D("98.5"), "state": state, **changes})


def a_broker_order(order: Order, state: OrderState, filled: int = 0, **changes: Any) -> BrokerOrder:
    """What a broker would say of an order in this state."""
    seen = BrokerOrder(
        broker_id="b-1",
        client_id=order.client_id,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        filled_quantity=D(filled),
        average_price=D(100) if filled else None,
        state=state,
        type=order.type,
        time_in_force=order.time_in_force,
        created_at=AT,
        status=state.lower(),
    )
    return replace(seen, **changes)


def an_execution(**changes: Any) -> Execution:
    fill = Execution("b-1:10", "b-1", "AAPL", Side.BUY, D(10), D(100), D(10), AT)
    return replace(fill, **changes)


def a_risk_context(equity: str = "10000", **changes: Any) -> RiskContext:
    money = D(equity)
    context = RiskContext(
        at=AT,
        hours=FULL_DAY,
        phase=Phase.TRADING,
        equity=money,
        cash=money,
        buying_power=money,
        day_start_equity=money,
        positions={},
        quotes={"AAPL": a_quote()},
        pending=(),
        status=BookStatus.ACTIVE,
        reconciled=True,
        entries=DayCounts(),
        gains=(),
        unreachable=0 * SECOND,
        debut=None,
    )
    return replace(context, **changes)


def an_exit_context(at: datetime = AT, **changes: Any) -> ExitContext:
    context = ExitContext(
        at=at,
        hours=FULL_DAY,
        positions={"AAPL": a_position()},
        quotes={"AAPL": a_quote(at=at)},
        orders=(),
        auctions=True,
    )
    return replace(context, **changes)


def by_symbol(*positions: Position) -> Mapping[str, Position]:
    return {position.symbol: position for position in positions}
