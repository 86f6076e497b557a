"""One valid value of each of the engine's types; a test overrides only what it is about."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from app.engine.baskets import RouteContext
from app.engine.book import (
    Basket,
    Book,
    BookStatus,
    Mode,
    RateLimit,
    RiskPolicy,
    RoutePolicy,
    SchedulePolicy,
    SessionPolicy,
    SignalPolicy,
    Universe,
)
from app.engine.candidates import Candidate, SignalContext
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

D = Decimal
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)

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

MEGATECH = Basket(
    name="MEGATECH",
    members=("AAPL", "MSFT", "AMZN", "META", "GOOGL", "TSLA"),
    etf="SQQQ",
    min_signals=3,
    min_negative_share=0.60,
    max_mean=-0.12,
    ticks=2,
)
SEMIS = replace(MEGATECH, name="SEMIS", members=("NVDA", "AMD", "AVGO"), etf="SOXS")

WEIGHTS = {"trend": 0.35, "momentum": 0.30, "mean_reversion": 0.15, "volume": 0.20}


def a_signal_policy(**changes: Any) -> SignalPolicy:
    policy = SignalPolicy(
        history=30,
        mixer_threshold=0.12,
        cutoff_regular=0.12,
        cutoff_extended=0.18,
        cutoff_delta=0.0,
        cooldown=timedelta(seconds=180),
        direction_lock=timedelta(seconds=90),
        max_data_age=timedelta(seconds=90),
        weights=WEIGHTS,
    )
    return replace(policy, **changes)


def a_route_policy(**changes: Any) -> RoutePolicy:
    policy = RoutePolicy(
        baskets=(MEGATECH, SEMIS),
        conflicts=(("QQQ", "SQQQ"), ("SOXL", "SOXS"), ("TNA", "TZA")),
        etf_lock=timedelta(seconds=90),
        evidence_window=timedelta(seconds=300),
        tick=timedelta(seconds=30),
    )
    return replace(policy, **changes)


def a_risk_policy(**changes: Any) -> RiskPolicy:
    policy = RiskPolicy(
        risk_per_trade=D("0.005"),
        max_concurrent_risk=D("0.02"),
        daily_loss_limit=D("0.02"),
        max_positions=4,
        stop_loss=D("0.015"),
        max_exposure=D("0.80"),
        min_slots=3,
        max_price_age=timedelta(seconds=90),
        max_intent_age=timedelta(seconds=60),
        orders_per_minute=30,
    )
    return replace(policy, **changes)


def a_book(**changes: Any) -> Book:
    book = Book(
        id="us_baskets",
        broker="alpaca",
        calendar="XNYS",
        strategy="us_baskets",
        currency="USD",
        mode=Mode.PAPER,
        auto=True,
        universe=Universe(
            tier_a=("NVDA", "AAPL", "MSFT", "TSLA"),
            tier_b=("AMZN", "GOOGL", "META", "SQQQ"),
            bench=("AMD", "AVGO", "NFLX", "SOXS"),
            inverse={"SQQQ": "QQQ", "SOXS": "SOXL"},
            tier_a_interval=timedelta(seconds=30),
            tier_b_interval=timedelta(seconds=60),
            max_inverse_share=0.17,
        ),
        signals=a_signal_policy(),
        routing=a_route_policy(),
        risk=a_risk_policy(),
        session=SessionPolicy(12 * MINUTE, 5 * MINUTE, 5 * MINUTE, 5 * MINUTE),
        schedule=SchedulePolicy(
            quotes=30 * SECOND,
            signals=30 * SECOND,
            pipeline=15 * SECOND,
            stops=MINUTE,
            session=15 * SECOND,
            reconcile=MINUTE,
        ),
        rate_limits={"quotes": RateLimit(10, MINUTE, 1)},
    )
    return replace(book, **changes)


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
        symbol="AAPL", score=0.3, price=100.0, bars=30, due=True, quoted_at=AT, last=None
    )
    return replace(candidate, **changes)


def a_signal_context(**changes: Any) -> SignalContext:
    return replace(SignalContext(AT, FULL_DAY, a_signal_policy()), **changes)


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
